#include "daemon/storage/subvolume_streams.h"

#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <ranges>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/commands.h"
#include "daemon/storage/layout.h"
#include "schema/error.h"

namespace storage::subvolume_streams {

std::string temporary(const std::string& pool_path, const VolumeId& volume) {
    auto folder = layout::folder(pool_path, volume);
    if (!volume.snapshot.empty()) {
        folder = layout::snapshots_folder(pool_path, volume);
        base::make_dir(folder, 0711);
    }
    return layout::temporary_path(folder);
}

void send(const std::string& path, const std::string& parent, int to, const base::CancelToken& cancel) {
    Words words{"btrfs", "send", "-q"};
    if (!parent.empty()) words.insert(words.end(), {"-p", parent});
    words.push_back(path);
    const auto output = host_commands()->run(words, cancel, -1, to);
    if (!output.exit.ok()) throw schema::failure("{}", failure_text(words, output));
}

Received receive_nested(send_stream::Reader& stream, const NestedPlace& place, const FindParent& find_parent,
                        const base::CancelToken& cancel) {
    base::Rollback rollback;
    rollback.add([&] { subvolume::remove(place.beside); });
    auto received = receive_subvolume(stream, place.beside, find_parent, cancel);
    const auto slash = place.path.rfind('/');
    const auto name = slash == std::string::npos ? place.path : place.path.substr(slash + 1);
    const auto folder =
        base::open_beneath(subvolume::open(place.outer).get(),
                           slash == std::string::npos ? "." : place.path.substr(0, slash), O_RDONLY | O_DIRECTORY);
    struct stat status{};
    if (name.empty() || name == "." || name == ".." ||
        ::fstatat(folder.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0)
        throw schema::bad_request("Bad btrfs stream: the path {:?}", place.path);
    const subvolume::KeptTimes times(folder.get()); // which came with the stream of the outer one
    if (::chmod(place.beside.c_str(), received.mode) < 0 ||
        ::renameat(AT_FDCWD, place.beside.c_str(), folder.get(), name.c_str()) < 0)
        base::fail("Failed placing subvolume " + place.path);
    rollback.dismiss();
    return received;
}

void set_read_only(const std::string& outer, const std::vector<subvolume::Nested>& nested) {
    const auto opened = subvolume::open(outer);
    for (const auto& found : std::views::reverse(nested)) {
        if (!found.read_only) continue;
        const auto placed = base::open_beneath(opened.get(), found.path, O_RDONLY | O_DIRECTORY);
        subvolume::set_read_only(placed.get(), true);
    }
}

} // namespace storage::subvolume_streams
