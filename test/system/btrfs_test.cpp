// The driver btrfs on real filesystems in files: what every driver promises, and what btrfs promises beyond.

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/storage/backing.h"
#include "daemon/storage/loop_device.h"
#include "daemon/storage/send_stream.h"
#include "daemon/storage/subvolume.h"
#include "schema/error.h"
#include "test/fakes/temporary_folder.h"
#include "test/system/private_mounts.h"
#include "test/unit/storage/driver_contract.h"

namespace storage {

namespace {

const schema::Config in_a_file{{"size", "256MiB"}};

INSTANTIATE_TEST_SUITE_P(Btrfs, DriverContract,
                         testing::Values(Kind{
                             "btrfs", [](DriverContext context) { return make_driver("btrfs", std::move(context)); },
                             in_a_file}),
                         [](const auto& kind) { return kind.param.name; });

template <class Attempt> std::string refusal(const Attempt& attempt) {
    try {
        attempt();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

const VolumeId c1{VolumeType::container, "c1"};
const VolumeId image{VolumeType::image, "i"};

VolumeId snapshot_of(const VolumeId& volume, const std::string& name) {
    return {volume.type, volume.name, name};
}

struct Btrfs : testing::Test {
    std::unique_ptr<Driver> driver_of(const std::string& name, const schema::Config& config) {
        fs::create_directories(folder_ / "storage-pools");
        return make_driver("btrfs", {name, folder_ / ("storage-pools/" + name), config});
    }
    Driver& pool(const std::string& size = "256MiB") {
        pool_ = driver_of("pool", {{"size", size}});
        pool_->create_pool();
        return *pool_;
    }
    void TearDown() override {
        if (pool_ && fs::exists(folder_ / "storage-pools/pool")) pool_->delete_pool();
        EXPECT_THAT(find_loop(folder_ / "disks/pool.img"), testing::IsEmpty());
    }
    std::string at(const VolumeId& volume, const std::string& rest = "") const { return pool_->path(volume) + rest; }
    uint64_t free_space() const {
        subvolume::sync(folder_ / "storage-pools/pool");
        struct statvfs status{};
        ::statvfs((folder_ / "storage-pools/pool").c_str(), &status);
        return status.f_bfree * status.f_frsize;
    }

    fakes::TemporaryFolder folder_;
    fakes::TemporaryFolder elsewhere_;
    std::unique_ptr<Driver> pool_;
};

void make_empty(Driver& driver, const VolumeId& volume) {
    driver.create(volume, [](const std::string& path) { fs::create_directory(path + "/rootfs"); });
}

int write_error(const std::string& path, size_t bytes) {
    const base::Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string data(1 << 20, 'x');
    for (size_t written = 0; written < bytes; written += data.size())
        if (::write(file.get(), data.data(), data.size()) < 0) return errno;
    return ::fsync(file.get()) < 0 ? errno : 0;
}

TEST_F(Btrfs, APoolInAFileHasADefaultSizeAndSaysSo) {
    auto driver = driver_of("auto", {});
    driver->create_pool();
    const auto config = driver->completed({});
    EXPECT_EQ(config.at("source"), folder_ / "disks/auto.img");
    EXPECT_EQ(config.at("size"), default_loop_size(folder_.path()));
    EXPECT_TRUE(fs::exists(folder_ / "disks/auto.img"));
    driver->delete_pool();
    EXPECT_FALSE(fs::exists(folder_ / "disks/auto.img"));
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/auto"));
}

TEST_F(Btrfs, ABadSourceIsRefusedAndLeavesNothing) {
    const std::map<std::string, std::string> refusals{
        {"relative", "Invalid \"source\" property"},
        {elsewhere_.path(), "Provided path does not reside on a btrfs filesystem"},
        {elsewhere_ / "nowhere/at/all", "Failed creating subvolume"},
        {folder_ / "storage-pools/other", "Only allowed source path under"},
    };
    for (const auto& [source, words] : refusals) {
        auto driver = driver_of("bad", {{"source", source}});
        EXPECT_THAT(refusal([&] { driver->create_pool(); }), testing::HasSubstr(words)) << source;
        EXPECT_FALSE(fs::exists(folder_ / "storage-pools/bad"));
        EXPECT_FALSE(fs::exists(folder_ / "disks/bad.img"));
    }
    auto driver = driver_of("bad", {{"size", "1MiB"}});
    EXPECT_THAT(refusal([&] { driver->create_pool(); }), testing::HasSubstr("Failed to format sparse file"));
    EXPECT_FALSE(fs::exists(folder_ / "disks/bad.img"));
}

TEST_F(Btrfs, APoolMayLieInAFolderOfAFilesystemThatIsThereAlready) {
    pool();
    const auto place = folder_ / "storage-pools/pool/inner";
    fs::create_directory(elsewhere_ / "storage-pools");
    const auto other = [&](const std::string& name, const std::string& source) {
        return make_driver("btrfs", {name, elsewhere_ / ("storage-pools/" + name), {{"source", source}}});
    };
    const auto inner = other("inner", place);
    inner->create_pool();
    make_empty(*inner, c1);
    EXPECT_TRUE(subvolume::is_subvolume(place));
    EXPECT_TRUE(fs::exists(place + "/containers/c1/rootfs"));
    inner->unmount_pool();
    EXPECT_FALSE(inner->exists(c1));
    inner->mount_pool();
    EXPECT_TRUE(inner->exists(c1));
    const auto second = other("second", place);
    EXPECT_EQ(refusal([&] { second->create_pool(); }), "Requested btrfs subvolume exists but is not empty");
    inner->delete_pool();
    EXPECT_TRUE(fs::is_empty(place));
    EXPECT_FALSE(fs::exists(elsewhere_ / "storage-pools/inner"));
}

TEST_F(Btrfs, ABlockDeviceIsFormattedAndKeptWithoutASize) {
    make_sparse_file(folder_ / "disk", 256 << 20);
    const auto device = attach_loop(folder_ / "disk");
    pool_ = driver_of("pool",
                      {{"source", device.path}, {"size", "1GiB"}, {"btrfs.mount_options", "noatime,compress=zstd"}});
    pool_->create_pool();
    const auto config = pool_->completed({});
    EXPECT_FALSE(config.contains("size"));
    EXPECT_EQ(config.at("volatile.initial_source"), device.path);
    const auto mounts = fakes::read("/proc/self/mounts");
    EXPECT_THAT(mounts, testing::ContainsRegex(folder_ / "storage-pools/pool btrfs rw,noatime,.*compress=zstd"));
    pool_->update_pool({{"source", config.at("source")}, {"btrfs.mount_options", "relatime"}});
    EXPECT_THAT(fakes::read("/proc/self/mounts"),
                testing::ContainsRegex(folder_ / "storage-pools/pool btrfs rw,relatime"));
    auto other = driver_of("other", {{"source", device.path}});
    EXPECT_THAT(refusal([&] { other->create_pool(); }), testing::HasSubstr("Failed to format block device"));
    pool_->delete_pool();
}

TEST_F(Btrfs, AFileGrowsWithItsFilesystemAndDoesNotShrink) {
    auto& driver = pool();
    make_empty(driver, c1);
    auto config = driver.completed({});
    const auto before = free_space();
    config["size"] = "512MiB";
    driver.update_pool(config);
    EXPECT_GT(free_space(), before + (200U << 20U));
    EXPECT_EQ(fs::file_size(folder_ / "disks/pool.img"), 512U << 20U);
    config["size"] = "300MiB";
    EXPECT_THROW(driver.update_pool(config), schema::Error);
    EXPECT_EQ(fs::file_size(folder_ / "disks/pool.img"), 512U << 20U);
}

TEST_F(Btrfs, APoolWhoseFileIsMissingIsNotMounted) {
    auto& driver = pool();
    driver.unmount_pool();
    fs::rename(folder_ / "disks/pool.img", folder_ / "disks/away.img");
    EXPECT_THAT(refusal([&] { driver.mount_pool(); }), testing::HasSubstr("No such file"));
    fs::rename(folder_ / "disks/away.img", folder_ / "disks/pool.img");
    EXPECT_NO_THROW(driver.mount_pool());
}

TEST_F(Btrfs, NestedSubvolumesGoAlong) {
    auto& driver = pool();
    make_empty(driver, c1);
    fs::create_directory(at(c1, "/rootfs/a"));
    subvolume::create(at(c1, "/rootfs/a/one"));
    subvolume::create(at(c1, "/rootfs/a/one/two"));
    fakes::write(at(c1, "/rootfs/a/one/two/file"), "before");
    subvolume::set_read_only(subvolume::open(at(c1, "/rootfs/a/one/two")).get(), true);

    const auto s = snapshot_of(c1, "s");
    driver.take(s, {}, {});
    EXPECT_EQ(fakes::read(at(s, "/rootfs/a/one/two/file")), "before");
    EXPECT_TRUE(subvolume::is_read_only(subvolume::open(at(s)).get()));
    subvolume::remove(at(c1, "/rootfs/a/one"));
    driver.restore(s, {}, {});
    EXPECT_EQ(fakes::read(at(c1, "/rootfs/a/one/two/file")), "before");
    EXPECT_TRUE(subvolume::is_subvolume(at(c1, "/rootfs/a/one/two")));
    EXPECT_TRUE(subvolume::is_read_only(subvolume::open(at(c1, "/rootfs/a/one/two")).get()));
    EXPECT_FALSE(subvolume::is_read_only(subvolume::open(at(c1, "/rootfs/a/one")).get()));

    const VolumeId copy{VolumeType::container, "c2"};
    driver.clone(s, copy, {}, {});
    fakes::write(at(copy, "/rootfs/a/one/file"), "in the copy alone");
    EXPECT_FALSE(fs::exists(at(c1, "/rootfs/a/one/file")));
    for (const auto& volume : {s, c1, copy}) driver.remove(volume);
    driver.clean_up(); // awaits what is on its way out
    EXPECT_THAT(subvolume::nested(subvolume::open(folder_ / "storage-pools/pool").get()), testing::IsEmpty());
}

TEST_F(Btrfs, ALinkInPlaceOfANestedSubvolumeIsNotFollowed) {
    auto& driver = pool();
    make_empty(driver, c1);
    fs::create_directory(at(c1, "/rootfs/a"));
    subvolume::create(at(c1, "/rootfs/a/inner"));
    const auto opened = subvolume::open(at(c1));
    const auto found = subvolume::nested(opened.get());
    ASSERT_EQ(found.size(), 1U);
    EXPECT_TRUE(subvolume::open_nested(opened.get(), found[0]));
    make_empty(driver, {VolumeType::container, "inner"});
    fs::rename(at(c1, "/rootfs/a"), at(c1, "/rootfs/b"));
    fs::create_directory_symlink(folder_ / "storage-pools/pool/containers", at(c1, "/rootfs/a"));
    EXPECT_FALSE(subvolume::open_nested(opened.get(), found[0]));
}

TEST_F(Btrfs, ALimitHoldsAtOnceAndStaysInARestore) {
    auto& driver = pool();
    make_empty(driver, c1);
    constexpr int64_t mib = 1 << 20;
    driver.quotas()->limit(c1, 16 * mib);
    EXPECT_EQ(write_error(at(c1, "/rootfs/big"), 32 * mib), EDQUOT);
    const VolumeId copy{VolumeType::container, "c2"};
    driver.take(snapshot_of(c1, "full"), {}, {});
    driver.clone(c1, copy, {}, {});
    EXPECT_EQ(write_error(at(copy, "/rootfs/more"), 32 * mib), 0) << "a copy has no limit of its source";
    driver.quotas()->limit(c1, 64 * mib);
    EXPECT_EQ(write_error(at(c1, "/rootfs/big"), 32 * mib), 0);
    fs::remove(at(c1, "/rootfs/big"));
    driver.take(snapshot_of(c1, "s"), {}, {});
    driver.quotas()->limit(c1, 16 * mib);
    driver.restore(snapshot_of(c1, "s"), {}, {});
    EXPECT_EQ(write_error(at(c1, "/rootfs/big"), 32 * mib), EDQUOT);
    driver.quotas()->limit(c1, 0);
    EXPECT_EQ(write_error(at(c1, "/rootfs/big"), 32 * mib), 0);
    subvolume::sync(at(c1));
    EXPECT_GE(driver.usage(c1).value_or(0), 32 * mib);
}

TEST_F(Btrfs, WithoutALimitNothingIsCounted) {
    auto& driver = pool();
    make_empty(driver, c1);
    EXPECT_EQ(driver.usage(c1), std::nullopt);
    EXPECT_NO_THROW(driver.quotas()->limit(c1, 0));
    EXPECT_EQ(driver.usage(c1), std::nullopt);
}

TEST_F(Btrfs, FiftyContainersOfAnImageTakeNextToNothing) {
    auto& driver = pool("1GiB");
    driver.create(image, [](const std::string& path) {
        for (int folder = 0; folder < 50; ++folder) {
            const auto place = fmt::format("{}/{}", path, folder);
            fs::create_directory(place);
            for (int file = 0; file < 20; ++file)
                fakes::write(fmt::format("{}/{}", place, file), std::string(140000, static_cast<char>('a' + file)));
        }
    });
    const auto before = free_space();
    for (int number = 0; number < 50; ++number)
        driver.clone(image, {VolumeType::container, fmt::format("c{}", number)}, {}, {});
    const auto after = free_space();
    EXPECT_LT(before - after, 10U << 20U);
    EXPECT_EQ(driver.list(VolumeType::container).size(), 50U);
}

TEST_F(Btrfs, ABlockVolumeIsAFileOfItsSizeThatGoesIntoSnapshots) {
    auto& driver = pool();
    const VolumeId volume{VolumeType::custom, "v"};
    driver.blocks()->create_block(volume, 8 << 20, {});
    EXPECT_EQ(fs::file_size(*driver.blocks()->device(volume)), 8U << 20U);
    driver.take(snapshot_of(volume, "s"), {}, {});
    driver.blocks()->resize_block(volume, 16 << 20);
    EXPECT_EQ(fs::file_size(*driver.blocks()->device(volume)), 16U << 20U);
    EXPECT_EQ(fs::file_size(*driver.blocks()->device(snapshot_of(volume, "s"))), 8U << 20U);
    EXPECT_THROW(driver.blocks()->resize_block(volume, 1 << 20), schema::Error);
}

TEST_F(Btrfs, CleaningUpRemovesWhatACrashLeft) {
    auto& driver = pool();
    make_empty(driver, c1);
    driver.take(snapshot_of(c1, "s"), {}, {});
    const auto folder = folder_ / "storage-pools/pool";
    for (const std::string place : {"containers", "containers-snapshots/c1"}) {
        const auto path = fmt::format("{}/{}/.partial-0123456789abcdef", folder, place);
        subvolume::create(path);
        subvolume::create(path + "/nested");
        subvolume::set_read_only(subvolume::open(path).get(), true);
    }
    EXPECT_THAT(driver.snapshots(c1), testing::ElementsAre("s"));
    driver.clean_up();
    EXPECT_EQ(subvolume::nested(subvolume::open(folder).get()).size(), 2U);
}

/// What a volume's stream is, in a file.
std::string stream_of(Driver& driver, const VolumeId& volume, const std::string& parent, const std::string& file) {
    const base::Fd to(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    driver.transfer()->send(volume, parent, to.get(), {});
    return file;
}

void receive(Driver& driver, const VolumeId& volume, const std::string& file) {
    const base::Fd from(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    driver.transfer()->receive(volume, from.get(), {});
}

TEST_F(Btrfs, StreamsCarryVolumesToAnotherPool) {
    auto& driver = pool();
    driver.create(c1, [](const std::string& path) {
        fs::create_directory(path + "/rootfs");
        fakes::write(path + "/rootfs/kept", std::string(300000, 'k'));
        ::chmod((path + "/rootfs/kept").c_str(), 04755);
        fs::create_symlink("/etc/passwd", path + "/rootfs/link");
        fs::create_hard_link(path + "/rootfs/kept", path + "/rootfs/again");
        ::mknod((path + "/rootfs/null").c_str(), S_IFCHR | 0666, makedev(1, 3));
        ::lchown((path + "/rootfs/link").c_str(), 1000, 1001);
        ::setxattr((path + "/rootfs/kept").c_str(), "user.a", "b", 1, 0);
    });
    const auto s1 = snapshot_of(c1, "s1");
    const auto s2 = snapshot_of(c1, "s2");
    driver.take(s1, {}, {});
    fakes::write(at(c1, "/rootfs/new"), "new");
    fs::rename(at(c1, "/rootfs/kept"), at(c1, "/rootfs/moved"));
    driver.take(s2, {}, {});
    subvolume::create(at(c1, "/rootfs/nested"));
    fakes::write(at(c1, "/rootfs/nested/file"), "inner");
    const auto first = stream_of(driver, s1, "", folder_ / "1");
    const auto second = stream_of(driver, s2, "s1", folder_ / "2");
    const auto third = stream_of(driver, c1, "s2", folder_ / "3");
    EXPECT_LT(fs::file_size(second), fs::file_size(first) / 4);

    const auto other = driver_of("other", {{"size", "256MiB"}});
    other->create_pool();
    const VolumeId copy{VolumeType::container, "copy"};
    EXPECT_THROW(receive(*other, copy, third), schema::Error) << "its snapshots come first";
    receive(*other, snapshot_of(copy, "s1"), first);
    receive(*other, snapshot_of(copy, "b"), second);
    receive(*other, copy, third);
    const auto place = other->path(copy) + "/rootfs/";
    EXPECT_EQ(fakes::read(place + "moved"), std::string(300000, 'k'));
    EXPECT_EQ(static_cast<unsigned>(fs::status(place + "moved").permissions()), 04755U);
    EXPECT_TRUE(fs::equivalent(place + "moved", place + "again"));
    EXPECT_EQ(fs::read_symlink(place + "link"), "/etc/passwd");
    struct stat status{};
    ::lstat((place + "link").c_str(), &status);
    EXPECT_EQ(status.st_uid, 1000U);
    char value = 0;
    EXPECT_EQ(::getxattr((place + "again").c_str(), "user.a", &value, 1), 1);
    EXPECT_EQ(fs::status(place + "null").type(), fs::file_type::character);
    EXPECT_EQ(fakes::read(place + "new"), "new");
    EXPECT_EQ(fakes::read(place + "nested/file"), "inner");
    EXPECT_TRUE(subvolume::is_subvolume(place + "nested"));
    EXPECT_FALSE(fs::exists(other->path(snapshot_of(copy, "s1")) + "/rootfs/new"));
    EXPECT_TRUE(subvolume::is_read_only(subvolume::open(other->path(snapshot_of(copy, "b"))).get()));
    EXPECT_THAT(other->snapshots(copy), testing::UnorderedElementsAre("s1", "b"));
    other->delete_pool();
}

TEST_F(Btrfs, ABrokenStreamLeavesNothing) {
    auto& driver = pool();
    make_empty(driver, c1);
    fakes::write(at(c1, "/rootfs/file"), std::string(100000, 'x'));
    const auto whole = fakes::read(stream_of(driver, c1, "", folder_ / "stream"));
    const VolumeId copy{VolumeType::container, "copy"};
    auto turned = whole;
    turned[whole.size() / 2] = static_cast<char>(turned[whole.size() / 2] ^ 1);
    for (const auto& bytes :
         {std::string(), whole.substr(0, 5), whole.substr(0, whole.size() / 2), turned, "x" + whole}) {
        fakes::write(folder_ / "stream", bytes);
        EXPECT_THROW(receive(driver, copy, folder_ / "stream"), schema::Error);
        EXPECT_FALSE(driver.exists(copy));
        EXPECT_EQ(subvolume::nested(subvolume::open(folder_ / "storage-pools/pool").get()).size(), 1U);
    }
}

/// One command of a stream, with the checksum that it must have.
std::string command(uint16_t number, const std::vector<std::pair<uint16_t, std::string>>& fields) {
    const auto two = [](size_t value) {
        return std::string{static_cast<char>(value & 0xFFU), static_cast<char>(value >> 8U)};
    };
    std::string content;
    for (const auto& [type, data] : fields) content += two(type) + two(data.size()) + data;
    auto bytes = two(content.size()) + two(0) + two(number) + std::string(4, '\0') + content;
    const auto sum = send_stream::checksum(bytes);
    for (size_t i = 0; i < 4; ++i) bytes[6 + i] = static_cast<char>(sum >> (8 * i));
    return bytes;
}

TEST_F(Btrfs, AHostileStreamChangesNothingOutsideOfItsVolume) {
    auto& driver = pool();
    make_empty(driver, c1);
    fakes::write(at(c1, "/rootfs/file"), "kept");
    const auto begin = std::string("btrfs-stream\0\1\0\0\0", 17) +
                       command(1, {{15, "x"}, {1, std::string(16, 'u')}, {2, std::string(8, '\1')}});
    const auto end = command(21, {});
    const auto write_to = [](const std::string& path) {
        return command(15, {{15, path}, {18, std::string(8, '\0')}, {19, "evil"}});
    };
    const auto target = at(c1, "/rootfs");
    const std::vector<std::string> attacks{
        write_to("../c1/rootfs/file"),
        write_to(target + "/file"),
        command(8, {{15, "link"}, {17, target}}) + write_to("link/file"),
        command(8, {{15, "link"}, {17, target + "/file"}}) + write_to("link"),
        command(8, {{15, "link"}, {17, target + "/file"}}) + command(18, {{15, "link"}, {5, std::string(8, '\7')}}),
        command(4, {{15, "../evil"}}),
        command(4, {{15, ".."}}),
        command(9, {{15, "../c1"}, {16, "stolen"}}),
        command(10, {{15, "stolen"}, {17, "../c1/rootfs/file"}}),
        command(11, {{15, "../c1/rootfs/file"}}),
        command(99, {}),
        command(15, {{15, "file"}}),
    };
    for (const auto& attack : attacks) {
        fakes::write(folder_ / "stream", fmt::format("{}{}{}", begin, attack, end));
        EXPECT_ANY_THROW(receive(driver, {VolumeType::container, "copy"}, folder_ / "stream"));
        EXPECT_EQ(fakes::read(at(c1, "/rootfs/file")), "kept");
        EXPECT_THAT(driver.list(VolumeType::container), testing::ElementsAre("c1"));
    }
    EXPECT_FALSE(fs::exists(folder_ / "storage-pools/pool/containers/evil"));
    fakes::write(folder_ / "stream", begin + command(4, {{15, "rootfs"}}) + end);
    EXPECT_NO_THROW(receive(driver, {VolumeType::container, "copy"}, folder_ / "stream"));
}

/// What a daemon does all day, until it is killed.
[[noreturn]] void work(Driver& driver) {
    const auto s = snapshot_of(c1, "s");
    const VolumeId copy{VolumeType::container, "copy"};
    for (;;) {
        driver.remove(s);
        driver.take(s, {}, {});
        driver.restore(s, {}, {});
        driver.clone(s, copy, {}, {});
        driver.rename(copy, "renamed");
        driver.remove({VolumeType::container, "renamed"});
    }
}

TEST_F(Btrfs, AKillAtAnyMomentLeavesWholeVolumesAndNothingElse) {
    auto& driver = pool();
    make_empty(driver, c1);
    subvolume::create(at(c1, "/rootfs/nested"));
    fakes::write(at(c1, "/rootfs/nested/file"), "content");
    for (int round = 0; round < 12; ++round) {
        const auto child = ::fork();
        if (child == 0) work(*driver_of("pool", driver.completed({}))); // with threads of its own
        ::usleep(static_cast<useconds_t>(5000 + round * 7919));
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        driver.mount_pool();
        driver.clean_up();
        EXPECT_EQ(fakes::read(at(c1, "/rootfs/nested/file")), "content");
        for (const auto& name : driver.list(VolumeType::container)) {
            const VolumeId volume{VolumeType::container, name};
            EXPECT_EQ(fakes::read(at(volume, "/rootfs/nested/file")), "content") << name;
            if (name != "c1") driver.remove(volume);
        }
        driver.clean_up();
        for (const auto& name : driver.snapshots(c1))
            EXPECT_EQ(fakes::read(at(snapshot_of(c1, name), "/rootfs/nested/file")), "content");
        const auto left = subvolume::nested(subvolume::open(folder_ / "storage-pools/pool").get());
        EXPECT_EQ(left.size(), 2 * (1 + driver.snapshots(c1).size()));
    }
}

} // namespace

} // namespace storage

int main(int argc, char** argv) {
    return storage::run_with_private_mounts(argc, argv, "mkfs.btrfs");
}
