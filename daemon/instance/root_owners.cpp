#include "daemon/instance/root_owners.h"

#include "daemon/instance/instance.h"
#include "daemon/storage/shift.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

IdMap map_of(const Record& record, const char* key) {
    return id_map_from(schema::get(record.expanded_config, key));
}

std::string folder_of(const Record& record, const Rooms& rooms) {
    return rooms.pools.container_path(record.row.pool, record.row.name);
}

} // namespace

void settle_root_owners(const Record& record, const Rooms& rooms, const Caller& caller,
                        const std::function<void(const schema::Config&)>& store) {
    const auto on_disk = map_of(record, "volatile.last_state.idmap");
    const auto next = map_of(record, "volatile.idmap.next");
    const auto folder = folder_of(record, rooms);
    check_allowed(next, rooms.facts); // rather than after the work
    repair_root_owners(record, rooms);
    if (rooms.pools.maps_ids(record.row.pool) || schema::same_ids(on_disk, next)) return;
    const bool maps_mounts = rooms.device_host.can_map_ids(folder);
    if (on_disk.empty() && maps_mounts) return;
    if (schema::is_true(schema::get(record.expanded_config, "security.protection.shift")))
        throw schema::failure("Container is protected against filesystem shifting");

    constexpr std::string_view text = "Remapping container filesystem";
    if (caller.progress) caller.progress(std::string(text));
    const auto progress = [&](uint64_t files) {
        if (caller.progress) caller.progress(fmt::format("{}: {} files", text, files));
    };
    const auto aim = maps_mounts ? IdMap{} : next;
    storage::shift_owners(folder, {on_disk, aim}, caller.cancel, progress);
    store({{"volatile.last_state.idmap", to_json(aim)}});
    storage::forget_shift(folder);
}

void repair_root_owners(const Record& record, const Rooms& rooms) {
    const auto folder = folder_of(record, rooms);
    if (!storage::has_shift_journal(folder)) return;
    if (schema::same_ids(storage::aim_of_shift(folder), map_of(record, "volatile.last_state.idmap")))
        return storage::forget_shift(folder);
    rooms.log.warning("Giving an instance's files the owners back that they had before a change that was cut off",
                      {{"instance", record.row.name}});
    storage::undo_shift(folder);
}

StoppedRoot shown_root(const Record& record, storage::Pools& pools) {
    const auto& pool = record.row.pool;
    const auto& name = record.row.name;
    auto on_disk = map_of(record, "volatile.last_state.idmap");
    auto wanted =
        record.expanded_config.contains("volatile.idmap.next") ? map_of(record, "volatile.idmap.next") : on_disk;
    return {pools.rootfs_path(pool, name), pools.show_container(pool, name, {std::move(on_disk), std::move(wanted)})};
}

StoppedRoot root_for_access(const Instance& instance, storage::Pools& pools) {
    const auto record = instance.record();
    if (!instance.live().running) return shown_root(*record, pools);
    // Which may end before it is entered.
    const auto* const key = pools.maps_ids(record->row.pool) ? "volatile.idmap.current" : "volatile.last_state.idmap";
    return {pools.rootfs_path(record->row.pool, record->row.name), map_of(*record, key)};
}

} // namespace instance
