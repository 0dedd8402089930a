#include "daemon/storage/shared_extents.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/vfs.h>

namespace storage {

namespace {

/// XFS_IOC_FSGEOMETRY_V1 (xfs_fs.h of the kernel): of the answer only the size of the device for realtime files
/// counts, which are numbered from 0 like those of the other.
struct XfsGeometry {
    uint32_t sizes[6];
    uint32_t more_sizes[2];
    uint64_t data_blocks;
    uint64_t realtime_blocks;
    std::array<uint8_t, 64> rest;
};
static_assert(sizeof(XfsGeometry) == 112);
constexpr unsigned long geometry_request = _IOR('X', 100, XfsGeometry);

constexpr size_t at_once = 32;

class ExtentMap {
public:
    /// What follows from `offset` on; false where the kernel does not tell.
    bool read(int fd, uint64_t offset) {
        std::memset(room_.data(), 0, sizeof(fiemap));
        auto& map = *header();
        map.fm_start = offset;
        map.fm_length = FIEMAP_MAX_OFFSET - offset;
        map.fm_flags = FIEMAP_FLAG_SYNC;
        map.fm_extent_count = at_once;
        return ::ioctl(fd, FS_IOC_FIEMAP, header()) == 0;
    }
    size_t count() const { return header()->fm_mapped_extents; }
    const fiemap_extent& operator[](size_t number) const { return header()->fm_extents[number]; }

private:
    fiemap* header() { return reinterpret_cast<fiemap*>(room_.data()); }
    const fiemap* header() const { return reinterpret_cast<const fiemap*>(room_.data()); }

    alignas(fiemap) std::array<std::byte, sizeof(fiemap) + at_once * sizeof(fiemap_extent)> room_;
};

/// Any other flag (not yet written, unwritten, packed, encrypted) is one more thing to know of the content.
bool is_shared(const fiemap_extent& extent) {
    return (extent.fe_flags & ~FIEMAP_EXTENT_LAST) == FIEMAP_EXTENT_SHARED;
}

bool same(const fiemap_extent& a, const fiemap_extent& b) {
    return is_shared(a) && is_shared(b) && a.fe_logical == b.fe_logical && a.fe_physical == b.fe_physical &&
           a.fe_length == b.fe_length;
}

} // namespace

bool tells_extents(int fd) {
    struct statfs status{};
    XfsGeometry geometry{};
    return ::fstatfs(fd, &status) == 0 && status.f_type == XFS_SUPER_MAGIC &&
           ::ioctl(fd, geometry_request, &geometry) == 0 && geometry.realtime_blocks == 0;
}

bool share_all_extents(int a, int b) {
    ExtentMap of_a;
    ExtentMap of_b;
    uint64_t offset = 0;
    for (;;) {
        if (!of_a.read(a, offset) || !of_b.read(b, offset) || of_a.count() != of_b.count()) return false;
        if (of_a.count() == 0) return true;
        for (size_t number = 0; number < of_a.count(); ++number)
            if (!same(of_a[number], of_b[number])) return false;
        const auto& last = of_a[of_a.count() - 1];
        if ((last.fe_flags & FIEMAP_EXTENT_LAST) != 0)
            return (of_b[of_b.count() - 1].fe_flags & FIEMAP_EXTENT_LAST) != 0;
        offset = last.fe_logical + last.fe_length;
    }
}

} // namespace storage
