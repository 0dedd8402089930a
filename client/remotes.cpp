#include "client/remotes.h"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <optional>

#include <pwd.h>
#include <unistd.h>

#include <yaml-cpp/yaml.h>

#include "client/yaml_out.h"
#include "daemon/base/files.h"
#include "schema/error.h"
#include "schema/json.h"

namespace client {

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

struct BuiltIn {
    const char* name;
    const char* address;
    const char* protocol;
    bool is_public;
    bool is_static;
};
constexpr std::array<BuiltIn, 4> built_in{{
    {"local", "unix://", "", false, true},
    {"ubuntu", "https://cloud-images.ubuntu.com/releases", "simplestreams", true, true},
    {"ubuntu-daily", "https://cloud-images.ubuntu.com/daily", "simplestreams", true, true},
    {"images", "https://images.linuxcontainers.org", "simplestreams", true, false},
}};

Remote remote_of(const BuiltIn& entry) {
    return {.address = entry.address,
            .protocol = entry.protocol,
            .is_public = entry.is_public,
            .is_static = entry.is_static};
}

std::string text_at(const YAML::Node& node, const char* key) {
    return node[key] && node[key].IsScalar() ? node[key].Scalar() : "";
}

std::map<std::string, Remote> remotes_in(const YAML::Node& file) {
    std::map<std::string, Remote> remotes;
    if (!file["remotes"] || !file["remotes"].IsMap()) return remotes;
    for (const auto& entry : file["remotes"]) {
        Remote remote{.address = text_at(entry.second, "addr"),
                      .auth_type = text_at(entry.second, "auth_type"),
                      .domain = text_at(entry.second, "domain"),
                      .project = text_at(entry.second, "project"),
                      .protocol = text_at(entry.second, "protocol"),
                      .is_public = entry.second["public"] && entry.second["public"].as<bool>(false)};
        remotes.emplace(entry.first.Scalar(), std::move(remote));
    }
    return remotes;
}

YAML::Node parsed(const std::string& content) {
    try {
        return YAML::Load(content);
    } catch (const YAML::Exception& error) {
        throw schema::bad_request("Unable to decode the configuration: yaml: {}", error.what());
    }
}

} // namespace

Remotes::Remotes() {
    for (const auto& entry : built_in) remotes_.emplace(entry.name, remote_of(entry));
}

Remotes Remotes::load(const std::string& path) {
    std::string content;
    try {
        content = base::read_file(path);
    } catch (const std::system_error& error) {
        throw schema::failure("Unable to read the configuration file: {}", error.what());
    }
    const auto file = parsed(content);

    Remotes result;
    result.remotes_ = remotes_in(file);
    for (auto& [name, remote] : result.remotes_) {
        if (!remote.is_public && remote.auth_type.empty()) remote.auth_type = "tls";
    }
    auto global_folder = environment("LXD_GLOBAL_CONF");
    if (global_folder.empty()) global_folder = "/etc/lxc";
    if (const auto global = base::read_file_if_exists(global_folder + "/config.yml")) {
        for (auto& [name, remote] : remotes_in(parsed(*global))) {
            remote.is_global = true;
            result.remotes_.try_emplace(name, remote);
        }
    }
    for (const auto& entry : built_in) {
        if (!entry.is_static) continue;
        auto remote = remote_of(entry);
        remote.project = result.remotes_[entry.name].project;
        result.remotes_[entry.name] = std::move(remote);
    }
    if (file["aliases"] && file["aliases"].IsMap()) {
        for (const auto& entry : file["aliases"]) {
            if (entry.second.IsScalar()) result.aliases_.emplace(entry.first.Scalar(), entry.second.Scalar());
        }
    }
    result.chosen_ = environment("LXC_REMOTE");
    if (auto named = text_at(file, "default-remote"); !named.empty()) result.default_ = std::move(named);
    return result;
}

void Remotes::save(const std::string& path) const {
    auto listed = schema::Json::empty_object();
    for (const auto& [name, remote] : remotes_) {
        if (remote.is_global || (remote.is_static && name != "local")) continue;
        auto entry = schema::Json::empty_object();
        entry.set("addr", remote.address);
        if (!remote.auth_type.empty()) entry.set("auth_type", remote.auth_type);
        if (!remote.domain.empty()) entry.set("domain", remote.domain);
        if (!remote.project.empty()) entry.set("project", remote.project);
        if (!remote.protocol.empty()) entry.set("protocol", remote.protocol);
        entry.set("public", remote.is_public);
        listed.set(name, std::move(entry));
    }
    auto file = schema::Json::empty_object();
    file.set("default-remote", default_).set("remotes", std::move(listed)).set("aliases", aliases_);
    base::replace_file(path, yaml(file), 0644);
}

Target Remotes::resolve(std::string_view text) const {
    auto target = split_target(text);
    if (text.find(':') == std::string_view::npos) return {default_name(), std::string(text)};
    if (!remotes_.contains(target.remote)) {
        // A snapshot's name may hold a colon: "c1/10:30".
        if (target.remote.find('/') != std::string::npos) return {default_name(), std::string(text)};
        throw schema::bad_request("The remote \"{}\" doesn't exist", target.remote);
    }
    return target;
}

const Remote& Remotes::get(const std::string& name) const {
    const auto found = remotes_.find(name);
    if (found == remotes_.end()) throw schema::bad_request("The remote \"{}\" doesn't exist", name);
    return found->second;
}

std::string config_folder() {
    if (auto folder = environment("LXD_CONF"); !folder.empty()) return folder;
    auto home = environment("HOME");
    if (home.empty()) {
        const auto* user = ::getpwuid(::getuid());
        if (user == nullptr) throw schema::failure("Failed finding the home folder of user {}", ::getuid());
        home = user->pw_dir;
    }
    return home + "/.config/lxc";
}

std::string server_folder() {
    auto folder = environment("LXD_DIR");
    return folder.empty() ? "/var/lib/lxd" : folder;
}

std::string socket_path(const Remote& remote) {
    std::string_view address = remote.address;
    if (address.starts_with("unix:")) address.remove_prefix(5);
    if (address.starts_with("//")) address.remove_prefix(2);
    if (!address.empty()) return std::string(address);
    auto path = environment("LXD_SOCKET");
    return path.empty() ? join_path(server_folder(), "unix.socket") : path;
}

} // namespace client
