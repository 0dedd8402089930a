#include "daemon/devices/disk_limits.h"

#include <algorithm>
#include <array>
#include <sstream>

#include <fmt/format.h>

#include "daemon/devices/volume_host.h"
#include "schema/error.h"
#include "schema/units.h"
#include "schema/values.h"

namespace devices {

namespace {

/// A number of a limit, and what it is called in each version of the cgroup tree.
struct Kind {
    int64_t DiskLimit::* number;
    std::string_view file; // v1
    std::string_view word; // v2
};
constexpr std::array<Kind, 4> kinds = {{
    {&DiskLimit::read_bytes, "blkio.throttle.read_bps_device", "rbps"},
    {&DiskLimit::read_operations, "blkio.throttle.read_iops_device", "riops"},
    {&DiskLimit::write_bytes, "blkio.throttle.write_bps_device", "wbps"},
    {&DiskLimit::write_operations, "blkio.throttle.write_iops_device", "wiops"},
}};
constexpr std::string_view v2_file = "io.max";

void read_option(const std::string& value, int64_t& bytes, int64_t& operations) {
    constexpr std::string_view suffix = "iops";
    if (value.ends_with(suffix))
        operations = schema::parse_integer(value.substr(0, value.size() - suffix.size())).value_or(0);
    else
        bytes = schema::parse_bytes(value);
}

int version_of(NodeHost& host) {
    const auto v1 = host.cgroup_version("blkio");
    return v1 != 0 ? v1 : host.cgroup_version("io");
}

/// What lies on the disk that is to be limited.
std::string place_of(const schema::Device& device, const Owner& owner, DeviceHost& host) {
    const auto& source = schema::get(device, "source");
    if (source.empty()) return owner.rootfs;
    const auto& pool = schema::get(device, "pool");
    return pool.empty() ? source : host.volumes().path(pool, source);
}

DiskLimit mean(const std::vector<DiskLimit>& limits) {
    DiskLimit result;
    for (const auto& kind : kinds) {
        int64_t total = 0;
        int64_t count = 0;
        for (const auto& limit : limits) {
            total += limit.*kind.number;
            if (limit.*kind.number > 0) ++count;
        }
        if (count > 0) result.*kind.number = total / count;
    }
    return result;
}

} // namespace

DiskLimit limit_of(const schema::Device& disk) {
    const auto& most = schema::get(disk, "limits.max");
    DiskLimit limit;
    read_option(most.empty() ? schema::get(disk, "limits.read") : most, limit.read_bytes, limit.read_operations);
    read_option(most.empty() ? schema::get(disk, "limits.write") : most, limit.write_bytes, limit.write_operations);
    return limit;
}

bool has_limits(const schema::Devices& devices) {
    return std::ranges::any_of(devices, [](const auto& row) {
        return schema::get(row.second, "type") == "disk" && limit_of(row.second) != DiskLimit{};
    });
}

DiskLimits disk_limits(const schema::Devices& devices, const Owner& owner, DeviceHost& host) {
    std::map<std::string, std::vector<DiskLimit>> by_disk;
    for (const auto& [name, device] : devices) {
        if (schema::get(device, "type") != "disk") continue;
        const auto limit = limit_of(device);
        const auto place = place_of(device, owner, host);
        if (limit == DiskLimit{} || host.kind_of(place) == PathKind::missing) continue;
        if (version_of(host.nodes()) == 0)
            throw schema::bad_request("Cannot apply disk limits as blkio cgroup controller is missing");
        const auto disks = host.nodes().disks_of(place);
        if (disks.empty())
            throw schema::bad_request("Block device doesn't support quotas {}: {} is on no disk", schema::quoted(name),
                                      place);
        for (const auto& disk : disks) by_disk[disk].push_back(limit);
    }
    DiskLimits limits;
    for (const auto& [disk, several] : by_disk) limits[disk] = mean(several);
    return limits;
}

std::vector<CgroupValue> limit_writes(const DiskLimits& present, const DiskLimits& wanted, int version) {
    std::vector<CgroupValue> writes;
    const auto add = [&](const std::string& disk, const Kind& kind, int64_t number) {
        if (version == 1)
            writes.emplace_back(kind.file, fmt::format("{} {}", disk, number));
        else
            writes.emplace_back(v2_file,
                                fmt::format("{} {}={}", disk, kind.word, number > 0 ? fmt::to_string(number) : "max"));
    };
    for (const auto& [disk, limit] : present)
        for (const auto& kind : kinds)
            if (const auto kept = wanted.find(disk);
                limit.*kind.number > 0 && (kept == wanted.end() || kept->second.*kind.number == 0))
                add(disk, kind, 0);
    for (const auto& [disk, limit] : wanted)
        for (const auto& kind : kinds) {
            const auto old = present.find(disk);
            const auto before = old == present.end() ? 0 : old->second.*kind.number;
            if (limit.*kind.number > 0 && limit.*kind.number != before) add(disk, kind, limit.*kind.number);
        }
    return writes;
}

std::vector<schema::LxcItem> limit_items(const DiskLimits& limits, int version) {
    std::vector<schema::LxcItem> items;
    for (auto& [file, value] : limit_writes({}, limits, version))
        items.push_back({(version == 2 ? "lxc.cgroup2." : "lxc.cgroup.") + file, value});
    return items;
}

void read_limits(const std::string& file, const std::string& text, DiskLimits& limits) {
    const auto* const own = std::ranges::find(kinds, file, &Kind::file);
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string disk;
        words >> disk;
        for (std::string word; words >> word;) {
            const auto equals = word.find('=');
            const auto* const kind =
                file == v2_file ? std::ranges::find(kinds, word.substr(0, equals), &Kind::word) : own;
            const auto number = schema::parse_integer(equals == word.npos ? word : word.substr(equals + 1));
            if (kind != kinds.end() && number && *number > 0) limits[disk].*kind->number = *number;
        }
    }
}

void write_limits(const std::string& instance, const DiskLimits& wanted, NodeHost& host) {
    const auto version = version_of(host);
    if (version == 0) return;
    DiskLimits present;
    if (version == 2) read_limits(std::string(v2_file), host.get_cgroup(instance, std::string(v2_file)), present);
    for (const auto& kind : kinds)
        if (const std::string file(kind.file); version == 1)
            read_limits(file, host.get_cgroup(instance, file), present);
    for (const auto& [file, value] : limit_writes(present, wanted, version)) host.set_cgroup(instance, file, value);
}

} // namespace devices
