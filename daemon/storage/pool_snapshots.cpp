#include <cerrno>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/rollback.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/pool.h"
#include "schema/error.h"

namespace storage {

namespace {

VolumeId volume_of(const std::string& instance, const std::string& snapshot = {}) {
    return {VolumeType::container, instance, snapshot};
}

/// What container_locks_ calls a snapshot.
std::string snapshot_key(const std::string& instance, const std::string& snapshot) {
    return fmt::format("{}/{}", instance, snapshot);
}

} // namespace

void Pools::take_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot,
                          const base::CancelToken& cancel, const Progress& progress) {
    const auto hold = container_locks_.shared(instance, cancel);
    const auto driver = this->driver(pool);
    driver->take(volume_of(instance, snapshot), cancel, progress);
    base::Rollback rollback;
    rollback.add([&] { driver->remove(volume_of(instance, snapshot)); });
    link_snapshots(*driver, instance);
    rollback.dismiss();
}

void Pools::restore_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot,
                             const base::CancelToken& cancel, const Progress& progress) {
    const auto hold = container_locks_.exclusive(instance, cancel);
    const auto driver = this->driver(pool);
    driver->restore(volume_of(instance, snapshot), cancel, progress);
    try {
        link_snapshots(*driver, instance);
    } catch (const std::exception& error) { // The next start looks after links: this one was restored.
        log_.warning("Failed linking an instance's snapshots",
                     {{"pool", pool}, {"instance", instance}, {"err", error.what()}});
    }
}

void Pools::rename_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot,
                            const std::string& new_name) {
    const auto hold = container_locks_.shared(instance, {});
    const auto alone = container_locks_.exclusive(snapshot_key(instance, snapshot), {});
    driver(pool)->rename(volume_of(instance, snapshot), new_name);
}

void Pools::remove_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot) {
    const auto hold = container_locks_.shared(instance, {});
    const auto alone = container_locks_.exclusive(snapshot_key(instance, snapshot), {});
    const auto driver = this->driver(pool);
    driver->remove(volume_of(instance, snapshot));
    link_snapshots(*driver, instance);
}

std::optional<std::set<std::string>> Pools::snapshots_after_restore(const std::string& pool,
                                                                    const std::string& instance,
                                                                    const std::string& restored) const {
    return storage::snapshots_after_restore(*driver(pool), volume_of(instance, restored));
}

bool Pools::has_snapshot(const std::string& pool, const std::string& instance, const std::string& snapshot) const {
    return driver(pool)->exists(volume_of(instance, snapshot));
}

std::optional<int64_t> Pools::snapshot_usage(const std::string& pool, const std::string& instance,
                                             const std::string& snapshot) const {
    try {
        return driver(pool)->usage(volume_of(instance, snapshot));
    } catch (const std::exception&) {
        return {};
    }
}

std::vector<KeyedLock::Hold> Pools::hold_source(const Source& source, const std::vector<std::string>& snapshots,
                                                const base::CancelToken& cancel) {
    std::vector<KeyedLock::Hold> holds{container_locks_.shared(source.instance, cancel)};
    if (!source.snapshot.empty())
        holds.push_back(container_locks_.shared(snapshot_key(source.instance, source.snapshot), cancel));
    for (const auto& snapshot : snapshots)
        holds.push_back(container_locks_.shared(snapshot_key(source.instance, snapshot), cancel));
    return holds;
}

void Pools::remove_volume(Driver& driver, const std::string& instance) {
    for (const auto& snapshot : driver.snapshots(volume_of(instance))) driver.remove(volume_of(instance, snapshot));
    driver.remove(volume_of(instance));
}

void Pools::remove_volume_of(const std::string& pool, const std::string& instance) {
    const auto hold = container_locks_.exclusive(instance, {});
    remove_volume(*driver(pool), instance);
    stores_.volumes.forget(pool, "container", instance);
}

void Pools::relink_container(const std::string& pool, const std::string& instance) {
    const auto driver = this->driver(pool);
    link_container(instance, driver->path(volume_of(instance)));
    link_snapshots(*driver, instance);
}

void Pools::check_links(const std::string& pool, const std::string& instance, bool has_snapshots) {
    const auto driver = this->driver(pool);
    link_container(instance, driver->path(volume_of(instance)));
    std::error_code missing;
    const auto linked = std::filesystem::read_symlink(paths_.snapshots(instance), missing);
    if (linked != (has_snapshots ? snapshots_folder(*driver, instance) : "")) link_snapshots(*driver, instance);
}

void Pools::remove_links_but(const std::set<std::string>& instances) const {
    for (const auto& folder : {paths_.containers(), paths_.snapshots()})
        for (const auto& name : layout::names_in(folder))
            if (const auto link = fmt::format("{}/{}", folder, name);
                !instances.contains(name) && std::filesystem::is_symlink(link))
                ::unlink(link.c_str());
}

std::string Pools::snapshots_folder(const Driver& driver, const std::string& instance) {
    return std::filesystem::path(driver.path(volume_of(instance, "any"))).parent_path();
}

void Pools::link_snapshots(const Driver& driver, const std::string& instance) {
    const std::scoped_lock lock(snapshot_links_);
    const auto link = paths_.snapshots(instance);
    if (driver.snapshots(volume_of(instance)).empty()) return unlink_snapshots(instance);
    const auto target = snapshots_folder(driver, instance);
    std::error_code missing;
    if (std::filesystem::read_symlink(link, missing) == target) return;
    unlink_snapshots(instance);
    if (::symlink(target.c_str(), link.c_str()) < 0)
        throw std::system_error(errno, std::generic_category(), "Failed to create symlink " + link);
}

void Pools::unlink_snapshots(const std::string& instance) const {
    const auto link = paths_.snapshots(instance);
    if (::unlink(link.c_str()) < 0 && errno != ENOENT)
        throw std::system_error(errno, std::generic_category(), "Failed to remove symlink " + link);
}

} // namespace storage
