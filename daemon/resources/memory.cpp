#include "daemon/resources/resources.h"

#include <map>

namespace resources {

namespace {

using schema::resources::Memory;
using schema::resources::MemoryNode;

const std::string memory_blocks = "/sys/devices/system/memory";
const std::string nodes = "/sys/devices/system/node";

/// Bytes, or a plain count where the kernel gives no unit. A node's lines begin with "Node 0 ".
std::map<std::string, int64_t> parse_meminfo(std::string_view text) {
    std::map<std::string, int64_t> values;
    for (const auto line : lines(text)) {
        const auto colon = line.find(':');
        if (colon == std::string_view::npos) continue;
        auto key = stripped(line.substr(0, colon));
        key = key.substr(key.rfind(' ') + 1);
        auto value = stripped(line.substr(colon + 1));
        const bool kibibytes = value.ends_with(" kB");
        if (kibibytes) value.remove_suffix(3);
        if (const auto number = parse_number(value)) values[std::string(key)] = *number * (kibibytes ? 1024 : 1);
    }
    return values;
}

/// The sum of the memory blocks that are in use: /proc/meminfo leaves out what the kernel keeps. 0 where the kernel
/// does not show blocks.
int64_t blocks_total(const Tree& tree, const std::string& folder) {
    const auto size = tree.number(memory_blocks + "/block_size_bytes", 16).value_or(0);
    if (size == 0) return 0;
    int64_t count = 0;
    for (const auto& name : tree.list(folder))
        if (name.starts_with("memory") && tree.number(below(folder, name, "online")) == 1) ++count;
    return size * count;
}

MemoryNode read_node(const Tree& tree, const std::string& folder, int64_t number, int64_t hugepage_size) {
    auto info = parse_meminfo(tree.bytes(folder + "/meminfo"));
    MemoryNode node;
    node.numa_node = number;
    node.hugepages_used = (info["HugePages_Total"] - info["HugePages_Free"]) * hugepage_size;
    node.hugepages_total = info["HugePages_Total"] * hugepage_size;
    node.used = info["MemUsed"];
    const auto total = blocks_total(tree, folder);
    node.total = total > 0 ? total : info["MemTotal"];
    return node;
}

} // namespace

Memory read_memory(const Tree& tree) {
    auto info = parse_meminfo(tree.bytes("/proc/meminfo"));
    Memory memory;
    memory.hugepages_size = info["Hugepagesize"];
    memory.hugepages_used = (info["HugePages_Total"] - info["HugePages_Free"]) * memory.hugepages_size;
    memory.hugepages_total = info["HugePages_Total"] * memory.hugepages_size;
    const auto total = blocks_total(tree, memory_blocks);
    memory.total = total > 0 ? total : info["MemTotal"];
    memory.used = memory.total - info["MemFree"] - info["Cached"] - info["Buffers"];
    for (const auto& name : tree.list(nodes)) {
        if (!name.starts_with("node") || !tree.has(below(nodes, name, "meminfo"))) continue;
        if (const auto number = parse_number(std::string_view(name).substr(4)))
            memory.nodes.push_back(read_node(tree, below(nodes, name), *number, memory.hugepages_size));
    }
    return memory;
}

} // namespace resources
