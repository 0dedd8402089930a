#include "daemon/instance/source.h"

#include <mutex>

#include "schema/error.h"

namespace instance {

void Source::check_stopped(const char* text) const {
    if (!snapshot.empty()) return;
    const std::scoped_lock lock(live->change_lock()); // a start that is under way says so when it is over
    if (live->live().running || live->record()->row.last_used_at != last_used_at) throw schema::failure("{}", text);
}

Source source_of(const std::string& name, const Registry& instances, const state::Snapshots& snapshots) {
    const auto slash = name.find('/');
    Source source;
    source.instance = name.substr(0, slash);
    source.live = instances.get(source.instance);
    const auto record = source.live->record();
    source.pool = record->row.pool;
    source.put = record->row.put;
    source.last_used_at = record->row.last_used_at;
    if (slash != std::string::npos) {
        source.snapshot = name.substr(slash + 1);
        const auto row = snapshots.find(source.instance, source.snapshot);
        if (!row || row->incomplete)
            throw schema::not_found("Failed to fetch snapshot {:?} of instance {:?} in project \"default\": "
                                    "InstanceSnapshot not found",
                                    source.snapshot, source.instance);
        source.put = row->put;
    }
    source.to_inside.from = schema::id_map_from(schema::get(source.put.config, "volatile.last_state.idmap"));
    return source;
}

} // namespace instance
