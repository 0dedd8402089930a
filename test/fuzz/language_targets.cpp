// The configuration language: keys and options, and what is read in their values.

#include "daemon/instance/lxc_config.h"
#include "schema/id_map.h"
#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/keys/pool.h"
#include "schema/keys/server.h"
#include "schema/raw_idmap.h"
#include "schema/raw_lxc.h"
#include "schema/schedule.h"
#include "schema/seccomp_rules.h"
#include "schema/timestamp.h"
#include "schema/units.h"
#include "schema/values.h"
#include "test/fuzz/claims.h"
#include "test/fuzz/rooms.h"
#include "test/unit/instance/hosts.h"

namespace fuzz {

namespace {

/// "key=value" pieces with zero bytes between them: values may have lines.
schema::Config settings(std::string_view input) {
    schema::Config config;
    for (const auto piece : schema::split(input, '\0')) {
        const auto equals = piece.find('=');
        if (equals == std::string_view::npos) continue;
        config[std::string(piece.substr(0, equals))] = piece.substr(equals + 1);
    }
    return config;
}

/// The checks of all tables.
std::vector<schema::Check> checks() {
    std::vector<schema::Check> all;
    for (const auto& key : schema::instance_keys()) all.push_back(key.check);
    for (const auto& key : schema::server_keys()) all.push_back(key.check);
    for (const auto& key : schema::pool_keys()) all.push_back(key.check);
    for (const auto& type : schema::device_types())
        for (const auto& option : type.options) all.push_back(option.check);
    return all;
}

void same_lines(const schema::LxcItem& item) {
    require(item.key.find_first_of("=\n\r") == std::string::npos, "a key ends before its value");
    require(item.value.find_first_of("\n\r") == std::string::npos, "a value is one line");
    require(!item.origin.empty(), "an item comes from somewhere");
}

} // namespace

/// What the table of keys lets through is refused for the host's sake, or becomes items that are one line each.
void instance_config(std::string_view input) {
    static const base::HostFacts hosts[] = {instance::test::v1_host(), instance::test::hybrid_host(),
                                            instance::test::v2_host()};
    may_refuse([&] {
        const auto config = settings(input);
        schema::check_instance_config(config, schema::ConfigOwner::instance);
        for (const auto& host : hosts) {
            may_refuse([&] {
                for (const auto& item : instance::lxc_config(instance::test::subject(config), host, {}))
                    same_lines(item);
            });
        }
    });
}

void device_options(std::string_view input) {
    may_refuse([&] { schema::check_device_options(settings(input)); });
}

/// The first two bytes choose a row of the tables, the rest is its value.
void key_values(std::string_view input) {
    static const auto all = checks();
    if (input.size() < 2) return;
    const auto number = static_cast<unsigned char>(input[0]) * 256U + static_cast<unsigned char>(input[1]);
    may_refuse([&] { all[number % all.size()](input.substr(2)); });
}

void id_maps(std::string_view input) {
    may_refuse([&] {
        schema::IdMap map = {{true, true, 100000, 0, 65536}};
        for (const auto& entry : schema::parse_raw_idmap(input)) schema::punch(map, entry);
        for (const auto& entry : map) require(entry.range > 0 && entry.ns_id >= 0, "an entry maps something");
    });
    may_refuse([&] {
        const auto map = schema::id_map_from(input);
        require(schema::id_map_from(schema::to_json(map)) == map, "a map is read as it was written");
        schema::same_ids(map, map);
        if (const auto host = schema::on_host(map, schema::IdKind::uid, 0))
            require(*host == schema::root_uid(map), "root is the id 0");
    });
}

void raw_lxc(std::string_view input) {
    may_refuse([&] {
        for (const auto& item : schema::parse_raw_lxc(input))
            require(item.origin.starts_with("raw.lxc line "), "each item says which line it is");
    });
}

void schedules(std::string_view input) {
    may_refuse([&] { schema::parse_schedule(input); });
    may_refuse([&] {
        const auto expiry = schema::parse_expiry(input);
        for (const auto part :
             {expiry.years, expiry.months, expiry.weeks, expiry.days, expiry.hours, expiry.minutes, expiry.seconds})
            require(part >= 0, "nothing expires before it is made");
    });
}

void seccomp_rules(std::string_view input) {
    may_refuse([&] { schema::check_seccomp_rules(input); });
    may_refuse([&] { schema::check_seccomp_policy(input); });
}

void units(std::string_view input) {
    may_refuse([&] { schema::format_bytes(schema::parse_bytes(input)); });
    may_refuse([&] { schema::parse_bits(input); });
    may_refuse([&] { schema::parse_bytes_or_percent(input, 16U << 30U); });
    may_refuse([&] {
        const auto cpus = schema::parse_cpu_set(input);
        require(schema::parse_cpu_set(schema::format_cpu_set(cpus)) == cpus, "a CPU set is read as it was written");
    });
    may_refuse([&] { schema::rfc3339(schema::parse_rfc3339(input)); });
}

} // namespace fuzz
