#pragma once
// What a server keeps under a URL and a client changes by reading it and writing it back: instances, profiles, pools,
// images, the server itself. One piece for all commands that show, edit, get, set and unset.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/server.h"
#include "client/shapes.h"

namespace client {

struct ObjectKind {
    std::string (*url)(const std::string& name);
    const Shape* shown;             // as it is printed and edited
    const Shape* writable;          // what a PUT carries
    std::string_view heading = {};  // above it in an editor
    std::string_view no_name = {};  // the complaint where no name was given; empty: no name is needed
    bool unset_says_absent = false; // unsetting a key that is not set is an error
    bool get_is_silent = false;     // getting a key that is not set prints nothing, not even an empty line
};

namespace kinds {

extern const ObjectKind instance, snapshot, profile, pool, server;
extern const ObjectKind volume, volume_snapshot; // named by their URLs, as they are known by three names
extern const ObjectKind image;                   // named by its fingerprint
extern const ObjectKind metadata;                // of an instance's image; named by the instance

} // namespace kinds

/// "c1" or "c1/snapshot".
const ObjectKind& instance_kind(std::string_view name);

class Object {
public:
    Object(Server& server, const ObjectKind& kind, std::string name)
        : server_(server), kind_(&kind), name_(std::move(name)) {}

    /// Fetches it; store() then refuses to overwrite what others changed since.
    schema::Json& load();
    /// Sends the writable part back and waits.
    void store();
    /// Lets the user change it: in an editor, or by YAML from standard input where that is no terminal.
    void edit();

    /// Both fetch the object.
    std::string yaml();
    schema::Json& config();

    const std::string& name() const { return name_; }
    const ObjectKind& kind() const { return *kind_; }

private:
    Server& server_;
    const ObjectKind* kind_;
    std::string name_;
    schema::Json value_;
    std::string etag_;
};

} // namespace client
