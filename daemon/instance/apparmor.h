#pragma once
// The AppArmor profiles of instances in the kernel and on disk: LXD_DIR/security/apparmor/profiles/lxd-NAME, with the
// parser's cache beside it. Callers: lifecycle, start plan and live hooks. Nothing of this does anything on a host
// where the daemon makes no profiles (makes_profiles).

#include <string>

#include "daemon/instance/idmap.h"
#include "daemon/instance/instance.h"

namespace instance {

struct Rooms;

/// Writes the profile, makes its namespace and loads it; a running instance has it from then on. `id_map` is what it
/// runs or will run with. Throws schema::failure with what the parser says.
void load_apparmor(const Record& record, const IdMap& id_map, const Rooms& rooms);
/// Of a running instance: at a change, and at the daemon's start for the case that it writes profiles otherwise now.
void reload_apparmor(const Record& record, const Rooms& rooms);
/// Takes it out of the kernel; the file and its cache stay for the next start. Does nothing where it is not loaded.
void unload_apparmor(const std::string& instance, const Rooms& rooms);
/// Out of the kernel and off the disk.
void remove_apparmor(const std::string& instance, const Rooms& rooms);
/// Throws schema::failure with LXD's words where the parser refuses the profile that the record would get. `before` is
/// what is known to be good.
void check_apparmor(const Record* before, const Record& record, const Rooms& rooms);
/// Unloads and removes those of instances that are not there any more.
void remove_strange_apparmor(const Rooms& rooms);

} // namespace instance
