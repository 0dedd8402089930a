#include "client/cures.h"

#include <array>
#include <cstdio>
#include <cstdlib>

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/format.h>

#include "client/terminal.h"

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
constexpr std::array<Cure, 12> cures{{
    {"No root device could be found",
     "Name a storage pool with -s, or give the default profile one: \"lxc profile device add default root disk "
     "pool=default path=/\"."},
    {"The remote \"", "\"lxc remote list\" shows the servers there are."},
    {"Failed loading profile", "\"lxc profile list\" shows the profiles there are."},
    {"Image not found",
     "\"lxc image list\" shows the images there are, \"lxc image import FILE --alias NAME\" adds one."},
    {"Instance not found", "\"lxc list\" shows the instances there are."},
    {"Profile not found", "\"lxc profile list\" shows the profiles there are."},
    {"Storage pool not found", "\"lxc storage list\" shows the pools there are, \"lxc storage create\" makes one."},
    {"Instance is not running", "\"lxc start\" starts it."},
    {"Instance is running", "\"lxc stop\" stops it."},
    {"ETag doesn't match", "Somebody else has changed it meanwhile: look at it and try again."},
    {"No space left on device", "\"lxc storage info\" shows what the pool holds, \"lxc image delete\" makes room."},
    {"sshfs not found", "\"lxc file pull -r\" copies folders without it."},
}};

bool wants_colour() {
    const char* forbidden = std::getenv("NO_COLOR");
    const char* terminal = std::getenv("TERM");
    return (forbidden == nullptr || *forbidden == '\0') && terminal != nullptr && std::string_view(terminal) != "dumb";
}

} // namespace

std::string cure_for(std::string_view error) {
    const auto dial = error.find(dialling);
    if (dial != std::string_view::npos && error.find(connecting, dial) != std::string_view::npos) {
        return cure_for_socket(error);
    }
    for (const auto& cure : cures) {
        if (error.find(cure.error) != std::string_view::npos) return std::string(cure.words);
    }
    return "";
}

void print_error(std::string_view error) {
    std::fflush(stdout);
    if (!is_terminal(STDERR_FILENO)) {
        fmt::print(stderr, "Error: {}\n", error);
        return;
    }
    const bool colour = wants_colour();
    fmt::print(stderr, "{}Error:{} {}\n", colour ? "\033[1;31m" : "", colour ? "\033[0m" : "", error);
    if (const auto cure = cure_for(error); !cure.empty()) fmt::print(stderr, "{}\n", cure);
}

} // namespace client
