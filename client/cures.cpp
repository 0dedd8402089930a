#include "client/cures.h"

#include <array>
#include <cstdio>
#include <vector>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "client/suggestions.h"
#include "client/terminal.h"
#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/keys/pool.h"
#include "schema/keys/server.h"
#include "schema/keys/volume.h"

namespace client {

namespace {

constexpr std::string_view dialling = "dial unix ";
constexpr std::string_view connecting = ": connect: ";

std::string socket_path_in(std::string_view error) {
    const auto begin = error.find(dialling) + dialling.size();
    return std::string(error.substr(begin, error.find(connecting, begin) - begin));
}

/// The group that may use a socket; empty where it is root's alone or cannot be seen.
std::string group_of(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0 || status.st_gid == 0) return "";
    const auto* group = ::getgrgid(status.st_gid);
    return group == nullptr ? "" : group->gr_name;
}

std::string user_name() {
    const auto* user = ::getpwuid(::getuid());
    return user == nullptr ? "USER" : user->pw_name;
}

std::string cure_for_socket(std::string_view error) {
    const auto path = socket_path_in(error);
    if (error.find("permission denied") == std::string_view::npos) {
        return fmt::format(
            "Is the daemon running? It is started with \"systemctl start lxd\", or as root with \"lxd\". Its "
            "socket is looked for at {}; LXD_DIR says where else it may be.",
            path);
    }
    const auto group = group_of(path);
    if (group.empty()) return "Only root may use the server's socket: try again with sudo.";
    return fmt::format(
        "The members of the group \"{0}\" may use the server: run \"sudo usermod -a -G {0} {1}\" and log in "
        "again.",
        group, user_name());
}

struct Cure {
    std::string_view error; // a part of it
    std::string_view words;
};
constexpr std::array<Cure, 19> cures{{
    {"No root device could be found",
     "Name a storage pool with -s, or give the default profile one: \"lxc profile device add default root disk "
     "pool=default path=/\"."},
    {"The remote \"", "\"lxc remote list\" shows the servers there are."},
    {"Failed loading profile", "\"lxc profile list\" shows the profiles there are."},
    {"Image not found",
     "\"lxc image list\" shows the images there are, \"lxc image import FILE --alias NAME\" adds one."},
    {"Instance not found", "\"lxc list\" shows the instances there are."},
    {"Profile not found", "\"lxc profile list\" shows the profiles there are."},
    {"InstanceSnapshot not found", "\"lxc info\" shows the snapshots that an instance has."},
    {"Storage pool volume not found", "\"lxc storage volume list\" shows the volumes that a pool has."},
    {"Storage pool is currently in use", "\"lxc storage info\" shows what uses it."},
    {"The storage pool is currently in use", "\"lxc storage info\" shows what uses it."},
    {"volume is still in use",
     "\"lxc storage volume show\" says by what; \"lxc storage volume detach\" takes it away."},
    {"Backup is missing index.yaml", "It is no file of \"lxc export\". \"lxc image import\" reads images."},
    {"Storage pool not found", "\"lxc storage list\" shows the pools there are, \"lxc storage create\" makes one."},
    {"Instance is not running", "\"lxc start\" starts it."},
    {"Instance is running", "\"lxc stop\" stops it."},
    {"ETag doesn't match", "Somebody else has changed it meanwhile: look at it and try again."},
    {"No space left on device", "\"lxc storage info\" shows what the pool holds, \"lxc image delete\" makes room."},
    {": is a directory", "\"lxc file push -r\" copies folders with everything in them."},
    {"sshfs not found", "\"lxc file pull -r\" copies folders without it."},
}};

std::vector<std::string_view> names_of(const auto& rows) {
    std::vector<std::string_view> names;
    for (const auto& row : rows) names.push_back(row.name);
    return names;
}

std::vector<std::string_view> device_options() {
    std::vector<std::string_view> names;
    for (const auto& type : schema::device_types()) {
        const auto of_type = names_of(type.options);
        names.insert(names.end(), of_type.begin(), of_type.end());
    }
    return names;
}

/// Errors that name a key which there is not: what stands around it, and the keys there are.
struct UnknownKey {
    std::string_view before;
    std::string_view after; // empty: the key is the last of the error
    std::string_view also;  // what must be in the error besides: else a value is at fault
    std::vector<std::string_view> (*names)();
};
constexpr std::array<UnknownKey, 6> unknown_keys{{
    {"Unknown configuration key: ", "", "", [] { return names_of(schema::instance_keys()); }},
    {"Invalid config key '", "'", "", [] { return names_of(schema::instance_keys()); }},
    {"Invalid device option \"", "\"", "", device_options},
    {"Invalid option \"", "\"", "", [] { return names_of(schema::pool_keys()); }},
    {"\" option \"", "\"", "Invalid option for volume", [] { return names_of(schema::volume_keys()); }},
    {"cannot set '", "' to '", "unknown key", [] { return names_of(schema::server_keys()); }},
}};

std::string cure_for_key(std::string_view error) {
    for (const auto& unknown : unknown_keys) {
        auto begin = error.find(unknown.before);
        if (begin == std::string_view::npos) continue;
        if (error.find(unknown.also) == std::string_view::npos) continue;
        begin += unknown.before.size();
        const auto end = unknown.after.empty() ? error.size() : error.find(unknown.after, begin);
        const auto key = nearest(unknown.names(), error.substr(begin, end - begin));
        if (!key.empty()) return fmt::format("Did you mean \"{}\"?", key);
    }
    return "";
}

} // namespace

std::string cure_for(std::string_view error) {
    const auto dial = error.find(dialling);
    if (dial != std::string_view::npos && error.find(connecting, dial) != std::string_view::npos) {
        return cure_for_socket(error);
    }
    if (auto cure = cure_for_key(error); !cure.empty()) return cure;
    for (const auto& cure : cures) {
        if (error.find(cure.error) != std::string_view::npos) return std::string(cure.words);
    }
    return "";
}

void print_error(std::string_view error, std::string_view cure) {
    std::fflush(stdout);
    if (!is_terminal(STDERR_FILENO)) {
        fmt::print(stderr, "Error: {}\n", error);
        return;
    }
    const bool colour = wants_colour();
    fmt::print(stderr, "{}Error:{} {}\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "", error);
    const auto found = cure.empty() ? cure_for(error) : std::string(cure);
    if (!found.empty()) fmt::print(stderr, "{}\n", found);
}

} // namespace client
