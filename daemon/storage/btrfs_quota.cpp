#include "daemon/storage/btrfs_quota.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <endian.h>
#include <linux/btrfs.h>
#include <linux/btrfs_tree.h>
#include <sys/ioctl.h>
#include <system_error>

#include "daemon/storage/subvolume.h"

namespace storage::btrfs_quota {

namespace {

[[noreturn]] void fail(const char* attempt) {
    throw std::system_error(errno, std::generic_category(), attempt);
}

/// An item of the quota tree that belongs to a subvolume; nothing where there is none or no tree.
template <class Item> std::optional<Item> find(int subvolume, uint32_t type) {
    const auto group = subvolume::id(subvolume);
    btrfs_ioctl_search_args search{};
    auto& key = search.key;
    key.tree_id = BTRFS_QUOTA_TREE_OBJECTID;
    key.min_type = key.max_type = type;
    key.min_offset = key.max_offset = group;
    key.max_transid = UINT64_MAX;
    key.nr_items = 1;
    if (::ioctl(subvolume, BTRFS_IOC_TREE_SEARCH, &search) < 0) {
        if (errno == ENOENT) return {};
        fail("Failed reading quota groups");
    }
    if (key.nr_items == 0) return {};
    btrfs_ioctl_search_header header{};
    std::memcpy(&header, search.buf, sizeof header);
    if (header.type != type || header.offset != group || header.len < sizeof(Item)) return {};
    Item item{};
    std::memcpy(&item, search.buf + sizeof header, sizeof item);
    return item;
}

void create_group(int filesystem, uint64_t id) {
    btrfs_ioctl_qgroup_create_args group{};
    group.create = 1;
    group.qgroupid = id;
    if (::ioctl(filesystem, BTRFS_IOC_QGROUP_CREATE, &group) < 0 && errno != EEXIST)
        fail("Failed making a quota group");
}

bool apply(int filesystem, uint64_t id, int64_t bytes) {
    constexpr uint64_t none = UINT64_MAX;
    btrfs_ioctl_qgroup_limit_args limit{};
    limit.qgroupid = id;
    limit.lim.flags = BTRFS_QGROUP_LIMIT_MAX_RFER | BTRFS_QGROUP_LIMIT_MAX_EXCL;
    limit.lim.max_rfer = bytes > 0 ? static_cast<uint64_t>(bytes) : none;
    limit.lim.max_excl = none;
    return ::ioctl(filesystem, BTRFS_IOC_QGROUP_LIMIT, &limit) == 0;
}

} // namespace

std::optional<Usage> usage(int subvolume) {
    const auto item = find<btrfs_qgroup_info_item>(subvolume, BTRFS_QGROUP_INFO_KEY);
    if (!item) return {};
    return Usage{static_cast<int64_t>(le64toh(item->rfer)), static_cast<int64_t>(le64toh(item->excl))};
}

void begin(int filesystem) {
    btrfs_ioctl_quota_ctl_args control{};
    control.cmd = BTRFS_QUOTA_CTL_ENABLE;
    if (::ioctl(filesystem, BTRFS_IOC_QUOTA_CTL, &control) < 0 && errno != EEXIST) fail("Failed enabling quotas");
    if (::ioctl(filesystem, BTRFS_IOC_QUOTA_RESCAN_WAIT) < 0) fail("Failed counting what subvolumes use");
}

int64_t limit(int subvolume) {
    const auto item = find<btrfs_qgroup_limit_item>(subvolume, BTRFS_QGROUP_LIMIT_KEY);
    if (!item || (le64toh(item->flags) & BTRFS_QGROUP_LIMIT_MAX_RFER) == 0) return 0;
    return static_cast<int64_t>(le64toh(item->max_rfer));
}

void set_limit(int filesystem, uint64_t subvolume_id, int64_t bytes) {
    if (apply(filesystem, subvolume_id, bytes)) return;
    if (errno == ENOTCONN || errno == EINVAL) { // nothing counts yet
        if (bytes == 0) return;
        begin(filesystem);
    } else if (errno != ENOENT) {
        fail("Failed setting a subvolume's limit");
    }
    if (apply(filesystem, subvolume_id, bytes)) return;
    if (errno == ENOENT) {
        if (bytes == 0) return;
        create_group(filesystem, subvolume_id);
        if (apply(filesystem, subvolume_id, bytes)) return;
    }
    fail("Failed setting a subvolume's limit");
}

} // namespace storage::btrfs_quota
