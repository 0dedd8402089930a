#include "daemon/storage/entry_rules.h"

#include <algorithm>

#include "schema/error.h"

namespace storage {

std::string confined_path(std::string_view name) {
    if (name.starts_with('/')) throw schema::bad_request("Archive entry \"{}\" has an absolute path", name);
    if (name.find('\0') != name.npos)
        throw schema::bad_request("Archive entry \"{}\" has a zero byte in its name", name);
    std::string path;
    for (size_t start = 0; start < name.size();) {
        const auto end = std::min(name.find('/', start), name.size());
        const auto part = name.substr(start, end - start);
        start = end + 1;
        if (part.empty() || part == ".") continue;
        if (part == "..") throw schema::bad_request("Archive entry \"{}\" leads out of the image", name);
        if (!path.empty()) path += '/';
        path += part;
    }
    return path;
}

std::string EntryRules::check(const TarEntry& entry) {
    auto path = confined_path(entry.path);
    for (auto end = path.find('/'); end != path.npos; end = path.find('/', end + 1))
        if (symlinks_.contains(path.substr(0, end)))
            throw schema::bad_request("Archive entry \"{}\" lies behind the symbolic link \"{}\"", entry.path,
                                      path.substr(0, end));
    if (!entry.hard_link.empty()) {
        try {
            confined_path(entry.hard_link);
        } catch (const schema::Error&) {
            throw schema::bad_request("Archive entry \"{}\" is a hard link to \"{}\", which leads out of the image",
                                      entry.path, entry.hard_link);
        }
    }
    if (S_ISLNK(entry.attributes.st_mode) && entry.hard_link.empty())
        symlinks_.insert(path);
    else
        symlinks_.erase(path);
    return path;
}

} // namespace storage
