#include "daemon/storage/subvolume.h"

#include <btrfsutil.h>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/btrfs.h>
#include <linux/magic.h>
#include <memory>
#include <ranges>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/btrfs_quota.h"
#include "schema/error.h"

namespace storage::subvolume {

namespace {

void check(btrfs_util_error error, const std::string& attempt) {
    if (error == BTRFS_UTIL_OK) return;
    const auto reason = errno;
    if (error == BTRFS_UTIL_ERROR_NOT_BTRFS || error == BTRFS_UTIL_ERROR_NOT_SUBVOLUME)
        throw schema::failure("{}: {}", attempt, btrfs_util_strerror(error));
    throw std::system_error(reason, std::generic_category(), attempt);
}

struct Place {
    std::string folder;
    std::string name;
};

Place split(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {".", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

base::Fd open_folder(const std::string& path) {
    return base::checked(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "Failed opening " + path);
}

struct EndIteration {
    void operator()(btrfs_util_subvolume_iterator* iterator) const { btrfs_util_destroy_subvolume_iterator(iterator); }
};

/// Into the copy of the outer one, where an empty folder stands in its place.
void snapshot_nested(int source, int target, const Nested& found) {
    const auto child = open_nested(source, found);
    if (!child) return;
    const auto [folder, name] = split(found.path);
    const auto place = base::open_beneath(target, folder, O_RDONLY | O_DIRECTORY);
    const KeptTimes times(place.get());
    if (::unlinkat(place.get(), name.c_str(), AT_REMOVEDIR) < 0 && errno != ENOENT)
        base::fail("Failed making place for subvolume " + found.path);
    check(btrfs_util_create_snapshot_fd2(child.get(), place.get(), name.c_str(), 0, nullptr, nullptr),
          "Failed snapshotting nested subvolume " + found.path);
}

void set_all_writable(int subvolume) {
    set_read_only(subvolume, false);
    for (const auto& found : nested(subvolume))
        if (const auto child = open_nested(subvolume, found); child && found.read_only)
            set_read_only(child.get(), false);
}

} // namespace

KeptTimes::KeptTimes(int folder) : folder_(folder) {
    struct stat status{};
    if (::fstat(folder, &status) < 0) base::fail("Failed reading times");
    accessed_ = status.st_atim;
    modified_ = status.st_mtim;
}

KeptTimes::~KeptTimes() {
    const timespec times[] = {accessed_, modified_};
    ::futimens(folder_, times);
}

bool is_on_btrfs(const std::string& path) {
    struct statfs status{};
    return ::statfs(path.c_str(), &status) == 0 && status.f_type == BTRFS_SUPER_MAGIC;
}

bool is_subvolume(const std::string& path) {
    return btrfs_util_is_subvolume(path.c_str()) == BTRFS_UTIL_OK;
}

base::Fd open(const std::string& path) {
    return base::checked(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC),
                         "Failed opening " + path);
}

uint64_t id(int subvolume) {
    uint64_t number = 0;
    check(btrfs_util_subvolume_id_fd(subvolume, &number), "Failed reading a subvolume's id");
    return number;
}

bool is_read_only(int subvolume) {
    bool answer = false;
    check(btrfs_util_get_subvolume_read_only_fd(subvolume, &answer), "Failed reading a subvolume's flags");
    return answer;
}

void set_read_only(int subvolume, bool read_only) {
    check(btrfs_util_set_subvolume_read_only_fd(subvolume, read_only), "Failed setting a subvolume's flags");
}

std::vector<Nested> nested(int subvolume) {
    btrfs_util_subvolume_iterator* begun = nullptr;
    check(btrfs_util_create_subvolume_iterator_fd(subvolume, 0, 0, &begun), "Failed listing subvolumes");
    const std::unique_ptr<btrfs_util_subvolume_iterator, EndIteration> iterator(begun);
    std::vector<Nested> found;
    for (;;) {
        char* path = nullptr;
        struct btrfs_util_subvolume_info info{};
        const auto error = btrfs_util_subvolume_iterator_next_info(begun, &path, &info);
        if (error == BTRFS_UTIL_ERROR_STOP_ITERATION) return found;
        check(error, "Failed listing subvolumes");
        const std::unique_ptr<char, void (*)(void*)> owned(path, std::free);
        constexpr uint64_t read_only_flag = 1; // BTRFS_ROOT_SUBVOL_RDONLY
        found.push_back({path, info.id, (info.flags & read_only_flag) != 0});
    }
}

base::Fd open_nested(int subvolume, const Nested& found) {
    try {
        auto child = base::open_beneath(subvolume, found.path, O_RDONLY | O_DIRECTORY);
        if (id(child.get()) == found.id) return child;
    } catch (const std::system_error&) { // Removed, or moved where it no longer is what was found.
    }
    return {};
}

void create(const std::string& path) {
    check(btrfs_util_create_subvolume(path.c_str(), 0, nullptr, nullptr), "Failed creating subvolume " + path);
}

void snapshot(const std::string& source, const std::string& target, bool read_only) {
    const auto from = subvolume::open(source);
    const auto inner = nested(from.get());
    const auto [folder, name] = split(target);
    const int flags = read_only && inner.empty() ? BTRFS_UTIL_CREATE_SNAPSHOT_READ_ONLY : 0;
    const auto place = open_folder(folder);
    check(btrfs_util_create_snapshot_fd2(from.get(), place.get(), name.c_str(), flags, nullptr, nullptr),
          "Failed snapshotting " + source + " as " + target);
    base::Rollback rollback;
    rollback.add([&] { remove(target); });
    const auto made = subvolume::open(target);
    // The kernel gives a snapshot the limit of its source, which is the source's alone: a full one could not be
    // changed.
    if (btrfs_quota::limit(made.get()) > 0) btrfs_quota::set_limit(place.get(), id(made.get()), 0);
    for (const auto& found : inner) snapshot_nested(from.get(), made.get(), found);
    for (const auto& found : std::views::reverse(inner)) {
        if (!found.read_only) continue;
        if (const auto child = base::open_beneath(made.get(), found.path, O_RDONLY | O_DIRECTORY); child)
            set_read_only(child.get(), true);
    }
    if (read_only) set_read_only(made.get(), true);
    rollback.dismiss();
}

void snapshot_alone(int source, const std::string& target) {
    const auto [folder, name] = split(target);
    check(btrfs_util_create_snapshot_fd2(source, open_folder(folder).get(), name.c_str(), 0, nullptr, nullptr),
          "Failed snapshotting as " + target);
    const auto made = subvolume::open(target);
    if (btrfs_quota::limit(made.get()) > 0) btrfs_quota::set_limit(open_folder(folder).get(), id(made.get()), 0);
    // An empty folder stands for each that is left out.
    for (const auto& found : std::views::reverse(nested(source))) {
        const auto place = split(found.path);
        try {
            const auto outer = base::open_beneath(made.get(), place.folder, O_RDONLY | O_DIRECTORY);
            const KeptTimes times(outer.get());
            ::unlinkat(outer.get(), place.name.c_str(), AT_REMOVEDIR);
        } catch (const std::system_error&) { // in one that is left out itself
        }
    }
}

Identity identity(int subvolume) {
    struct btrfs_util_subvolume_info info{};
    check(btrfs_util_subvolume_info_fd(subvolume, 0, &info), "Failed reading a subvolume's id");
    const auto text = [](const uint8_t(&id)[16]) { return std::string(reinterpret_cast<const char*>(id), sizeof id); };
    auto received = text(info.received_uuid);
    if (received == std::string(received.size(), '\0')) received.clear();
    return {text(info.uuid), std::move(received)};
}

void set_received(int subvolume, const std::string& uuid, uint64_t transaction) {
    btrfs_ioctl_received_subvol_args arguments{};
    if (uuid.size() != sizeof arguments.uuid) throw schema::bad_request("Bad btrfs stream: an id has another size");
    std::memcpy(arguments.uuid, uuid.data(), uuid.size());
    arguments.stransid = transaction;
    if (::ioctl(subvolume, BTRFS_IOC_SET_RECEIVED_SUBVOL, &arguments) < 0)
        base::fail("Failed setting where a subvolume was received from");
}

void remove(const std::string& path) {
    const auto [folder, name] = split(path);
    if (!base::exists(path)) return;
    const auto place = open_folder(folder);
    const auto going = subvolume::open(path);
    // One that is full could not be changed, and what is nested in it not be taken out of it.
    if (btrfs_quota::limit(going.get()) > 0) btrfs_quota::set_limit(place.get(), id(going.get()), 0);
    set_all_writable(going.get());
    check(btrfs_util_delete_subvolume_fd(place.get(), name.c_str(), BTRFS_UTIL_DELETE_SUBVOLUME_RECURSIVE),
          "Failed deleting subvolume " + path);
}

void sync(const std::string& path) {
    check(btrfs_util_sync(path.c_str()), "Failed syncing " + path);
}

void commit(int any) {
    uint64_t transaction = 0;
    check(btrfs_util_start_sync_fd(any, &transaction), "Failed committing a filesystem");
    check(btrfs_util_wait_sync_fd(any, transaction), "Failed committing a filesystem");
}

} // namespace storage::subvolume
