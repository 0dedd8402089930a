#include "daemon/storage/mount_options.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <sys/mount.h>

#include "schema/error.h"
#include "schema/values.h"

namespace storage {

namespace {

struct Row {
    std::string_view word;
    unsigned long flag;
    bool sets;
};

constexpr std::array rows{
    Row{"async", MS_SYNCHRONOUS, false},
    Row{"atime", MS_NOATIME, false},
    Row{"bind", MS_BIND, true},
    Row{"defaults", 0, true},
    Row{"dev", MS_NODEV, false},
    Row{"diratime", MS_NODIRATIME, false},
    Row{"dirsync", MS_DIRSYNC, true},
    Row{"exec", MS_NOEXEC, false},
    Row{"lazytime", MS_LAZYTIME, true},
    Row{"mand", MS_MANDLOCK, true},
    Row{"noatime", MS_NOATIME, true},
    Row{"nodev", MS_NODEV, true},
    Row{"nodiratime", MS_NODIRATIME, true},
    Row{"noexec", MS_NOEXEC, true},
    Row{"nomand", MS_MANDLOCK, false},
    Row{"norelatime", MS_RELATIME, false},
    Row{"nostrictatime", MS_STRICTATIME, false},
    Row{"nosuid", MS_NOSUID, true},
    Row{"rbind", MS_BIND | MS_REC, true},
    Row{"relatime", MS_RELATIME, true},
    Row{"remount", MS_REMOUNT, true},
    Row{"ro", MS_RDONLY, true},
    Row{"rw", MS_RDONLY, false},
    Row{"strictatime", MS_STRICTATIME, true},
    Row{"suid", MS_NOSUID, false},
    Row{"sync", MS_SYNCHRONOUS, true},
};

} // namespace

MountOptions mount_options(std::string_view text) {
    MountOptions options;
    for (const auto word : schema::split(text, ',')) {
        const auto row = std::ranges::find(rows, std::string_view(word), &Row::word);
        if (row == rows.end()) {
            if (!word.empty()) options.data.append(options.data.empty() ? "" : ",").append(word);
        } else if (row->sets) {
            options.flags |= row->flag;
        } else {
            options.flags &= ~row->flag;
        }
    }
    return options;
}

void mount_filesystem(const std::string& source, const std::string& target, const std::string& type,
                      const MountOptions& options) {
    if (::mount(source.c_str(), target.c_str(), type.c_str(), options.flags, options.data.c_str()) == 0) return;
    const auto* reason = std::strerror(errno);
    throw schema::failure("Failed to mount {} on {} using {}: {}", schema::quoted(source), schema::quoted(target),
                          schema::quoted(type), reason);
}

void unmount_filesystem(const std::string& target) {
    if (::umount2(target.c_str(), UMOUNT_NOFOLLOW) == 0 || errno == EINVAL || errno == ENOENT) return;
    const auto* reason = std::strerror(errno);
    throw schema::failure("Failed to unmount {}: {}", schema::quoted(target), reason);
}

} // namespace storage
