#include "client/commands/info_resources.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "client/settings.h"
#include "client/sizes.h"
#include "client/target.h"

namespace client {

namespace {

using schema::Json;
using Lines = std::vector<std::string>;

uint64_t number(const Json& value) {
    return value.is_number() ? static_cast<uint64_t>(value.as_number()) : 0;
}

bool flag(const Json& value) {
    return value == Json(true);
}

std::string size(const Json& value, int decimals = 2) {
    return binary_byte_size(static_cast<int64_t>(number(value)), decimals);
}

const Json::Array& items(const Json& value) {
    static const Json::Array none;
    return value.is_array() ? value.as_array() : none;
}

void add(Lines& lines, const Lines& block, std::string_view margin = "  ") {
    for (const auto& line : block) lines.push_back(std::string(margin) + line);
}

/// A block as an entry of a list: its first line behind a dash.
void add_item(Lines& lines, const Lines& block) {
    for (size_t i = 0; i < block.size(); ++i) lines.push_back((i == 0 ? "  - " : "    ") + block[i]);
}

/// "Label: value" where the member is a text, with " (value)" of a second member behind it.
void add_text(Lines& lines, std::string_view label, const Json& object, std::string_view member,
              std::string_view second = {}) {
    const auto value = text_member(object, member);
    if (value.empty()) return;
    lines.push_back(second.empty() ? fmt::format("{}: {}", label, value)
                                   : fmt::format("{}: {} ({})", label, value, text_member(object, second)));
}

void add_joined(Lines& lines, std::string_view label, const Json& list) {
    if (!list.is_array()) return;
    std::vector<std::string> words;
    for (const auto& item : list.as_array()) words.push_back(item.as_string());
    lines.push_back(fmt::format("{}: {}", label, join(words, ", ")));
}

// --- processors and memory --------------------------------------------------------------------------------------

Lines core_lines(const Json& core) {
    Lines lines{fmt::format("Core {}", number(core["core"])),
                fmt::format("Frequency: {}Mhz", number(core["frequency"])), "Threads:"};
    for (const auto& thread : items(core["threads"])) {
        add_item(lines, {fmt::format("{} (id: {}, online: {}, NUMA node: {})", number(thread["thread"]),
                                     number(thread["id"]), flag(thread["online"]), number(thread["numa_node"]))});
    }
    return lines;
}

Lines socket_lines(const Json& socket) {
    Lines lines;
    add_text(lines, "Vendor", socket, "vendor");
    add_text(lines, "Name", socket, "name");
    if (socket["cache"].is_array()) {
        lines.emplace_back("Caches:");
        for (const auto& cache : items(socket["cache"])) {
            add_item(lines, {fmt::format("Level {} (type: {}): {}", number(cache["level"]), text_member(cache, "type"),
                                         size(cache["size"], 0))});
        }
    }
    lines.emplace_back("Cores:");
    for (const auto& core : items(socket["cores"])) add_item(lines, core_lines(core));
    const auto frequency = number(socket["frequency"]);
    const auto least = number(socket["frequency_minimum"]);
    const auto most = number(socket["frequency_turbo"]);
    if (frequency > 0 && least > 0 && most > 0) {
        lines.push_back(fmt::format("Frequency: {}Mhz (min: {}Mhz, max: {}Mhz)", frequency, least, most));
    } else if (frequency > 0) {
        lines.push_back(fmt::format("Frequency: {}Mhz", frequency));
    }
    return lines;
}

/// Free, used and total of a pair of members.
Lines amounts(const Json& used, const Json& total) {
    return {"Free: " + binary_byte_size(static_cast<int64_t>(number(total)) - static_cast<int64_t>(number(used))),
            "Used: " + size(used), "Total: " + size(total)};
}

Lines memory_lines(const Json& memory) {
    Lines lines;
    if (number(memory["hugepages_total"]) > 0) {
        lines.emplace_back("Hugepages:");
        add(lines, amounts(memory["hugepages_used"], memory["hugepages_total"]));
    }
    if (items(memory["nodes"]).size() > 1) {
        lines.emplace_back("NUMA nodes:");
        for (const auto& node : items(memory["nodes"])) {
            lines.push_back(fmt::format("  Node {}:", number(node["numa_node"])));
            auto inner = node;
            inner.set("nodes", nullptr);
            add(lines, memory_lines(inner), "    ");
        }
    }
    add(lines, amounts(memory["used"], memory["total"]), "");
    return lines;
}

// --- cards and disks --------------------------------------------------------------------------------------------

/// What graphics and network cards have in common.
Lines card_lines(const Json& card) {
    Lines lines{fmt::format("NUMA node: {}", number(card["numa_node"]))};
    add_text(lines, "Vendor", card, "vendor", "vendor_id");
    add_text(lines, "Product", card, "product", "product_id");
    add_text(lines, "PCI address", card, "pci_address");
    add_text(lines, "Driver", card, "driver", "driver_version");
    return lines;
}

/// The virtual functions of a card, each described as the card itself.
void add_functions(Lines& lines, const Json& functions, Lines (*describe)(const Json&)) {
    if (functions.is_null()) return;
    lines.emplace_back("SR-IOV information:");
    lines.push_back(fmt::format("  Current number of VFs: {}", number(functions["current_vfs"])));
    lines.push_back(fmt::format("  Maximum number of VFs: {}", number(functions["maximum_vfs"])));
    if (items(functions["vfs"]).empty()) return;
    lines.push_back(fmt::format("  VFs: {}", number(functions["maximum_vfs"])));
    for (const auto& function : items(functions["vfs"])) add_item(lines, describe(function));
}

void add_mediated(Lines& lines, const Json& profiles) {
    if (!profiles.is_object()) return;
    lines.emplace_back("Mdev profiles:");
    auto sorted = profiles.as_object();
    std::sort(sorted.begin(), sorted.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& [name, profile] : sorted) {
        lines.push_back(fmt::format("  - {} ({} available)", name, number(profile["available"])));
        const auto description = text_member(profile, "description");
        if (!description.empty()) add(lines, split(description, '\n'), "      ");
    }
}

Lines gpu_lines(const Json& card) {
    auto lines = card_lines(card);
    if (const auto& drm = card["drm"]; !drm.is_null()) {
        lines.emplace_back("DRM:");
        Lines inner{fmt::format("ID: {}", number(drm["id"]))};
        add_text(inner, "Card", drm, "card_name", "card_device");
        add_text(inner, "Control", drm, "control_name", "control_device");
        add_text(inner, "Render", drm, "render_name", "render_device");
        add(lines, inner);
    }
    if (const auto& nvidia = card["nvidia"]; !nvidia.is_null()) {
        constexpr std::pair<std::string_view, std::string_view> facts[] = {
            {"Architecture", "architecture"}, {"Brand", "brand"}, {"Model", "model"}, {"CUDA Version", "cuda_version"},
            {"NVRM Version", "nvrm_version"}, {"UUID", "uuid"}};
        lines.emplace_back("NVIDIA information:");
        for (const auto& [label, member] : facts) {
            lines.push_back(fmt::format("  {}: {}", label, text_member(nvidia, member)));
        }
    }
    add_functions(lines, card["sriov"], gpu_lines);
    add_mediated(lines, card["mdev"]);
    return lines;
}

Lines port_lines(const Json& port) {
    Lines lines{fmt::format("Port {} ({})", number(port["port"]), text_member(port, "protocol")),
                "ID: " + text_member(port, "id")};
    add_text(lines, "Address", port, "address");
    add_joined(lines, "Supported modes", port["supported_modes"]);
    add_joined(lines, "Supported ports", port["supported_ports"]);
    add_text(lines, "Port type", port, "port_type");
    add_text(lines, "Transceiver type", port, "transceiver_type");
    lines.push_back(fmt::format("Auto negotiation: {}", flag(port["auto_negotiation"])));
    lines.push_back(fmt::format("Link detected: {}", flag(port["link_detected"])));
    if (const auto speed = number(port["link_speed"]); speed > 0) {
        lines.push_back(fmt::format("Link speed: {}Mbit/s ({} duplex)", speed, text_member(port, "link_duplex")));
    }
    if (const auto& infiniband = port["infiniband"]; !infiniband.is_null()) {
        lines.emplace_back("Infiniband:");
        Lines inner;
        add_text(inner, "IsSM", infiniband, "issm_name", "issm_device");
        add_text(inner, "MAD", infiniband, "mad_name", "mad_device");
        add_text(inner, "Verb", infiniband, "verb_name", "verb_device");
        add(lines, inner);
    }
    return lines;
}

Lines nic_lines(const Json& card) {
    auto lines = card_lines(card);
    if (!items(card["ports"]).empty()) {
        lines.emplace_back("Ports:");
        for (const auto& port : items(card["ports"])) add_item(lines, port_lines(port));
    }
    add_functions(lines, card["sriov"], nic_lines);
    return lines;
}

Lines partition_lines(const Json& partition) {
    return {fmt::format("Partition {}", number(partition["partition"])), "ID: " + text_member(partition, "id"),
            "Device: " + text_member(partition, "device"), fmt::format("Read-Only: {}", flag(partition["read_only"])),
            "Size: " + size(partition["size"])};
}

Lines disk_lines(const Json& disk) {
    Lines lines{fmt::format("NUMA node: {}", number(disk["numa_node"])), "ID: " + text_member(disk, "id"),
                "Device: " + text_member(disk, "device")};
    add_text(lines, "Model", disk, "model");
    add_text(lines, "Type", disk, "type");
    lines.push_back("Size: " + size(disk["size"]));
    add_text(lines, "WWN", disk, "wwn");
    lines.push_back(fmt::format("Read-Only: {}", flag(disk["read_only"])));
    lines.push_back(fmt::format("Removable: {}", flag(disk["removable"])));
    if (!items(disk["partitions"]).empty()) {
        lines.emplace_back("Partitions:");
        for (const auto& partition : items(disk["partitions"])) add_item(lines, partition_lines(partition));
    }
    return lines;
}

// --- the whole --------------------------------------------------------------------------------------------------

struct Group {
    std::string_view one;
    std::string_view several;
    std::string_view each;
    Lines (*describe)(const Json&);
};
constexpr Group gpus{"GPU", "GPUs", "Card", gpu_lines};
constexpr Group nics{"NIC", "NICs", "Card", nic_lines};
constexpr Group disks{"Disk", "Disks", "Disk", disk_lines};

void add_group(Lines& lines, const Group& group, const Json& list) {
    const auto& members = items(list);
    if (members.empty()) return;
    lines.emplace_back();
    lines.push_back(fmt::format("{}:", members.size() == 1 ? group.one : group.several));
    for (size_t i = 0; i < members.size(); ++i) {
        if (members.size() > 1) lines.push_back(fmt::format("  {} {}:", group.each, i));
        add(lines, group.describe(members[i]), members.size() > 1 ? "    " : "  ");
    }
}

Lines cpu_lines(const Json& cpu) {
    const auto& sockets = items(cpu["sockets"]);
    const auto architecture = text_member(cpu, "architecture");
    if (sockets.empty()) return {};
    Lines lines{fmt::format("{} ({}):", sockets.size() == 1 ? "CPU" : "CPUs", architecture)};
    for (const auto& socket : sockets) {
        if (sockets.size() > 1) lines.push_back(fmt::format("  Socket {}:", number(socket["socket"])));
        add(lines, socket_lines(socket), sockets.size() > 1 ? "    " : "  ");
    }
    return lines;
}

} // namespace

std::string resources_text(const Json& resources) {
    auto lines = cpu_lines(resources["cpu"]);
    lines.emplace_back();
    lines.emplace_back("Memory:");
    add(lines, memory_lines(resources["memory"]));
    add_group(lines, gpus, resources["gpu"]["cards"]);
    add_group(lines, nics, resources["network"]["cards"]);
    add_group(lines, disks, resources["storage"]["disks"]);
    return join(lines, "\n") + "\n";
}

} // namespace client
