// Checks of what devices of the host are described with; declared in checks.h.

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "schema/checks.h"
#include "schema/error.h"
#include "schema/units.h"
#include "schema/values.h"

namespace schema::checks {

namespace {

bool is_lower_hex(char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool is_hex(char c) {
    return is_lower_hex(c) || (c >= 'A' && c <= 'F');
}

/// Whether the whole text is a number of this base that 32 bits hold.
bool is_uint32(std::string_view text, int base) {
    uint32_t number = 0;
    const auto end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, number, base);
    return error == std::errc() && stop == end;
}

/// Hexadecimal digits where the form has an x, the form's own characters elsewhere.
bool has_form(std::string_view text, std::string_view form) {
    return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                      [](char c, char expected) { return expected == 'x' ? is_hex(c) : c == expected; });
}

} // namespace

void device_number(std::string_view value) {
    if (!is_uint32(value, 10)) throw bad_request("Invalid value for a UNIX device number");
}

void file_mode(std::string_view value) {
    if (!is_uint32(value, 8)) throw bad_request("Invalid value for an octal file mode");
}

void path_in_dev(std::string_view value) {
    if (!value.starts_with("/dev/")) throw bad_request("Path needs to be in /dev");
    one_line(value);
}

void device_id(std::string_view value) {
    if (value.size() != 4 || !std::all_of(value.begin(), value.end(), is_lower_hex))
        throw bad_request("Invalid value, must be four lower case hex characters");
}

void byte(std::string_view value) {
    if (!is_uint32(value, 10) || *parse_integer(value) > 255)
        throw bad_request("Invalid value for an integer {}. Must be between 0 and 255", quoted(value));
}

void mig_uuid(std::string_view value) {
    constexpr std::string_view prefix = "MIG-";
    uuid(value.starts_with(prefix) ? value.substr(prefix.size()) : value);
}

void pci_address(std::string_view value) {
    if (!has_form(value, "xxxx:xx:xx.x") && !has_form(value, "xx:xx.x")) throw bad_request("Invalid PCI address");
}

void infiniband_address(std::string_view value) {
    std::string form;
    for (size_t i = 0; i < value.size(); ++i) form += i % 3 == 2 ? ':' : 'x';
    const bool long_enough = value.size() == 8 * 3 - 1 || value.size() == 20 * 3 - 1;
    if (!long_enough || !has_form(value, form))
        throw bad_request("Invalid value, must be either 8 or 20 bytes of hex separated by colons");
}

void propagation(std::string_view value) {
    constexpr std::array<std::string_view, 8> kinds = {"private", "shared", "slave",       "unbindable",
                                                       "rshared", "rslave", "runbindable", "rprivate"};
    if (std::find(kinds.begin(), kinds.end(), value) == kinds.end()) {
        throw bad_request("Invalid propagation value. Must be one of: , private, shared, slave, unbindable, rshared, "
                          "rslave, runbindable, rprivate");
    }
}

void disk_limit(std::string_view value) {
    constexpr std::string_view operations = "iops";
    if (!value.ends_with(operations)) {
        if (parse_bytes(value) >= 0) return;
    } else {
        const auto number = parse_integer(value.substr(0, value.size() - operations.size()));
        if (number && *number >= 0) return;
    }
    throw bad_request("Invalid disk limit {}: bytes a second (\"10MB\") or operations a second (\"100iops\")",
                      quoted(value));
}

} // namespace schema::checks
