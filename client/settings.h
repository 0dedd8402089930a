#pragma once
// What has configuration and devices: instances and profiles, read and written back in the same manner. Also the
// "key=value" arguments with which commands set things.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "client/server.h"

namespace client {

class Holder {
public:
    enum class Kind { instance, profile };

    Holder(Server& server, Kind kind, std::string name) : server_(server), kind_(kind), name_(std::move(name)) {}

    /// Fetches it; store() then refuses to overwrite what others changed since.
    schema::Json& load();
    void store();
    const std::string& name() const { return name_; }
    bool is_profile() const { return kind_ == Kind::profile; }

private:
    Server& server_;
    Kind kind_;
    std::string name_;
    schema::Json object_;
    std::string etag_;
};

/// "key=value"..., or "key" "value". A value of "-" is read from standard input where that is no terminal.
std::map<std::string, std::string> parse_settings(const std::vector<std::string>& words);

/// The member of an object as an object that can be changed; made if it is missing or null.
schema::Json& object_member(schema::Json& object, std::string_view key);
void remove_member(schema::Json& object, std::string_view key);
/// Of a map of texts; empty where it is missing.
std::string text_member(const schema::Json& object, std::string_view key);

} // namespace client
