#include "schema/names.h"

#include <algorithm>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_alphanumeric(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// What is wrong with a host name; empty when nothing is.
std::string_view fault_of_host_name(std::string_view name) {
    if (name.empty() || name.size() > 63) return "Name must be 1-63 characters long";
    if (name.front() == '-') return R"(Name must not start with "-" character)";
    if (name.back() == '-') return R"(Name must not end with "-" character)";
    if (is_digit(name.front())) return "Name must not start with a number";
    if (!std::all_of(name.begin(), name.end(), [](char c) { return is_alphanumeric(c) || c == '-'; })) {
        return "Name can only contain alphanumeric and hyphen characters";
    }
    return {};
}

} // namespace

void check_instance_name(std::string_view name) {
    if (name.find('/') != std::string_view::npos) {
        throw bad_request(R"(The character "/" is reserved for snapshots)");
    }
    if (const auto fault = fault_of_host_name(name); !fault.empty())
        throw bad_request("Invalid instance name: {}", fault);
}

void check_profile_name(std::string_view name) {
    if (name.empty()) throw bad_request("No name provided");
    if (name.find('/') != std::string_view::npos) throw bad_request("Profile names may not contain slashes");
    if (name == "." || name == "..") throw bad_request("Invalid profile name {}", quoted(name));
}

void check_pool_name(std::string_view name) {
    if (name.empty()) throw bad_request("No name provided");
    if (name.find('/') != std::string_view::npos) throw bad_request("Storage pool names may not contain slashes");
    // LXD lets these through and then writes outside of its folder.
    if (name == "." || name == ".." || name.find('\0') != std::string_view::npos) {
        throw bad_request("Invalid storage pool name {}", quoted(name));
    }
}

void check_snapshot_name(std::string_view name) {
    for (const char* character : {"/", "?", "&", "+"})
        if (name.find(character) != std::string_view::npos)
            throw bad_request("Invalid snapshot name: Cannot contain {}", quoted(character));
    const bool misleads = name.empty() || name == "." || name == ".." || name.size() > 255;
    if (misleads || std::ranges::any_of(name, [](unsigned char c) { return c < ' ' || c == 0x7f; }))
        throw bad_request("Invalid snapshot name {}", quoted(name));
}

void check_alias_name(std::string_view name) {
    if (name.empty()) throw bad_request("name and target are required");
}

void check_device_name(std::string_view name) {
    if (name.empty() || name.size() > 63) throw bad_request("Name must be 1-63 characters long");
    if (name.front() == '.') throw bad_request(R"(Name must not start with "." character)");
    const auto allowed = [](char c) {
        return is_alphanumeric(c) || std::string_view("/.-:_").find(c) != std::string_view::npos;
    };
    if (!std::all_of(name.begin(), name.end(), allowed)) {
        throw bad_request("Name can only contain alphanumeric, forward slash, hyphen, colon, underscore and full stop "
                          "characters");
    }
}

} // namespace schema
