#include <algorithm>
#include <atomic>
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

bool same_bytes(int a, int b) {
    const auto all = [](int fd) {
        std::string text(1 << 16, '\0');
        text.resize(static_cast<size_t>(std::max<ssize_t>(0, ::pread(fd, text.data(), text.size(), 0))));
        return text;
    };
    return all(a) == all(b);
}

base::Fd open_folder(const std::string& path) {
    return base::checked(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
}

/// A volume and a snapshot of it, and what a driver does to restore one.
struct TreeDifferenceTest : testing::Test {
    void fill() {
        for (int number = 0; number < 60; ++number) {
            const auto place = fmt::format("{}/d{}/e{}", volume_, number % 5, number % 3);
            fs::create_directories(place);
            fakes::write(fmt::format("{}/f{}", place, number), std::string(static_cast<size_t>(number), 'x'));
        }
        fs::create_hard_link(volume_ + "/d0/e0/f0", volume_ + "/d1/link");
        fs::create_hard_link(volume_ + "/d1/e1/f1", volume_ + "/d2/e0/link");
        fs::create_symlink("/etc", volume_ + "/d3/etc");
        ::mkfifo((volume_ + "/d3/fifo").c_str(), 0600);
        ::setxattr((volume_ + "/d4").c_str(), "user.x", "folder", 6, 0);
        take();
    }

    void take() {
        fs::remove_all(snapshot_);
        fs::create_directories(snapshot_);
        copy_tree(open_folder(volume_).get(), open_folder(snapshot_).get(), {});
    }

    TreeDifference difference(unsigned threads = 3) {
        return tree_difference(open_folder(snapshot_).get(), open_folder(volume_).get(), {same_bytes, {}, threads});
    }

    void restore(const TreeDifference& difference) {
        std::vector<TreePart> parts;
        for (const auto& [path, folder] : difference.folders) parts.push_back({path, folder.put});
        fs::create_directories(staged_);
        copy_parts(open_folder(snapshot_).get(), parts, open_folder(staged_).get(), {});
        exchange_trees(open_folder(snapshot_).get(), open_folder(staged_).get(), open_folder(volume_).get(),
                       difference);
        fs::remove_all(staged_);
    }

    fakes::TemporaryFolder folder_;
    std::string snapshot_ = folder_ / "snapshot";
    std::string staged_ = folder_ / "staged";
    std::string volume_ = folder_ / "volume";
};

TEST_F(TreeDifferenceTest, LeadsBackToTheSnapshotWhateverWasChanged) {
    constexpr unsigned rounds = 200;
    fill();
    const auto wanted = seen(snapshot_);
    for (unsigned seed = 0; seed < rounds; ++seed) {
        SCOPED_TRACE(seed);
        Changes(volume_, seed).make(1 + static_cast<int>(seed) % 12);
        const auto found = difference();
        EXPECT_TRUE(found.reachable);
        restore(found);
        ASSERT_EQ(seen(volume_), wanted);
        ASSERT_EQ(seen(snapshot_), wanted);
        if (seed % 3 == 0) take(); // else what was restored is newer than the snapshot
    }
}

TEST_F(TreeDifferenceTest, TellsOfNothingWhereNothingDiffers) {
    fill();
    const auto found = difference();
    EXPECT_TRUE(found.folders.empty());
    EXPECT_EQ(found.changed, 0U);
    EXPECT_EQ(found.same, 64U) << "files, two links, a symbolic one and a FIFO";
}

TEST_F(TreeDifferenceTest, NamesWhatDiffersAndNothingElse) {
    fill();
    fakes::write(volume_ + "/d3/e0/f3", "!!!");
    fs::remove(volume_ + "/d3/e0/f18");
    fs::create_directories(volume_ + "/d3/e0/new/deep");
    ::chmod((volume_ + "/d2/e1").c_str(), 0700);
    for (const auto threads : {1U, 4U}) {
        const auto found = difference(threads);
        ASSERT_THAT(found.folders, testing::SizeIs(2));
        EXPECT_THAT(found.folders.at("d3/e0").put, testing::ElementsAre("f18", "f3"));
        EXPECT_THAT(found.folders.at("d3/e0").drop, testing::ElementsAre("new"));
        EXPECT_THAT(found.folders.at("d2/e1").put, testing::IsEmpty());
        EXPECT_EQ(found.changed, 3U);
    }
}

TEST_F(TreeDifferenceTest, TakesLinksForOneOrNone) {
    fill();
    fs::remove(volume_ + "/d1/link");
    fakes::write(volume_ + "/d1/link", "");
    const auto found = difference();
    EXPECT_THAT(found.folders.at("d0/e0").put, testing::ElementsAre("f0"));
    EXPECT_THAT(found.folders.at("d1").put, testing::ElementsAre("link"));
}

TEST_F(TreeDifferenceTest, DoesNotAskForFilesOfAnotherSizeOrEmptyOnes) {
    fill();
    fakes::write(volume_ + "/d3/e0/f3", "four");
    std::atomic<int> asked = 0;
    tree_difference(open_folder(snapshot_).get(), open_folder(volume_).get(),
                    {[&](int a, int b) {
                         ++asked;
                         return same_bytes(a, b);
                     },
                     {},
                     2});
    EXPECT_EQ(asked, 59) << "60 files and a second name of one; f0 is empty under both of its names";
}

TEST_F(TreeDifferenceTest, SaysWhereAPathIsTooLong) {
    fill();
    for (const auto& root : {volume_, snapshot_}) {
        auto folder = open_folder(root);
        for (int depth = 0; depth < 12; ++depth) {
            const std::string name(250, 'n');
            ASSERT_EQ(::mkdirat(folder.get(), name.c_str(), 0700), 0);
            folder = base::checked(::openat(folder.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), name);
        }
    }
    EXPECT_FALSE(difference().reachable);
}

TEST_F(TreeDifferenceTest, EndsWhenItIsCancelledOrFails) {
    fill();
    base::CancelToken cancel;
    cancel.cancel();
    EXPECT_ANY_THROW(
        tree_difference(open_folder(snapshot_).get(), open_folder(volume_).get(), {same_bytes, cancel, 2}));
    const auto fails = [](int, int) -> bool { throw std::runtime_error("broken disk"); };
    EXPECT_THROW(tree_difference(open_folder(snapshot_).get(), open_folder(volume_).get(), {fails, {}, 3}),
                 std::runtime_error);
}

TEST_F(TreeDifferenceTest, IsUndoneWhereItCannotBeDoneInFull) {
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
    copy_parts(open_folder(snapshot_).get(), {{"a", {"file", "new"}}, {"b", {"file"}}}, open_folder(staged_).get(), {});
    fakes::write(staged_ + "/1/gone", "in the way");
    EXPECT_THROW(exchange_trees(open_folder(snapshot_).get(), open_folder(staged_).get(), open_folder(volume_).get(),
                                difference),
                 std::system_error);
    EXPECT_EQ(seen(volume_), before);
    fs::remove(staged_ + "/1/gone");
    exchange_trees(open_folder(snapshot_).get(), open_folder(staged_).get(), open_folder(volume_).get(), difference);
    EXPECT_EQ(seen(volume_ + "/a"), seen(snapshot_ + "/a"));
    EXPECT_EQ(seen(volume_ + "/b"), seen(snapshot_ + "/b"));
}

} // namespace

} // namespace storage
