#include "daemon/api/storage_keys.h"

#include <algorithm>

#include "daemon/api/context.h"
#include "daemon/base/rollback.h"
#include "schema/error.h"

namespace api {

namespace {

constexpr const char* pool_name = "default";

struct Pair {
    const char* server;
    const char* pool;
};
constexpr Pair of_lvm[] = {
    {"storage.lvm_vg_name", "source"},
    {"storage.lvm_thinpool_name", "lvm.thinpool_name"},
    {"storage.lvm_fstype", "volume.block.filesystem"},
    {"storage.lvm_volume_size", "volume.size"},
};
constexpr Pair of_zfs[] = {
    {"storage.zfs_pool_name", "source"},
    {"storage.zfs_remove_snapshots", "volume.zfs.remove_snapshots"},
};

template <size_t Count> schema::Config pool_config(const schema::Config& server, const Pair (&pairs)[Count]) {
    schema::Config config;
    for (const auto& pair : pairs)
        if (const auto& value = schema::get(server, pair.server); !value.empty()) config[pair.pool] = value;
    return config;
}

bool has_root_disk(const schema::Devices& devices) {
    return std::ranges::any_of(devices, [](const auto& device) {
        return schema::get(device.second, "type") == "disk" && schema::get(device.second, "path") == "/";
    });
}

void give_root_disk(Context& context) {
    const auto profile = context.profiles.find(pool_name);
    if (!profile || has_root_disk(profile->devices)) return;
    schema::ProfilePut wanted = *profile;
    wanted.devices["root"] = {{"type", "disk"}, {"path", "/"}, {"pool", pool_name}};
    context.lifecycle.update_profile(pool_name, wanted);
}

bool is_there(Context& context, const schema::StoragePool& wanted) {
    const auto pools = context.pools.list();
    const auto found = std::ranges::find(pools, wanted.name, &schema::StoragePool::name);
    if (found == pools.end()) return false;
    const bool same =
        found->driver == wanted.driver && schema::get(found->config, "source") == schema::get(wanted.config, "source");
    if (!same)
        throw schema::bad_request("The storage pool {:?} is there with the driver {}: it has to be deleted before the "
                                  "server's keys can make another",
                                  wanted.name, found->driver);
    return true;
}

} // namespace

std::optional<schema::StoragePool> pool_of_keys(const schema::Config& server) {
    const bool lvm = !schema::get(server, "storage.lvm_vg_name").empty();
    const bool zfs = !schema::get(server, "storage.zfs_pool_name").empty();
    if (lvm && zfs) throw schema::bad_request("storage.lvm_vg_name and storage.zfs_pool_name exclude each other");
    if (!lvm && !zfs) return {};
    schema::StoragePool pool;
    pool.name = pool_name;
    pool.driver = lvm ? "lvm" : "zfs";
    pool.config = lvm ? pool_config(server, of_lvm) : pool_config(server, of_zfs);
    // Users of those keys have volume groups that they use for more than containers.
    if (lvm) pool.config["lvm.vg.force_reuse"] = "true";
    return pool;
}

void follow_storage_keys(Context& context, const schema::Config& before, const schema::Config& after) {
    auto wanted = pool_of_keys(after);
    if (!wanted) return;
    const auto former = pool_of_keys(before);
    if (former && former->driver == wanted->driver && former->config == wanted->config) return;
    if (!is_there(context, *wanted)) context.pools.create(*std::move(wanted));
    give_root_disk(context);
}

} // namespace api
