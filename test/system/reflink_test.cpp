// On a filesystem that can share extents, a container made of an image costs no data: seen by FIEMAP on xfs in a file.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/process.h"
#include "daemon/storage/driver.h"
#include "test/fakes/temporary_folder.h"
#include "test/system/private_mounts.h"

namespace {

/// An xfs in a sparse file, mounted for its object's life.
class Xfs {
public:
    Xfs() {
        const auto image = folder_ / "xfs.img";
        const auto file = base::checked(::open(image.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600), image);
        if (::ftruncate(file.get(), 512 << 20) < 0) throw std::runtime_error("cannot grow the image");
        base::run_or_throw({.argv = {"mkfs.xfs", "-q", image}});
        if (::mkdir(path().c_str(), 0755) < 0) throw std::runtime_error("cannot make the mount point");
        const auto result = base::run({.argv = {"mount", "-o", "loop", image, path()}});
        mounted_ = result.exit.ok();
        problem_ = result.err;
    }
    ~Xfs() {
        if (mounted_) ::umount(path().c_str());
    }
    Xfs(const Xfs&) = delete;
    Xfs& operator=(const Xfs&) = delete;

    bool mounted() const { return mounted_; }
    const std::string& problem() const { return problem_; }
    std::string path() const { return folder_ / "mnt"; }

private:
    fakes::TemporaryFolder folder_;
    bool mounted_ = false;
    std::string problem_;
};

struct Extent {
    uint64_t physical = 0;
    uint64_t length = 0;
    bool shared = false;

    bool operator==(const Extent&) const = default;
};

std::vector<Extent> extents(const std::string& path) {
    const auto file = base::checked(::open(path.c_str(), O_RDONLY | O_CLOEXEC), path);
    constexpr size_t most = 64;
    std::vector<uint64_t> memory((sizeof(fiemap) + most * sizeof(fiemap_extent)) / sizeof(uint64_t) + 1);
    auto* map = reinterpret_cast<fiemap*>(memory.data());
    map->fm_length = FIEMAP_MAX_OFFSET;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = most;
    if (::ioctl(file.get(), FS_IOC_FIEMAP, map) < 0) throw std::runtime_error("FIEMAP failed");
    std::vector<Extent> found;
    for (uint32_t index = 0; index < map->fm_mapped_extents; ++index) {
        const auto& extent = map->fm_extents[index];
        found.push_back({extent.fe_physical, extent.fe_length, (extent.fe_flags & FIEMAP_EXTENT_SHARED) != 0});
    }
    return found;
}

TEST(Reflink, ACloneSharesTheExtentsOfItsImageUntilItIsWrittenTo) {
    const Xfs xfs;
    if (!xfs.mounted()) GTEST_SKIP() << "xfs cannot be mounted: " << xfs.problem();
    const auto driver = storage::make_driver("dir", {"pool", xfs.path() + "/pool", {}});
    driver->create_pool();
    const storage::VolumeId image{storage::VolumeType::image, "image"};
    const storage::VolumeId container{storage::VolumeType::container, "c1"};
    const std::string content(3 << 20, 'x');
    driver->create(image, [&](const std::string& path) { fakes::write(path + "/file", content); });
    driver->clone(image, container, {}, {});

    const auto original = extents(driver->path(image) + "/file");
    const auto copy = extents(driver->path(container) + "/file");
    ASSERT_FALSE(original.empty());
    EXPECT_EQ(original, copy);
    for (const auto& extent : copy) EXPECT_TRUE(extent.shared);

    fakes::write(driver->path(container) + "/file", std::string(content.size(), 'y'));
    EXPECT_NE(extents(driver->path(container) + "/file"), original);
    EXPECT_EQ(fakes::read(driver->path(image) + "/file"), content);
}

} // namespace

int main(int argc, char** argv) {
    return storage::run_with_private_mounts(argc, argv, "mkfs.xfs");
}
