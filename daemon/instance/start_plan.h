#pragma once
// The seam between lifecycle and what is translated: checks of a record, the plan of a start, the steps of a live
// change. Everything that needs devices, facets and the host together is here; lifecycle alone calls it.

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <sys/types.h>

#include "daemon/instance/instance.h"
#include "daemon/instance/lifecycle.h"
#include "daemon/instance/runtime.h"
#include "schema/api/profile.h"

namespace instance {

struct StartPlan {
    std::vector<LxcItem> items;
    schema::Config volatile_changes; // to be stored; an empty value removes the key
    uid_t root_uid = 0;              // of the container's root, on the host
    std::function<void()> running;   // to be called once init runs; throws what makes the start a failure
    std::function<void()> after;     // to be called once the start has succeeded or failed
    std::function<void()> undo;      // to be called when it has failed
};

/// A running instance as its devices see it.
devices::Owner running_owner(const Record& record, const Rooms& rooms);
/// Lays volatile changes over a configuration: an empty value removes its key.
void merge(schema::Config& config, const schema::Config& changes);

/// A record with what its devices will make on the host among its volatile keys, and the keys that are new. It is to be
/// written down before anything is made.
struct Prepared {
    Record record;
    schema::Config changes;
};
/// Of a container that is to be started: addresses and names that were missing are chosen, too.
Prepared prepared_start(const Record& wanted, const Rooms& rooms);
/// Of one that runs, for the devices that come in.
Prepared prepared_change(const Record& before, const Record& wanted, const Rooms& rooms);

/// Makes what the devices need on the host and translates everything. Throws what stops the start, leaving nothing.
StartPlan plan_start(const Prepared& prepared, const Rooms& rooms);
/// Clears up after the devices of a stopped container; what cannot be done is logged. Returns volatile changes.
schema::Config stopped_devices(const Record& record, const Rooms& rooms);

/// Has the devices of a container that ran before the daemon did do again what has come to an end. What cannot be done
/// is logged.
void resume_devices(const Record& record, const Rooms& rooms);

/// Brings the running container from one record to another: devices out and in, limits written, live hooks run. All or
/// nothing. Returns volatile changes.
schema::Config apply_live(const Record& before, const Prepared& wanted, const Rooms& rooms);

/// Makes a running container what `record` says after changes that a daemon's end cut off, whatever was done of them.
/// What cannot be done is logged. Returns volatile changes.
schema::Config complete_cut_off(const std::vector<Record>& cut_off, const Record& record, const Rooms& rooms);

/// Throws what LXD says of a changed record that could not be an instance (it answers 500).
void check_record(const Record& record, const Rooms& rooms);
/// As check_record, with LXD's words for one that is to be made.
void check_new_record(const Record& record, const Rooms& rooms);
/// Throws what LXD says where a disk that a stopped instance gets is not there.
void check_added_disks(const Record& before, const Record& wanted, const Rooms& rooms);
void check_profile_content(const schema::ProfilePut& profile, const Rooms& rooms);
/// The pool of the root disk. Throws bad_request where the record has none.
std::string root_pool(const Record& record);
/// Volatile keys that follow from the record: the id map for the next start, addresses of network devices.
schema::Config derived_volatile(const Record& record, const Rooms& rooms);
/// Throws bad_request when a change drops volatile keys that users may not remove.
void check_volatile_kept(const schema::Config& before, const schema::Config& after);

/// The CPU set of each running container.
std::map<std::string, std::string> balanced_cpus(const std::vector<std::shared_ptr<const Record>>& running,
                                                 const Rooms& rooms);

} // namespace instance
