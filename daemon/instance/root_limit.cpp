#include "daemon/instance/root_limit.h"

#include "daemon/devices/device.h"
#include "daemon/storage/pool.h"
#include "schema/units.h"

namespace instance {

namespace {

/// In bytes; 0 for none.
int64_t root_size(const Record& record) {
    const auto root = devices::root_disk(record.expanded_devices);
    return root.empty() ? 0 : schema::parse_bytes(schema::get(record.expanded_devices.at(root), "size"));
}

} // namespace

void check_new_root(const Record& record, storage::Pools& pools) {
    pools.check_container_limit(record.row.pool, record.row.name, root_size(record));
}

void check_root_limit(const Record& before, const Record& after, storage::Pools& pools) {
    if (root_size(after) != root_size(before)) check_new_root(after, pools);
}

void limit_root(const Record& record, storage::Pools& pools) {
    if (const auto bytes = root_size(record); bytes > 0) pools.limit_container(record.row.pool, record.row.name, bytes);
}

void limit_restored_root(const Record& before, const Record& after, storage::Pools& pools) {
    if (root_size(before) > 0 || root_size(after) > 0)
        pools.limit_container(after.row.pool, after.row.name, root_size(after));
}

void change_root_limit(const Record& before, const Record& after, storage::Pools& pools) {
    const auto bytes = root_size(after);
    if (bytes != root_size(before)) pools.limit_container(after.row.pool, after.row.name, bytes);
}

} // namespace instance
