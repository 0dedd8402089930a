#pragma once
// The folders below LXD_DIR and what a new daemon puts into its database. Called by daemon.cpp at each start.

#include "daemon/state/paths.h"
#include "daemon/state/profiles.h"

/// Makes what is missing, with LXD's modes; corrects no others.
void make_folders(const state::Paths& paths);
/// The profiles `default` and `docker`, in a database that has none. A profile that was deleted stays deleted.
void insert_first_profiles(state::Profiles& profiles);
