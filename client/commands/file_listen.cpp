#include "client/commands/file_listen.h"

#include <array>
#include <cerrno>
#include <cstdio>

#include <unistd.h>

#include "schema/error.h"

namespace client {

namespace {

constexpr std::string_view program = "lxc-sftp-listener";

/// In the build folder, beside this program, or installed.
std::string listener_path() {
    std::array<char, 4096> buffer;
    const auto size = ::readlink("/proc/self/exe", buffer.data(), buffer.size());
    const auto self = size > 0 ? std::string(buffer.data(), static_cast<size_t>(size)) : std::string("/usr/bin/lxc");
    const auto here = self.substr(0, self.rfind('/'));
    for (const auto& folder : {here + "/sftp_listener", here, here + "/../libexec", std::string("/usr/libexec")}) {
        auto path = fmt::format("{}/{}", folder, program);
        if (::access(path.c_str(), X_OK) == 0) return path;
    }
    throw schema::failure("{} not found: it is installed with this program, in the folder libexec", program);
}

std::vector<std::string> words_for(const Globals& globals, const FlagValues& chosen, const std::string& word) {
    std::vector<std::string> words{listener_path()};
    for (const std::string name : {"listen", "auth-user"}) {
        if (const auto value = chosen.text(name); !value.empty()) words.push_back(fmt::format("--{}={}", name, value));
    }
    if (!globals.project.empty()) words.push_back("--project=" + globals.project);
    if (chosen.on("no-auth")) words.emplace_back("--no-auth");
    if (globals.force_local) words.emplace_back("--force-local");
    words.emplace_back("--");
    words.push_back(word);
    return words;
}

} // namespace

void listen_for_sftp(const Session& session, const Call& call, const std::string& word) {
    const auto words = words_for(session.globals(), call.flags, word);
    std::vector<char*> pointers;
    pointers.reserve(words.size() + 1);
    for (const auto& each : words) pointers.push_back(const_cast<char*>(each.c_str()));
    pointers.push_back(nullptr);
    std::fflush(stdout);
    ::execv(pointers[0], pointers.data());
    throw schema::failure("Failed starting {}: {}", words[0], std::generic_category().message(errno));
}

} // namespace client
