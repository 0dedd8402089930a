#pragma once
// Storage volumes on the command line: what the commands of `lxc storage volume` share, and the group's commands that
// have files of their own.

#include <string>
#include <string_view>

#include "client/command.h"
#include "client/objects.h"
#include "client/session.h"

namespace client {

inline constexpr Flag member_flag{"target", 0, FlagKind::text, "Cluster member name"};

/// "data", "data/first", "container/c1" or "container/c1/first".
struct VolumeName {
    std::string type; // "custom" where none is named
    std::string name; // with the snapshot after a slash
};
VolumeName volume_name(std::string_view word);
/// As volume_name, but throws bad_request where more follows a snapshot.
VolumeName checked_volume_name(std::string_view word);

std::string volumes_url(std::string_view pool, std::string_view type);
/// Of the volume, or of its snapshot.
std::string volume_url(std::string_view pool, const VolumeName& volume);

/// The pool that the first argument names.
Resource named_pool(Session& session, const Call& call);
/// A volume, or a snapshot of one, as an object to show and change.
Object volume_object(const Resource& pool, const VolumeName& volume);

/// Throws what the server would say of a pool or a volume that is not there.
schema::Json get_volume(const Resource& pool, const VolumeName& volume);

namespace commands {

extern const Command volume_attach;
extern const Command volume_attach_profile;
extern const Command volume_copy;
extern const Command volume_detach;
extern const Command volume_detach_profile;
extern const Command volume_export;
extern const Command volume_import;
extern const Command volume_info;
extern const Command volume_list;
extern const Command volume_move;
extern const Command volume_restore;
extern const Command volume_snapshot;

} // namespace commands

} // namespace client
