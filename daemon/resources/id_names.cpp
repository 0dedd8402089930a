#include "daemon/resources/id_names.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace resources {

namespace {

/// "1af4  Red Hat, Inc." -> "1af4"; "C 03  Human Interface Device" -> "C 03". Ids and names have two spaces between.
std::string_view key_of(std::string_view line) {
    return line.substr(0, line.find("  "));
}

std::string name_of(std::string_view line) {
    const auto gap = line.find("  ");
    return gap == std::string_view::npos ? std::string() : std::string(stripped(line.substr(gap)));
}

bool starts_section(std::string_view line) {
    return !line.empty() && line.front() != '\t' && line.front() != '#' && line.find("  ") != std::string_view::npos;
}

} // namespace

IdNames::IdNames(std::string text) : text_(std::move(text)) {
    const std::string_view whole(text_);
    std::string_view key;
    size_t start = 0;
    const auto finish = [&](size_t end) {
        if (!key.empty()) sections_.emplace(key, whole.substr(start, end - start));
    };
    for (size_t at = 0; at < whole.size();) {
        const auto end = std::min(whole.find('\n', at), whole.size());
        const auto line = whole.substr(at, end - at);
        if (starts_section(line)) {
            finish(at);
            key = key_of(line);
            start = at;
        }
        at = end + 1;
    }
    finish(whole.size());
}

std::string IdNames::section_name(std::string_view key) const {
    const auto found = sections_.find(key);
    return found == sections_.end() ? std::string() : name_of(found->second.substr(0, found->second.find('\n')));
}

std::string IdNames::entry_name(std::string_view section, std::string_view id) const {
    const auto found = sections_.find(section);
    if (found == sections_.end()) return {};
    for (auto line : lines(found->second)) {
        if (!line.starts_with('\t')) continue;
        line.remove_prefix(1);
        if (!line.starts_with('\t') && key_of(line) == id) return name_of(line);
    }
    return {};
}

std::string IdNames::usb_class(int64_t id) const {
    return section_name(fmt::format("C {:02x}", id));
}

std::string IdNames::usb_subclass(int64_t class_id, int64_t id) const {
    return entry_name(fmt::format("C {:02x}", class_id), fmt::format("{:02x}", id));
}

std::string hardware_list(const Tree& tree, const std::string& name) {
    for (const auto* folder : {"/usr/share/hwdata/", "/usr/share/misc/"})
        if (auto text = tree.bytes(folder + name); !text.empty()) return text;
    return {};
}

} // namespace resources
