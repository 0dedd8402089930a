#include "daemon/storage/lvm_names.h"

#include <algorithm>
#include <array>

namespace storage::lvm_names {

namespace {

struct Row {
    VolumeType type;
    std::string_view prefix;
};
constexpr std::array rows{
    Row{VolumeType::container, "containers_"},
    Row{VolumeType::image, "images_"},
    Row{VolumeType::custom, "custom_"},
};
constexpr std::string_view block_suffix = ".block";

std::string escaped(std::string_view name) {
    std::string text;
    for (const char c : name) text.append(c == '-' ? "--" : std::string(1, c));
    return text;
}

} // namespace

std::string logical_volume(const VolumeId& volume, bool block) {
    const auto* const row = std::ranges::find(rows, volume.type, &Row::type);
    auto name = std::string(row->prefix) + escaped(volume.name);
    if (!volume.snapshot.empty()) name += "-" + escaped(volume.snapshot);
    return name + std::string(block ? block_suffix : "");
}

std::optional<VolumeId> volume(std::string_view name) {
    const auto* const row = std::ranges::find_if(rows, [&](const Row& each) { return name.starts_with(each.prefix); });
    if (row == rows.end()) return {};
    name.remove_prefix(row->prefix.size());
    if (row->type == VolumeType::custom && name.ends_with(block_suffix)) name.remove_suffix(block_suffix.size());
    VolumeId found{row->type, "", ""};
    auto* part = &found.name;
    for (size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '-') {
            part->push_back(name[i]);
        } else if (i + 1 < name.size() && name[i + 1] == '-') {
            part->push_back('-');
            ++i;
        } else {
            if (part == &found.snapshot) return {};
            part = &found.snapshot;
        }
    }
    return found;
}

} // namespace storage::lvm_names
