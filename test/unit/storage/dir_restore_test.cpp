#include <algorithm>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <random>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/tree_copy.h"
#include "daemon/storage/tree_difference.h"
#include "daemon/storage/tree_exchange.h"
#include "test/fakes/temporary_folder.h"

namespace storage {

namespace {

namespace fs = std::filesystem;

struct stat status(const std::string& path) {
    struct stat result{};
    EXPECT_EQ(::lstat(path.c_str(), &result), 0) << path;
    return result;
}

std::string extended(const std::string& path) {
    std::string names(1024, '\0');
    names.resize(static_cast<size_t>(std::max<ssize_t>(0, ::llistxattr(path.c_str(), names.data(), names.size()))));
    std::string value(64, '\0');
    const auto size = ::lgetxattr(path.c_str(), "user.x", value.data(), value.size());
    return names + value.substr(0, static_cast<size_t>(std::max<ssize_t>(0, size)));
}

/// {path -> all that can be seen of it}, with the first of the names of each file.
std::map<std::string, std::string> seen(const std::string& root) {
    std::map<std::string, std::string> found;
    std::map<ino_t, std::string> first;
    const auto note = [&](const std::string& path, const std::string& name) {
        const auto at = status(path);
        auto text = fmt::format("{:o} {}:{} {}.{:09} {}", at.st_mode, at.st_uid, at.st_gid, at.st_mtim.tv_sec,
                                at.st_mtim.tv_nsec, extended(path));
        if (S_ISREG(at.st_mode)) text += fmt::format(" {} {}", at.st_nlink, fakes::read(path));
        if (S_ISLNK(at.st_mode)) text += " to " + fs::read_symlink(path).string();
        if (!S_ISDIR(at.st_mode)) text += " is " + first.try_emplace(at.st_ino, name).first->second;
        found[name] = text;
    };
    note(root, "");
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(root)) paths.push_back(entry.path());
    std::ranges::sort(paths);
    for (const auto& path : paths) note(path, path.lexically_relative(root));
    return found;
}

/// Changes a tree in ways that programs do, some of which hide that anything was changed.
class Changes {
public:
    Changes(std::string root, unsigned seed) : root_(std::move(root)), random_(seed) {}

    void make(int count) {
        for (int number = 0; number < count; ++number) one();
    }

private:
    size_t any(size_t count) { return std::uniform_int_distribution<size_t>(0, count - 1)(random_); }

    std::string any_path(const std::function<bool(const fs::path&)>& wanted) {
        std::vector<std::string> paths;
        for (const auto& entry : fs::recursive_directory_iterator(root_))
            if (wanted(entry.path())) paths.push_back(entry.path());
        std::ranges::sort(paths);
        return paths.empty() ? "" : paths[any(paths.size())];
    }
    std::string any_file() {
        return any_path([](const auto& path) { return fs::is_regular_file(fs::symlink_status(path)); });
    }
    std::string any_folder() {
        return any_path([](const auto& path) { return fs::is_directory(fs::symlink_status(path)); });
    }
    std::string new_name() {
        auto folder = any_folder();
        return (folder.empty() ? root_ : folder) + "/n" + std::to_string(++made_);
    }

    void one() {
        const std::vector<std::function<void()>> ways{
            [&] { fakes::write(new_name(), std::string(any(200), 'n')); },
            [&] { fs::create_directory(new_name()); },
            [&] { fs::create_symlink("/nowhere", new_name()); },
            [&] { rewrite(false); },
            [&] { rewrite(true); },
            [&] {
                if (const auto file = any_file(); !file.empty()) fs::create_hard_link(file, new_name());
            },
            [&] {
                if (const auto file = any_file(); !file.empty()) fs::remove(file);
            },
            [&] {
                if (any(6) != 0) return;
                if (const auto folder = any_folder(); !folder.empty()) fs::remove_all(folder);
            },
            [&] { move(any_file()); },
            [&] { move(any_folder()); },
            [&] {
                const auto path = any_path([](const auto& place) { return !fs::is_symlink(place); });
                if (!path.empty()) ::chmod(path.c_str(), any(2) == 0 ? 0755 : 0700);
            },
            [&] {
                const auto path = any_path([](const auto& place) { return !fs::is_symlink(place); });
                if (path.empty()) return;
                if (any(2) == 0)
                    ::setxattr(path.c_str(), "user.x", "y", 1, 0);
                else
                    ::removexattr(path.c_str(), "user.x");
            },
            [&] { // another kind under the same name
                const auto file = any_file();
                if (file.empty()) return;
                fs::remove(file);
                if (any(2) == 0)
                    fs::create_directory(file);
                else
                    fs::create_symlink("elsewhere", file);
            },
        };
        ways[any(ways.size())]();
    }

    /// With as many bytes and, where it is hidden, the old times.
    void rewrite(bool hidden) {
        const auto file = any_file();
        if (file.empty()) return;
        const auto before = status(file);
        fakes::write(file, std::string(fs::file_size(file), static_cast<char>('a' + any(26))));
        const timespec times[] = {before.st_atim, before.st_mtim};
        if (hidden) ::utimensat(AT_FDCWD, file.c_str(), times, 0);
    }

    void move(const std::string& path) {
        if (path.empty()) return;
        const auto to = new_name();
        if (!to.starts_with(path + "/")) fs::rename(path, to);
    }

    std::string root_;
    std::mt19937 random_;
    int made_ = 0;
};

struct DirRestoreTest : testing::Test {
    void SetUp() override {
        fs::create_directory(folder_ / "storage-pools");
        driver_ = make_driver("dir", {"pool", pool_, {}});
        driver_->create_pool();
    }

    void TearDown() override {
        if (driver_) driver_->clean_up(); // removals are done
    }

    void fill() {
        driver_->create(volume_, [](const std::string& path) {
            for (int number = 0; number < 60; ++number) {
                const auto place = fmt::format("{}/rootfs/d{}/e{}", path, number % 5, number % 3);
                fs::create_directories(place);
                fakes::write(fmt::format("{}/f{}", place, number), std::string(static_cast<size_t>(number), 'x'));
            }
            fs::create_hard_link(path + "/rootfs/d0/e0/f0", path + "/rootfs/d1/link");
            fs::create_hard_link(path + "/rootfs/d1/e1/f1", path + "/rootfs/d2/e0/link");
            fs::create_symlink("/etc", path + "/rootfs/d3/etc");
            ::setxattr((path + "/rootfs/d4").c_str(), "user.x", "folder", 6, 0);
        });
        await_tick();
        driver_->take(snapshot_, {}, {});
    }

    /// What was made so far has an earlier ctime than what the snapshot will have.
    void await_tick() const {
        const auto probe = folder_ / "probe";
        fakes::write(probe, "");
        const auto before = status(probe).st_ctim;
        for (auto now = before; now.tv_sec == before.tv_sec && now.tv_nsec == before.tv_nsec;
             now = status(probe).st_ctim)
            ::chmod(probe.c_str(), 0600);
    }

    std::vector<std::string> names_beside() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(pool_ + "/containers"))
            names.push_back(entry.path().filename());
        return names;
    }

    fakes::TemporaryFolder folder_;
    std::string pool_ = folder_ / "storage-pools/pool";
    std::unique_ptr<Driver> driver_;
    VolumeId volume_{VolumeType::container, "c"};
    VolumeId snapshot_{VolumeType::container, "c", "s"};
    std::string root_ = pool_ + "/containers/c";
    std::string snapshot_root_ = pool_ + "/containers-snapshots/c/s";
};

TEST_F(DirRestoreTest, BringsBackEverythingWhateverWasChanged) {
    constexpr unsigned rounds = 150;
    unsigned in_place = 0;
    fill();
    const auto wanted = seen(snapshot_root_);
    for (unsigned seed = 0; seed < rounds; ++seed) {
        SCOPED_TRACE(seed);
        const auto before = status(root_).st_ino;
        Changes(root_ + "/rootfs", seed).make(1 + static_cast<int>(seed) % 12);
        driver_->restore(snapshot_, {}, {});
        ASSERT_EQ(seen(root_), wanted);
        ASSERT_EQ(seen(snapshot_root_), wanted);
        if (status(root_).st_ino == before) ++in_place;
        if (seed % 3 != 0) continue; // else what was restored is newer than the snapshot
        driver_->remove(snapshot_);
        await_tick();
        driver_->take(snapshot_, {}, {});
    }
    EXPECT_GT(in_place, rounds / 2);
    driver_->clean_up();
    EXPECT_THAT(names_beside(), testing::ElementsAre("c"));
}

TEST_F(DirRestoreTest, LeavesAloneWhatWasNotChanged) {
    fill();
    const auto kept = status(root_ + "/rootfs/d2/e2/f2").st_ino;
    const auto linked = status(root_ + "/rootfs/d1/link").st_ino;
    const auto changed = root_ + "/rootfs/d3/e0/f3";
    fakes::write(changed, "!!!");
    const auto before = status(changed).st_ino;
    driver_->restore(snapshot_, {}, {});
    EXPECT_EQ(status(root_ + "/rootfs/d2/e2/f2").st_ino, kept);
    EXPECT_EQ(status(root_ + "/rootfs/d1/link").st_ino, linked);
    EXPECT_NE(status(changed).st_ino, before);
    EXPECT_EQ(fakes::read(changed), "xxx");
}

TEST_F(DirRestoreTest, ReplacesAVolumeOfWhichMostWasChanged) {
    fill();
    const auto wanted = seen(snapshot_root_);
    const auto before = status(root_).st_ino;
    for (const auto& entry : fs::recursive_directory_iterator(root_))
        if (entry.is_regular_file()) fakes::write(entry.path(), "changed");
    driver_->restore(snapshot_, {}, {});
    EXPECT_EQ(seen(root_), wanted);
    EXPECT_NE(status(root_).st_ino, before);
}

TEST_F(DirRestoreTest, ACancelledOneChangesNothing) {
    fill();
    Changes(root_ + "/rootfs", 7).make(5);
    const auto before = seen(root_);
    base::CancelToken cancel;
    cancel.cancel();
    EXPECT_ANY_THROW(driver_->restore(snapshot_, cancel, {}));
    EXPECT_EQ(seen(root_), before);
    EXPECT_THAT(names_beside(), testing::ElementsAre("c"));
}

struct CutOffRestoreTest : DirRestoreTest {
    /// As a crash leaves it: a part of the exchange is done.
    void cut_off() {
        fill();
        wanted_ = seen(snapshot_root_);
        Changes(root_ + "/rootfs", 3).make(8);
        fs::create_directories(pool_ + "/containers/.restoring-c/0");
        fs::create_symlink("s", pool_ + "/containers/.restoring-c/snapshot");
        fs::rename(root_ + "/rootfs/d2", pool_ + "/containers/.restoring-c/0/d2");
    }

    std::map<std::string, std::string> wanted_;
};

TEST_F(CutOffRestoreTest, IsFinishedAtTheStart) {
    cut_off();
    driver_->clean_up();
    EXPECT_EQ(seen(root_), wanted_);
    driver_->clean_up(); // awaits removals
    EXPECT_THAT(names_beside(), testing::ElementsAre("c"));
}

TEST_F(CutOffRestoreTest, IsFinishedBeforeTheVolumeIsUsed) {
    const VolumeId copy{VolumeType::container, "copy"};
    const std::vector<std::function<void()>> uses{
        [&] { driver_->mount(volume_); },
        [&] { driver_->clone(volume_, copy, {}, {}); },
        [&] { driver_->take({VolumeType::container, "c", "t"}, {}, {}); },
        [&] { driver_->remove(snapshot_); },
    };
    for (const auto& use : uses) {
        cut_off();
        use();
        EXPECT_EQ(seen(root_), wanted_);
        if (driver_->exists(copy)) {
            EXPECT_EQ(seen(pool_ + "/containers/copy"), wanted_);
        }
        for (const auto& left : {snapshot_, VolumeId{VolumeType::container, "c", "t"}, volume_, copy})
            driver_->remove(left);
        driver_->clean_up();
        EXPECT_THAT(names_beside(), testing::IsEmpty());
    }
}

TEST_F(CutOffRestoreTest, GoesWithItsVolume) {
    cut_off();
    driver_->remove(volume_);
    driver_->clean_up();
    EXPECT_THAT(names_beside(), testing::IsEmpty());
}

struct TreeExchangeTest : testing::Test {
    static base::Fd open(const std::string& path) {
        return base::checked(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
    }

    fakes::TemporaryFolder folder_;
    std::string snapshot_ = folder_ / "snapshot";
    std::string staged_ = folder_ / "staged";
    std::string volume_ = folder_ / "volume";
};

TEST_F(TreeExchangeTest, IsUndoneWhereItCannotBeFinished) {
    for (const auto* name : {"/a", "/b"}) {
        for (const auto& root : {snapshot_, volume_}) {
            fs::create_directories(root + name);
            fakes::write(root + name + "/file", root);
        }
    }
    fakes::write(snapshot_ + "/a/new", "new");
    fakes::write(volume_ + "/a/gone", "gone");
    fakes::write(volume_ + "/b/gone", "gone");
    ::chmod((volume_ + "/a").c_str(), 0700);
    ::setxattr((volume_ + "/a").c_str(), "user.x", "of the volume", 13, 0);
    fs::create_directory(staged_);
    const auto before = seen(volume_);
    const TreeDifference difference{{{"a", {{"file", "new"}, {"gone"}}}, {"b", {{"file"}, {"gone"}}}}, 0, 5, true};
    copy_parts(open(snapshot_).get(), {{"a", {"file", "new"}}, {"b", {"file"}}}, open(staged_).get(), {});
    fakes::write(staged_ + "/1/gone", "in the way");
    EXPECT_THROW(exchange_trees(open(snapshot_).get(), open(staged_).get(), open(volume_).get(), difference),
                 std::system_error);
    EXPECT_EQ(seen(volume_), before);
    fs::remove(staged_ + "/1/gone");
    exchange_trees(open(snapshot_).get(), open(staged_).get(), open(volume_).get(), difference);
    EXPECT_EQ(seen(volume_ + "/a"), seen(snapshot_ + "/a"));
    EXPECT_EQ(seen(volume_ + "/b"), seen(snapshot_ + "/b"));
}

} // namespace

} // namespace storage
