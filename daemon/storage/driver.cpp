#include "daemon/storage/driver.h"

#include "daemon/storage/btrfs.h"
#include "daemon/storage/dir.h"
#include "daemon/storage/lvm.h"
#include "daemon/storage/overlay.h"
#include "daemon/storage/zfs.h"
#include "schema/error.h"

namespace storage {

namespace {

struct Row {
    std::string_view name;
    std::unique_ptr<Driver> (*make)(DriverContext context);
};

template <class T> std::unique_ptr<Driver> make(DriverContext context) {
    return std::make_unique<T>(std::move(context));
}

constexpr Row rows[] = {
    {"btrfs", make<BtrfsDriver>},     {"dir", make<DirDriver>}, {"lvm", make<LvmDriver>},
    {"overlay", make<OverlayDriver>}, {"zfs", make<ZfsDriver>},
};

} // namespace

std::string DriverContext::option(const VolumeId& volume, const std::string& key) const {
    if (own_options)
        if (const auto own = own_options({volume.type, volume.name}); !schema::get(own, key).empty())
            return schema::get(own, key);
    return schema::get(config, "volume." + key);
}

std::shared_ptr<const std::string> Driver::view(const VolumeId& volume) {
    mount(volume);
    return std::make_shared<const std::string>(path(volume));
}

std::optional<std::set<std::string>> snapshots_after_restore(const Driver& driver, const VolumeId& restored) {
    const auto names = driver.snapshots({restored.type, restored.name});
    std::set<std::string> left(names.begin(), names.end());
    if (!left.contains(restored.snapshot)) return {};
    return left;
}

std::unique_ptr<Driver> make_driver(const std::string& name, DriverContext context) {
    for (const auto& row : rows)
        if (row.name == name) return row.make(std::move(context));
    throw schema::failure("Unknown driver");
}

std::map<std::string, std::string> usable_drivers() {
    std::map<std::string, std::string> usable;
    for (const auto& row : rows)
        if (auto version = row.make({})->version(); !version.empty()) usable.emplace(row.name, std::move(version));
    return usable;
}

} // namespace storage
