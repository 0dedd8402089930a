#pragma once
// One run of the program: the global flags, the remotes and the connections to them. Made by dispatch and handed to
// the command that runs.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "client/remotes.h"
#include "client/server.h"

namespace client {

struct Globals {
    bool force_local = false;
    bool debug = false;
    bool verbose = false;
    bool quiet = false;
    std::string project = {};
};

/// A server, and the name of something on it.
struct Resource {
    Server& server;
    std::string remote;
    std::string name;
};

class Session {
public:
    /// For what must not print: nothing is written at a first run.
    enum class Greeting { none };
    Session(Globals globals, Greeting);
    /// Reads the configuration; at the very first run of a user it is written, with a hint on standard error.
    Session(Globals globals, std::string_view command);

    const Globals& globals() const { return globals_; }
    bool quiet() const { return globals_.quiet; }
    const Remotes& remotes() const { return remotes_; }

    /// Changes what config.yml holds and writes it; nothing is written when `change` throws. Returns the exit code 0.
    int change_configuration(const std::function<void(Remotes&)>& change);

    /// The server of "remote:name"; without a remote, the default one. Connects when it is first used.
    Resource resource(std::string_view text);
    /// As resource, but an empty name throws bad_request with `complaint`.
    Resource named(std::string_view text, std::string_view complaint);
    Server& server(const std::string& remote);

private:
    Trace trace() const;
    void greet(const std::string& config_path, std::string_view command);

    Globals globals_;
    Remotes remotes_;
    std::map<std::string, std::unique_ptr<Server>> servers_;
};

/// Prints to standard output; a reader that went away ends the program quietly.
void print(std::string_view text);

} // namespace client
