#pragma once
// Makes what was just written durable, before it gets the name that it is known by. Called by drivers.

#include <string>

namespace storage {

/// Everything in a folder that nobody else changes. A few files are synced by themselves, which waits for nobody
/// else's writes; many by a sync of the filesystem. Throws std::system_error.
void sync_tree(const std::string& folder);

/// Of the filesystem that an open file is on.
void sync_filesystem(int fd);

} // namespace storage
