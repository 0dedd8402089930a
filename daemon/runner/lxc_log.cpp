#include "daemon/runner/lxc_log.h"

namespace runner {

namespace {

/// "lxc c1 20261122003426.123 ERROR    conf - ../src/lxc/conf.c:mount_entry:2240 - No such file - Failed to mount"
std::string_view message_of(std::string_view line) {
    constexpr std::string_view separator = " - ";
    for (int part = 0; part < 2; ++part) {
        const auto end = line.find(separator);
        if (end == std::string_view::npos) return line;
        line.remove_prefix(end + separator.size());
    }
    return line;
}

} // namespace

std::string error_messages(std::string_view log) {
    std::string result;
    while (!log.empty()) {
        const auto line = log.substr(0, log.find('\n'));
        log.remove_prefix(std::min(line.size() + 1, log.size()));
        if (line.find(" ERROR ") == std::string_view::npos) continue;
        if (!result.empty()) result += '\n';
        result += message_of(line);
    }
    return result;
}

} // namespace runner
