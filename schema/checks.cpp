#include "schema/checks.h"

#include <algorithm>
#include <array>
#include <set>
#include <sstream>
#include <string>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "schema/error.h"
#include "schema/raw_lxc.h"
#include "schema/schedule.h"
#include "schema/seccomp_rules.h"
#include "schema/strconv.h"
#include "schema/units.h"
#include "schema/values.h"

namespace schema::checks {

namespace {

/// Documents that are looked at and not kept.
class YamlDocuments : public YAML::EventHandler {
public:
    /// yaml-cpp takes some of what is wrong (",") for an empty document, and the same text for the next one.
    void OnDocumentStart(const YAML::Mark& mark) override {
        if (mark.pos == last_) throw YAML::ParserException(mark, "did not find expected node content");
        last_ = mark.pos;
    }
    void OnDocumentEnd() override {}
    void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
    void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
    void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
    void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnSequenceEnd() override {}
    void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {}
    void OnMapEnd() override {}

private:
    int last_ = -1;
};

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), is_digit);
}

int64_t integer_in(std::string_view value) {
    const auto number = parse_integer(value);
    if (!number) throw bad_request("Invalid value for an integer {}", quoted(value));
    return *number;
}

/// "100ms" or "100".
void milliseconds(std::string_view value) {
    if (value.ends_with("ms")) value.remove_suffix(2);
    strconv_integer("Atoi", value);
}

} // namespace

void any(std::string_view) {}

void is_set(std::string_view value) {
    if (value.empty()) throw bad_request("Required value");
}

void boolean(std::string_view value) {
    if (!is_true(value) && !is_false(value)) throw bad_request("Invalid value for a boolean {}", quoted(value));
}

void integer(std::string_view value) {
    integer_in(value);
}

void uint32(std::string_view value) {
    // An unsigned number has no sign.
    const bool is_number = !value.empty() && std::all_of(value.begin(), value.end(), is_digit);
    const auto number = parse_integer(value);
    if (is_number && number && *number <= UINT32_MAX) return;
    const auto reason = is_number ? "value out of range" : "invalid syntax";
    throw bad_request("Invalid value for uint32 {0}: strconv.ParseUint: parsing {0}: {1}", quoted(value), reason);
}

void priority(std::string_view value) {
    const auto number = integer_in(value);
    if (number < 0 || number > 10) {
        throw bad_request("Invalid value for a limit {}. Must be between 0 and 10", quoted(value));
    }
}

void size(std::string_view value) {
    parse_bytes(value);
}

void one_line(std::string_view value) {
    if (value.find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos) {
        throw bad_request("Invalid value {}: line breaks are not supported", quoted(value));
    }
}

void environment_value(std::string_view value) {
    if (value.find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos)
        throw bad_request("Environment variables cannot contain line breaks");
}

void yaml(std::string_view value) {
    try {
        std::istringstream stream{std::string(value)};
        YAML::Parser parser(stream);
        YamlDocuments documents;
        while (parser.HandleNextDocument(documents)) {
        }
    } catch (const YAML::Exception& error) {
        throw bad_request("yaml: {}", error.what());
    }
}

void cloud_init(std::string_view value) {
    constexpr std::string_view header = "#cloud-config\n";
    if (value.starts_with(header)) yaml(value.substr(header.size()));
}

void uuid(std::string_view value) {
    constexpr std::string_view form = "00000000-0000-0000-0000-000000000000";
    const bool fits = std::equal(value.begin(), value.end(), form.begin(), form.end(),
                                 [](char c, char expected) { return expected == '-' ? c == '-' : is_hex(c); });
    if (!fits) throw bad_request("Invalid UUID");
}

void absolute_path(std::string_view value) {
    if (!value.starts_with('/')) throw bad_request("Must be absolute file path");
}

void interface_name(std::string_view value) {
    if (value.size() < 2) throw bad_request("Network interface is too short (minimum 2 characters)");
    if (value.size() > 15) throw bad_request("Network interface is too long (maximum 15 characters)");
    const auto allowed = [](char c) {
        return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || c == '.';
    };
    // The kernel refuses "..", and as part of a path it would lead astray.
    if (!std::all_of(value.begin(), value.end(), allowed) || value == "..") {
        throw bad_request("Network interface contains invalid characters");
    }
}

void mac_address(std::string_view value) {
    bool fits = value.size() == 17;
    for (size_t i = 0; fits && i < value.size(); ++i) fits = i % 3 == 2 ? value[i] == ':' : is_hex(value[i]);
    if (!fits) throw bad_request("Invalid MAC address, must be 6 bytes of hex separated by colons");
}

void mtu(std::string_view value) {
    const auto number = parse_integer(value);
    if (!number || *number < 0) throw bad_request("Invalid MTU {}", quoted(value));
    if (*number < 1280 || *number > 16384) throw bad_request("Out of MTU range (1280-16384) {}", quoted(value));
}

void cpu_nodes(std::string_view value) {
    std::set<unsigned> seen;
    for (const auto chunk : split(value, ',')) {
        const auto ends = split(chunk, '-');
        if (ends.size() > 2 || !std::all_of(ends.begin(), ends.end(), is_number)) {
            throw bad_request("Invalid CPU limit syntax");
        }
        for (const auto cpu : parse_cpu_set(chunk)) {
            if (!seen.insert(cpu).second) throw bad_request("Cannot define CPU multiple times");
        }
    }
    // LXD lets "3-1" through, and then does as if nothing were set.
    if (seen.empty()) throw bad_request("Invalid cpuset value: {}", value);
}

void cpus(std::string_view value) {
    cpu_nodes(value);
    // No CPU at all: LXD lets this through, too.
    if (value == "0") throw bad_request("Invalid cpuset value: {}", value);
}

void cpu_allowance(std::string_view value) {
    if (value.ends_with('%')) {
        value.remove_suffix(1);
        if (strconv_integer("Atoi", value) < 0) throw bad_request("Invalid allowance: {}%", value);
        return;
    }
    const auto slash = value.find('/');
    if (slash == std::string_view::npos) throw bad_request("Invalid allowance: {}", value);
    milliseconds(value.substr(0, slash));
    milliseconds(value.substr(slash + 1));
}

void memory_limit(std::string_view value) {
    if (value.ends_with('%')) {
        value.remove_suffix(1);
        const auto percent = strconv_integer("ParseInt", value);
        if (percent == 0) throw bad_request("Memory limit can't be 0%");
        if (percent < 0) throw bad_request("Invalid value: {}%", value);
        return;
    }
    if (parse_bytes(value) == 0) throw bad_request("Memory limit can't be 0");
}

void process_limit(std::string_view value) {
    const auto parts = split(value, ':');
    const auto fits = [](std::string_view part) { return part == "unlimited" || is_number(part); };
    if (parts.size() > 2 || !std::all_of(parts.begin(), parts.end(), fits)) {
        throw bad_request("Invalid value for a process limit {}", quoted(value));
    }
}

void snapshot_schedule(std::string_view value) {
    parse_schedule(value);
}

void volume_snapshot_schedule(std::string_view value) {
    check_volume_schedule(value);
}

void snapshot_expiry(std::string_view value) {
    parse_expiry(value);
}

void raw_lxc(std::string_view value) {
    parse_raw_lxc(value);
}

void syscall_rules(std::string_view value) {
    check_seccomp_rules(value);
}

void seccomp_policy(std::string_view value) {
    check_seccomp_policy(value);
}

void architecture(std::string_view value) {
    constexpr std::array<std::string_view, 14> names = {"i686",    "x86_64", "armv6l",  "armv7l",  "armv8l",
                                                        "aarch64", "ppc",    "ppc64",   "ppc64le", "s390x",
                                                        "mips",    "mips64", "riscv32", "riscv64"};
    if (std::find(names.begin(), names.end(), value) == names.end()) {
        throw bad_request("Architecture isn't supported: {}", value);
    }
}

} // namespace schema::checks
