#include "client/session.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/files.h"
#include "schema/error.h"

namespace client {

namespace {

void make_folders(const std::string& path) {
    for (size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
        const auto folder = path.substr(0, slash);
        if (::mkdir(folder.c_str(), 0750) != 0 && errno != EEXIST) {
            throw std::system_error(errno, std::generic_category(), "mkdir " + folder);
        }
        if (slash == std::string::npos) return;
    }
}

/// Has the local server a storage pool yet?
bool is_set_up(const Remotes& remotes) {
    try {
        Server server(socket_path(remotes.get("local")));
        const auto& storage = server.get("/1.0").metadata["environment"]["storage"];
        return storage.is_string() && !storage.as_string().empty();
    } catch (const schema::Error&) {
        return false;
    }
}

} // namespace

Session::Session(Globals globals, std::string_view command) : globals_(std::move(globals)) {
    if (!globals_.project.empty() && globals_.project != "default") {
        throw schema::bad_request("The project \"{}\" cannot be used: \"default\" is the only one so far",
                                  globals_.project);
    }
    if (globals_.force_local) return;
    const auto path = join_path(config_folder(), "config.yml");
    if (base::exists(path)) {
        remotes_ = Remotes::load(path);
    } else if (base::exists(server_folder())) {
        greet(path, command);
    }
}

void Session::greet(const std::string& config_path, std::string_view command) {
    make_folders(dir_name(config_path));
    bool said_something = false;
    if (!is_set_up(remotes_)) {
        fmt::print(stderr, "If this is your first time running LXD on this machine, you should also run: lxd init\n");
        said_something = true;
    }
    if (command != "init" && command != "launch") {
        fmt::print(stderr, "To start your first container, try: lxc launch ubuntu:22.04\n"
                           "Or for a virtual machine: lxc launch ubuntu:22.04 --vm\n");
        said_something = true;
    }
    if (said_something) fmt::print(stderr, "\n");
    remotes_.save(config_path);
}

Session::Session(Globals globals, Greeting) : globals_(std::move(globals)) {
    const auto path = join_path(config_folder(), "config.yml");
    if (base::exists(path)) remotes_ = Remotes::load(path);
}

int Session::change_configuration(const std::function<void(Remotes&)>& change) {
    const auto path = join_path(config_folder(), "config.yml");
    // With --force-local it was not read.
    auto changed = globals_.force_local && base::exists(path) ? Remotes::load(path) : remotes_;
    change(changed);
    make_folders(dir_name(path));
    changed.save(path);
    remotes_ = std::move(changed);
    return 0;
}

Resource Session::resource(std::string_view text) {
    auto target = remotes_.resolve(text);
    auto& its_server = server(target.remote);
    return {its_server, std::move(target.remote), std::move(target.name)};
}

Resource Session::named(std::string_view text, std::string_view complaint) {
    auto found = resource(text);
    if (found.name.empty()) throw schema::bad_request("{}", complaint);
    return found;
}

Server& Session::server(const std::string& remote) {
    auto& known = servers_[remote];
    if (known) return *known;
    const auto& entry = remotes_.get(remote);
    if (!entry.address.starts_with("unix:")) {
        throw schema::bad_request("The remote \"{}\" ({}) cannot be used yet: only servers on this machine can be "
                                  "reached, over their unix socket",
                                  remote, entry.address);
    }
    known = std::make_unique<Server>(socket_path(entry), trace());
    return *known;
}

Trace Session::trace() const {
    if (globals_.debug) return Trace::bodies;
    return globals_.verbose ? Trace::calls : Trace::none;
}

void print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
}

} // namespace client
