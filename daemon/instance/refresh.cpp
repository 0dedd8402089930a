// A copy that is there becomes its source's copy again.

#include <algorithm>

#include "daemon/base/crypto.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/copy.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/volatile_keys.h"
#include "schema/error.h"

namespace instance {

namespace {

/// The same name does not make two snapshots the same.
bool is_same(const state::SnapshotRow& left, const state::SnapshotRow& right) {
    return left.name == right.name && left.created_at == right.created_at;
}

bool has(const std::vector<state::SnapshotRow>& snapshots, const state::SnapshotRow& wanted) {
    return std::ranges::any_of(snapshots, [&](const auto& snapshot) { return is_same(snapshot, wanted); });
}

} // namespace

void Lifecycle::refresh(const Creation& creation, const Caller& caller, const storage::Progress& progress) {
    const auto target = rooms_.instances.get(creation.name);
    const auto action = target->begin("create");
    if (target->live().running)
        throw schema::failure("Failed getting exclusive access to instance: Instance is running");
    const auto source = copy_source(creation.source);
    const auto original = rooms_.instances.get(source.instance);
    const auto wanted = snapshots_along(creation);
    if (creation.with_snapshots)
        for (const auto& snapshot : rooms_.snapshots.list(creation.name))
            if (!snapshot.incomplete && !has(wanted, snapshot)) remove_snapshot(creation.name, snapshot.name, caller);

    const auto present = rooms_.snapshots.list(creation.name);
    base::Rollback rollback;
    std::vector<std::string> missing;
    std::vector<int64_t> made;
    const auto insert = [&](state::SnapshotRow row) {
        row.incomplete = true;
        made.push_back(rooms_.snapshots.insert(row));
        rollback.add([this, id = made.back()] { rooms_.snapshots.remove(id); });
    };
    for (const auto& snapshot : wanted)
        if (!has(present, snapshot)) {
            insert(copied_snapshot(snapshot, *target->record()));
            missing.push_back(snapshot.name);
        }
    // What the source holds goes by way of a snapshot that nobody sees: restoring one is all or nothing.
    SnapshotOrder order;
    order.name = "refresh-" + base::random_hex(8);
    auto whole = new_snapshot_row(*target->record(), order);
    if (source.snapshot.empty() && original->live().running && status(*original) != schema::Status::frozen)
        whole.put.config[frozen_source_key] = source.instance;
    insert(whole);

    const auto files_of = source_put(creation.source).config;
    std::shared_ptr<void> frozen;
    if (source.snapshot.empty()) frozen = freeze_for_copy(original, {});
    if (source.snapshot.empty()) check_owners_kept(*original, files_of);
    rooms_.pools.refresh_container(source, missing, target->record()->row.pool, creation.name, whole.name,
                                   caller.cancel, progress);
    for (const auto& name : {missing, {whole.name}})
        for (const auto& snapshot : name)
            rollback.add(
                [&, snapshot] { rooms_.pools.remove_snapshot(target->record()->row.pool, creation.name, snapshot); });
    if (source.snapshot.empty()) check_owners_kept(*original, files_of);
    frozen.reset();

    const auto lock = hold(*target);
    whole.put = target->record()->row.put;
    whole.put.config["volatile.last_state.idmap"] = schema::get(files_of, "volatile.last_state.idmap");
    whole.put.config[template_key] = "copy";
    rooms_.database.transaction([&] {
        rooms_.snapshots.remove(made.back());
        whole.id = made.back() = rooms_.snapshots.insert(whole);
    });
    rollback.add([this, id = whole.id] { rooms_.snapshots.remove(id); });
    try {
        bring_back(*target, whole, {{}, caller.cancel});
    } catch (...) {
        // The snapshot is what a restore that is to be done again needs.
        if (!schema::get(target->record()->row.put.config, restoring_key).empty()) rollback.dismiss();
        throw;
    }
    rooms_.database.transaction([&] {
        for (const auto id : made)
            if (id != whole.id) rooms_.snapshots.set_incomplete(id, false);
    });
    rollback.dismiss();
    rooms_.pools.remove_snapshot(target->record()->row.pool, creation.name, whole.name);
    rooms_.snapshots.remove(whole.id);
    keep_backup_file(*target);
    for (const auto& name : missing) report_snapshot("instance-snapshot-created", creation.name, name, caller);
}

} // namespace instance
