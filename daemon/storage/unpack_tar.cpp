#include "daemon/storage/tar_archives.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <optional>
#include <system_error>
#include <unistd.h>
#include <utility>
#include <vector>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/storage/alike_files.h"
#include "daemon/storage/entry_rules.h"
#include "daemon/storage/file_attributes.h"
#include "daemon/storage/tar_reader.h"
#include "schema/error.h"

namespace storage {

namespace {

[[noreturn]] void fail(std::string_view attempt, std::string_view path) {
    throw std::system_error(errno, std::generic_category(), fmt::format("Failed {} \"{}\"", attempt, path));
}

bool in_user_namespace() {
    const auto map = base::read_file_if_exists("/proc/self/uid_map");
    return map && map->find("4294967295") == std::string::npos;
}

std::pair<std::string, std::string> split(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return {"", path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

/// The rest of a path that is the prefix or lies below it.
std::optional<std::string> below(const std::string& path, const std::string& prefix) {
    if (path == prefix) return "";
    if (!path.starts_with(prefix) || path[prefix.size()] != '/') return {};
    return path.substr(prefix.size() + 1);
}

bool is_wanted(const std::string& path, const std::vector<std::string>& names) {
    return names.empty() || std::find(names.begin(), names.end(), path.substr(0, path.find('/'))) != names.end();
}

class TarUnpacking {
public:
    explicit TarUnpacking(const std::string& folder, const std::string& alike = {})
        : root_(base::checked(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), "Failed opening " + folder)),
          alike_(alike) {
        if (::fstat(root_.get(), &made_as_) < 0) fail("looking at", folder);
    }

    void unpack(TarReader& reader) {
        EntryRules rules;
        TarEntry entry;
        while (reader.next(entry)) {
            const auto path = rules.check(entry);
            place(entry, path, reader);
        }
        finish_folders();
    }

    /// Whether there was anything of it.
    bool unpack(TarReader& reader, const TarPart& part) {
        EntryRules rules;
        TarEntry entry;
        bool found = false;
        while (reader.next(entry)) {
            auto path = below(confined_path(entry.path), part.prefix);
            if (!path) continue;
            found = true;
            if (!is_wanted(*path, part.names)) continue;
            if (path->empty() && !S_ISDIR(entry.attributes.st_mode))
                throw schema::bad_request("Archive entry \"{}\" is no folder", entry.path);
            entry.path = *path;
            if (!entry.hard_link.empty()) {
                auto target = below(confined_path(entry.hard_link), part.prefix);
                if (!target)
                    throw schema::bad_request("Archive entry \"{}\" is a hard link to \"{}\", which is elsewhere",
                                              entry.path, entry.hard_link);
                entry.hard_link = *std::move(target);
            }
            place(entry, rules.check(entry), reader);
        }
        finish_folders();
        return found;
    }

private:
    struct FolderAttributes {
        std::string path;
        struct stat attributes;
        Xattrs xattrs;
    };

    void place(const TarEntry& entry, const std::string& path, TarReader& reader) {
        if (path.empty()) {
            if (S_ISDIR(entry.attributes.st_mode)) folders_.push_back({"", entry.attributes, entry.xattrs});
            return;
        }
        const auto [parent_path, name] = split(path);
        const int parent = open_parent(parent_path);
        if (!entry.hard_link.empty()) return make_hard_link(entry, parent, name);
        if (S_ISDIR(entry.attributes.st_mode)) return make_folder(entry, parent, path, name);
        if (S_ISREG(entry.attributes.st_mode)) return make_file(entry, parent, parent_path, name, reader);
        clear_place(parent, name, path);
        if (S_ISLNK(entry.attributes.st_mode))
            make_symlink(entry, parent, name);
        else if (!make_node(entry, parent, name))
            return;
        set_attributes({parent, name.c_str()}, entry.attributes, made_as_, entry.xattrs);
    }

    /// The folder of an entry, made where the archive did not list it. Kept open for the entries that follow.
    int open_parent(const std::string& path) {
        if (path.empty()) return root_.get();
        if (parent_ && path == parent_path_) return parent_.get();
        constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
        try {
            parent_ = base::open_beneath(root_.get(), path, flags);
        } catch (const std::system_error& error) {
            if (error.code() == std::errc::no_such_file_or_directory) {
                const auto [above, name] = split(path);
                if (::mkdirat(open_parent(above), name.c_str(), 0755) < 0) fail("making the folder", path);
                parent_ = base::open_beneath(root_.get(), path, flags);
            } else {
                throw schema::bad_request("Archive entries below \"{}\" have no folder to be in: {}", path,
                                          error.code().message());
            }
        }
        parent_path_ = path;
        return parent_.get();
    }

    /// A later entry of the same name replaces an earlier one, as with tar.
    void clear_place(int parent, const std::string& name, const std::string& path) {
        if (::unlinkat(parent, name.c_str(), 0) == 0 || errno == ENOENT) return;
        if (errno == EISDIR && ::unlinkat(parent, name.c_str(), AT_REMOVEDIR) == 0) {
            parent_path_.clear();
            return;
        }
        fail("replacing", path);
    }

    void make_folder(const TarEntry& entry, int parent, const std::string& path, const std::string& name) {
        if (::mkdirat(parent, name.c_str(), 0700) < 0) {
            struct stat there{};
            if (errno != EEXIST || ::fstatat(parent, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) < 0)
                fail("making the folder", path);
            if (!S_ISDIR(there.st_mode)) {
                clear_place(parent, name, path);
                if (::mkdirat(parent, name.c_str(), 0700) < 0) fail("making the folder", path);
            }
        }
        // Times, a default ACL or a missing write bit must wait until everything in it is there.
        folders_.push_back({path, entry.attributes, entry.xattrs});
    }

    void make_hard_link(const TarEntry& entry, int parent, const std::string& name) {
        const auto target = confined_path(entry.hard_link);
        const auto [target_parent, target_name] = split(target);
        try {
            const auto folder = base::open_beneath(root_.get(), target_parent, O_PATH | O_DIRECTORY);
            struct stat status{};
            if (::fstatat(folder.get(), target_name.c_str(), &status, AT_SYMLINK_NOFOLLOW) < 0)
                fail("finding", entry.hard_link);
            if (target_name == name && is_same(folder.get(), parent)) return;
            clear_place(parent, name, entry.path);
            if (::linkat(folder.get(), target_name.c_str(), parent, name.c_str(), 0) < 0) fail("linking", entry.path);
        } catch (const std::system_error& error) {
            throw schema::bad_request("Archive entry \"{}\" is a hard link to \"{}\": {}", entry.path, entry.hard_link,
                                      error.code().message());
        }
    }

    static bool is_same(int left, int right) {
        struct stat a{};
        struct stat b{};
        return ::fstat(left, &a) == 0 && ::fstat(right, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
    }

    void make_symlink(const TarEntry& entry, int parent, const std::string& name) const {
        if (::symlinkat(entry.symlink.c_str(), parent, name.c_str()) < 0) fail("making the link", entry.path);
    }

    /// Whether it could be made.
    bool make_node(const TarEntry& entry, int parent, const std::string& name) const {
        const auto type = entry.attributes.st_mode & S_IFMT;
        if (type != S_IFCHR && type != S_IFBLK && type != S_IFIFO)
            throw schema::bad_request("Archive entry \"{}\" is of an unknown type", entry.path);
        if (::mknodat(parent, name.c_str(), type | 0600, entry.attributes.st_rdev) == 0) return true;
        if (errno == EPERM && type != S_IFIFO && in_user_namespace()) return false;
        fail("making the device", entry.path);
    }

    void make_file(const TarEntry& entry, int parent, const std::string& parent_path, const std::string& name,
                   TarReader& reader) {
        constexpr int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
        const auto create = [&] {
            return base::Fd(::openat(parent, name.c_str(), flags, entry.attributes.st_mode & 0777));
        };
        auto file = create();
        if (!file && errno == EEXIST) {
            clear_place(parent, name, entry.path);
            file = create();
        }
        if (!file) fail("creating", entry.path);
        auto content = alike_.begin(file.get(), parent_path, name, entry.attributes.st_size);
        TarReader::Block block;
        while (reader.next_block(block)) content.write(block);
        content.finish(entry.attributes.st_size);
        set_new_attributes(file.get(), entry.attributes, entry.xattrs);
    }

    void finish_folders() {
        parent_.reset();
        for (const auto& folder : folders_) {
            try {
                const auto fd = base::open_beneath(root_.get(), folder.path, O_RDONLY | O_DIRECTORY);
                set_attributes(fd.get(), folder.attributes, made_as_, folder.xattrs);
            } catch (const std::system_error& error) {
                // Replaced by a later entry of another type.
                if (error.code() != std::errc::not_a_directory && error.code().value() != ELOOP) throw;
            }
        }
    }

    base::Fd root_;
    AlikeFiles alike_;
    struct stat made_as_{};
    base::Fd parent_;
    std::string parent_path_;
    std::vector<FolderAttributes> folders_;
};

} // namespace

void unpack_tar(const std::string& file, const std::string& folder, const base::CancelToken& cancel,
                const std::function<void(int percent)>& progress) {
    TarReader reader(file, cancel, progress);
    TarUnpacking(folder).unpack(reader);
}

void unpack_tar_part(const std::string& file, const TarPart& part, const std::string& folder,
                     const base::CancelToken& cancel, const std::function<void(int percent)>& progress) {
    TarReader reader(file, cancel, progress);
    if (!TarUnpacking(folder, part.alike).unpack(reader, part))
        throw schema::bad_request("The archive has nothing in {}", part.prefix);
}

} // namespace storage
