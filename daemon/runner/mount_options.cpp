#include "daemon/runner/mount_options.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include <linux/mount.h>

#include "daemon/runner/caller.h"

namespace runner {

namespace {

struct Flag {
    uint64_t bit;
    std::string_view word; // in /etc/fstab
    bool of_filesystem;    // to be told to fsconfig
    uint64_t attribute;    // or to fsmount
};
constexpr std::array flags_known = {
    Flag{MS_RDONLY, "ro", true, MOUNT_ATTR_RDONLY},
    Flag{MS_NOSUID, "nosuid", false, MOUNT_ATTR_NOSUID},
    Flag{MS_NODEV, "nodev", false, MOUNT_ATTR_NODEV},
    Flag{MS_NOEXEC, "noexec", false, MOUNT_ATTR_NOEXEC},
    Flag{MS_SYNCHRONOUS, "sync", true, 0},
    Flag{MS_MANDLOCK, "mand", true, 0},
    Flag{MS_DIRSYNC, "dirsync", true, 0},
    Flag{MS_NOATIME, "noatime", false, MOUNT_ATTR_NOATIME},
    Flag{MS_NODIRATIME, "nodiratime", false, MOUNT_ATTR_NODIRATIME},
    Flag{MS_STRICTATIME, "strictatime", false, MOUNT_ATTR_STRICTATIME},
    Flag{MS_LAZYTIME, "lazytime", true, 0},
};

std::vector<std::string> pieces(const std::string& data) {
    std::vector<std::string> result;
    for (size_t start = 0; start < data.size();) {
        const auto end = std::min(data.find(',', start), data.size());
        if (end > start) result.push_back(data.substr(start, end - start));
        start = end + 1;
    }
    return result;
}

std::optional<uint32_t> number_after(const std::string& option, std::string_view key) {
    uint32_t number = 0;
    const auto* const end = option.data() + option.size();
    const auto [last, problem] = std::from_chars(option.data() + key.size(), end, number);
    if (problem != std::errc() || last != end) return std::nullopt;
    return number;
}

} // namespace

std::vector<std::pair<std::string, std::string>> filesystem_options(uint64_t flags, const std::string& data) {
    std::vector<std::pair<std::string, std::string>> options;
    for (const auto& flag : flags_known)
        if (flag.of_filesystem && (flags & flag.bit) != 0) options.emplace_back(flag.word, "");
    for (const auto& piece : pieces(data)) {
        const auto equals = piece.find('=');
        if (equals == std::string::npos)
            options.emplace_back(piece, "");
        else
            options.emplace_back(piece.substr(0, equals), piece.substr(equals + 1));
    }
    return options;
}

uint64_t mount_attributes(uint64_t flags) {
    uint64_t attributes = 0;
    for (const auto& flag : flags_known)
        if ((flags & flag.bit) != 0) attributes |= flag.attribute;
    // Two of the times at once are none; mount(2) takes noatime then.
    if ((flags & MS_NOATIME) != 0) attributes &= ~static_cast<uint64_t>(MOUNT_ATTR_STRICTATIME);
    return attributes;
}

std::string option_text(uint64_t flags, const std::string& data) {
    auto text = data;
    for (const auto& flag : flags_known)
        if ((flags & flag.bit) != 0) text.append(text.empty() ? "" : ",").append(flag.word);
    return text;
}

std::string hugetlbfs_data(const std::string& data, const std::string& uid_map, const std::string& gid_map,
                           uint32_t uid, uint32_t gid) {
    std::string result;
    bool has_uid = false;
    bool has_gid = false;
    const auto add = [&](const std::string& option) { result.append(result.empty() ? "" : ",").append(option); };
    for (const auto& option : pieces(data)) {
        const bool of_user = option.starts_with("uid=");
        if (!of_user && !option.starts_with("gid=")) {
            add(option);
            continue;
        }
        const auto inside = number_after(option, "uid=");
        const auto host = inside ? id_on_host(of_user ? uid_map : gid_map, *inside) : std::nullopt;
        if (!host) return data;
        (of_user ? has_uid : has_gid) = true;
        add(option.substr(0, 4) + std::to_string(*host));
    }
    if (!has_uid) add("uid=" + std::to_string(uid));
    if (!has_gid) add("gid=" + std::to_string(gid));
    return result;
}

} // namespace runner
