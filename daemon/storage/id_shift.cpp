#include "daemon/storage/id_shift.h"

#include <cstring>

#include <endian.h>
#include <linux/capability.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>

#include "schema/error.h"

namespace storage {

uint32_t IdShift::moved(schema::IdKind kind, uint32_t id) const {
    const auto inside = schema::in_namespace(from, kind, id);
    if (inside)
        if (const auto on_disk = schema::on_host(to, kind, *inside)) return static_cast<uint32_t>(*on_disk);
    const auto kept = inside.value_or(id);
    if (!to.empty() && schema::in_namespace(to, kind, kept))
        throw schema::failure("The {} {} is not among the instance's ids, and would become another there",
                              kind == schema::IdKind::uid ? "owner" : "group", kept);
    return static_cast<uint32_t>(kept);
}

std::string IdShift::moved_acl(std::string_view value) const {
    std::string moved_value(value);
    posix_acl_xattr_header header{};
    if (value.size() < sizeof header) return moved_value;
    std::memcpy(&header, value.data(), sizeof header);
    if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION) return moved_value;
    posix_acl_xattr_entry entry{};
    for (auto at = sizeof header; at + sizeof entry <= value.size(); at += sizeof entry) {
        std::memcpy(&entry, value.data() + at, sizeof entry);
        const auto tag = le16toh(entry.e_tag);
        if (tag != ACL_USER && tag != ACL_GROUP) continue;
        const auto kind = tag == ACL_USER ? schema::IdKind::uid : schema::IdKind::gid;
        entry.e_id = htole32(moved(kind, le32toh(entry.e_id)));
        std::memcpy(moved_value.data() + at, &entry, sizeof entry);
    }
    return moved_value;
}

std::string IdShift::moved_capability(std::string_view value) const {
    vfs_ns_cap_data data{};
    if (value.size() < XATTR_CAPS_SZ_2 || value.size() > sizeof data) return std::string(value);
    std::memcpy(&data, value.data(), value.size());
    const auto magic = le32toh(data.magic_etc);
    const auto revision = magic & VFS_CAP_REVISION_MASK;
    if (revision != VFS_CAP_REVISION_2 && revision != VFS_CAP_REVISION_3) return std::string(value);
    // What has no root id of its own holds for the root of the whole tree.
    const int64_t old_root = revision == VFS_CAP_REVISION_3 ? le32toh(data.rootid) : schema::root_uid(from);
    const auto inside = schema::in_namespace(from, schema::IdKind::uid, old_root).value_or(0);
    const auto root = schema::on_host(to, schema::IdKind::uid, inside).value_or(inside);
    const auto flags = magic & VFS_CAP_FLAGS_MASK;
    data.rootid = htole32(static_cast<uint32_t>(root));
    data.magic_etc = htole32(flags | (root == 0 ? VFS_CAP_REVISION_2 : VFS_CAP_REVISION_3));
    return {reinterpret_cast<const char*>(&data), static_cast<size_t>(root == 0 ? XATTR_CAPS_SZ_2 : XATTR_CAPS_SZ_3)};
}

} // namespace storage
