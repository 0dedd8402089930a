#include "daemon/instance/mount_options.h"

#include <algorithm>
#include <array>

#include <sys/mount.h>

#include "schema/values.h"

namespace instance {

namespace {

struct Word {
    std::string_view word;
    unsigned long flag;
    uint64_t attribute;
    uint64_t clears;
};
constexpr std::array<Word, 13> words = {{
    {"defaults", 0, 0, 0},
    {"dirsync", MS_DIRSYNC, 0, 0},
    {"lazytime", MS_LAZYTIME, 0, 0},
    {"noatime", MS_NOATIME, MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"nodev", MS_NODEV, MOUNT_ATTR_NODEV, 0},
    {"nodiratime", MS_NODIRATIME, MOUNT_ATTR_NODIRATIME, 0},
    {"noexec", MS_NOEXEC, MOUNT_ATTR_NOEXEC, 0},
    {"nosuid", MS_NOSUID, MOUNT_ATTR_NOSUID, 0},
    {"relatime", MS_RELATIME, MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"ro", MS_RDONLY, MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, 0, 0},
    {"strictatime", MS_STRICTATIME, MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"sync", MS_SYNCHRONOUS, 0, 0},
}};

} // namespace

MountOptions parse_mount_options(std::string_view text) {
    MountOptions options;
    for (const auto part : schema::split(text, ',')) {
        const auto word = schema::stripped(part);
        const auto* const row = std::ranges::find(words, word, &Word::word);
        if (row != words.end()) {
            options.flags |= row->flag;
            options.attributes |= row->attribute;
            options.cleared |= row->clears;
        } else if (!word.empty()) {
            if (!options.of_filesystem.empty()) options.of_filesystem += ',';
            options.of_filesystem += word;
        }
    }
    return options;
}

} // namespace instance
