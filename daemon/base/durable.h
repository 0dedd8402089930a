#pragma once
// Names that outlive a power cut. A row that tells of a file or folder is committed after its name is: the database's
// commits do not wait for the filesystem's.

#include <string>

namespace base {

/// Makes durable what a folder has got, renamed or lost. Throws std::system_error.
void sync_folder(const std::string& path);
/// Makes durable what was changed before in a folder's filesystem, quotas for one, where that has one journal for all
/// (ext4, xfs), and nothing of what others write meanwhile. The folder's ctime changes. Throws std::system_error.
void sync_journal(int folder_fd);
/// Gives a file, whose content is on the disk already, another name, for good; replaces what has that. Throws
/// std::system_error.
void rename_durably(const std::string& from, const std::string& to);

} // namespace base
