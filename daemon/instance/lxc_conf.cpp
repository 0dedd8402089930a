// What a container was started with, or would be.

#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/root_owners.h"
#include "daemon/instance/start_plan.h"

namespace instance {

/// Of a stopped one nothing but a start knows what its devices become: it is planned as for a start that then fails.
std::string Lifecycle::lxc_conf(const std::string& name) {
    const auto instance = rooms_.instances.get(name);
    const auto lock = hold(*instance);
    if (instance->live().running) return base::read_file_if_exists(rooms_.paths.lxc_conf(name)).value_or("");
    const auto record = instance->record();
    prepare_folders(name);
    rooms_.file_sessions.end(name);
    shown_root(*record, rooms_.pools);
    base::Rollback rollback;
    rollback.add([&] { rooms_.pools.unmount_container(record->row.pool, name); });
    const auto claim = rooms_.id_claims.scope(name);
    const auto prepared = prepared_start(*record, rooms_);
    const AnnouncedChange announced(rooms_.paths, prepared.record);
    base::Rollback started;
    const auto plan = plan_start(prepared, rooms_);
    started.add(plan.undo);
    started.add(plan.after);
    return rooms_.runtime.start_text(name, plan.items);
}

} // namespace instance
