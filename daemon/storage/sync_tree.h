#pragma once
// Makes what was just written durable, before it gets the name that it is known by. Called by drivers.

#include <string>
#include <vector>

namespace storage {

/// Everything in a folder that nobody else changes. A few files are synced by themselves, which waits for nobody
/// else's writes; many by a sync of the filesystem. Throws std::system_error.
void sync_tree(const std::string& folder);

/// That what was renamed in these folders of a tree, and their own attributes, survives a power cut.
void sync_folders(int root_fd, const std::vector<std::string>& paths);

} // namespace storage
