#include "schema/raw_lxc.h"

#include <algorithm>
#include <array>
#include <string>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

struct Refusal {
    std::string_view key; // ending with a dot: everything below it
    std::string_view text;
};

constexpr std::string_view process_limits =
    R"(Process limits should be set via "limits.kernel.[limit name]" and not directly via "lxc.prlimit.[limit name]")";

constexpr std::array refusals = {
    Refusal{"lxc.logfile", "Setting lxc.logfile is not allowed"},
    Refusal{"lxc.log.file", "Setting lxc.logfile is not allowed"},
    Refusal{"lxc.syslog", "Setting lxc.log.syslog is not allowed"},
    Refusal{"lxc.log.syslog", "Setting lxc.log.syslog is not allowed"},
    Refusal{"lxc.ephemeral", "Setting lxc.ephemeral is not allowed"},
    Refusal{"lxc.prlimit.", process_limits},
};

/// lxc.net.N.ipv4.address, lxc.net.N.ipv6.gateway and so on: all that is allowed below lxc.net.
bool is_interface_address(std::string_view key) {
    const auto parts = split(key, '.');
    return parts.size() == 5 && (parts[3] == "ipv4" || parts[3] == "ipv6") &&
           (parts[4] == "address" || parts[4] == "gateway");
}

/// As liblxc reads a value from a file.
std::string_view unquoted(std::string_view value) {
    const bool in_quotes =
        value.size() > 1 && (value.front() == '"' || value.front() == '\'') && value.back() == value.front();
    return in_quotes ? value.substr(1, value.size() - 2) : value;
}

void check_key(std::string_view key) {
    std::string lower(key);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    for (const auto& refusal : refusals) {
        const bool refused = refusal.key.ends_with('.') ? lower.starts_with(refusal.key) : lower == refusal.key;
        if (refused) throw bad_request("{}", refusal.text);
    }
    if (lower.starts_with("lxc.net.") && !is_interface_address(lower)) {
        throw bad_request("Only interface-specific ipv4/ipv6 lxc.net. keys are allowed");
    }
}

} // namespace

std::vector<LxcItem> parse_raw_lxc(std::string_view text) {
    std::vector<LxcItem> items;
    size_t number = 0;
    for (const auto whole_line : split(text, '\n')) {
        ++number;
        const auto line = stripped(whole_line);
        if (line.empty() || line.starts_with('#')) continue;
        try {
            const auto equals = line.find('=');
            if (equals == std::string_view::npos) throw bad_request("Invalid raw.lxc line: {}", line);
            const auto key = stripped(line.substr(0, equals));
            check_key(key);
            items.push_back({std::string(key), std::string(unquoted(stripped(line.substr(equals + 1)))),
                             fmt::format("raw.lxc line {}", number)});
        } catch (const Error& error) {
            throw bad_request("{} (line {} of raw.lxc)", error.what(), number);
        }
    }
    return items;
}

} // namespace schema
