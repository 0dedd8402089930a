#include "schema/keys/syscalls.h"

#include <array>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

constexpr std::string_view prefix = "security.syscalls.";

struct Names {
    std::string_view name;
    std::string_view older;
};
constexpr std::array names = {
    Names{"allow", "whitelist"},
    Names{"deny", "blacklist"},
    Names{"deny_default", "blacklist_default"},
    Names{"deny_compat", "blacklist_compat"},
};

const std::string& value_of(const Config& config, std::string_view name) {
    return get(config, std::string(prefix).append(name));
}

/// Whether it is there under either name, even if with no value.
bool is_there(const Config& config, const Names& key) {
    return config.contains(std::string(prefix).append(key.name)) ||
           config.contains(std::string(prefix).append(key.older));
}

} // namespace

const std::string& syscall_key(const Config& config, std::string_view name) {
    for (const auto& row : names) {
        if (row.name != name) continue;
        const auto& newer = value_of(config, name);
        return newer.empty() ? value_of(config, row.older) : newer;
    }
    return value_of(config, name);
}

std::map<std::string, std::string> mountable_filesystems(const Config& config) {
    std::map<std::string, std::string> result;
    if (!is_true(syscall_key(config, "intercept.mount"))) return result;
    if (const auto& fuse = syscall_key(config, "intercept.mount.fuse"); !fuse.empty()) {
        for (const auto pair : split(fuse, ',')) {
            const auto parts = split(pair, '=');
            if (parts.size() != 2)
                throw bad_request(
                    "security.syscalls.intercept.mount.fuse is not of the form 'filesystem=fuse-binary': {}", pair);
            result[std::string(parts[0])] = parts[1];
        }
    }
    if (const auto& allowed = syscall_key(config, "intercept.mount.allowed"); !allowed.empty()) {
        for (const auto type : split(allowed, ',')) {
            auto& program = result[std::string(type)];
            if (!program.empty())
                throw bad_request("Filesystem {} cannot appear in security.syscalls.intercept.mount.allowed and "
                                  "security.syscalls.intercept.mount.fuse",
                                  type);
        }
    }
    return result;
}

void check_syscall_keys(const Config& config) {
    for (const auto& key : names) {
        if (!value_of(config, key.name).empty() && !value_of(config, key.older).empty())
            throw bad_request("Mutually exclusive keys {0}{1} and {0}{2} are set", prefix, key.name, key.older);
    }
    const bool allow = is_there(config, names[0]);
    const bool deny = is_there(config, names[1]) || is_true(syscall_key(config, "deny_default")) ||
                      is_true(syscall_key(config, "deny_compat"));
    if (config.contains("raw.seccomp") && (allow || deny))
        throw bad_request("raw.seccomp is mutually exclusive with security.syscalls*");
    if (allow && deny) throw bad_request("security.syscalls.allow is mutually exclusive with security.syscalls.deny*");
    mountable_filesystems(config);
}

} // namespace schema
