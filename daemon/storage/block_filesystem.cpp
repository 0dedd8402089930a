#include "daemon/storage/block_filesystem.h"

#include "daemon/base/files.h"
#include "daemon/storage/backing.h"
#include "schema/error.h"

namespace storage::block_filesystem {

std::string type_of(Commands& commands, const std::string& device) {
    constexpr int nothing = 2;
    const auto said = commands.ask({"blkid", "-p", "-s", "TYPE", "-o", "value", device}, nothing);
    if (!said) throw schema::failure("There is no filesystem on {}", device);
    return std::string(base::trimmed(*said));
}

void make(Commands& commands, const std::string& type, const std::string& device) {
    commands.must(mkfs_command(type, "", device));
}

void grow(Commands& commands, const std::string& type, const std::string& device, const std::string& mount_point) {
    if (type == "ext4") commands.must({"resize2fs", device});
    if (type == "xfs") commands.must({"xfs_growfs", mount_point});
    if (type == "btrfs") commands.must({"btrfs", "filesystem", "resize", "max", mount_point});
}

void shrink(Commands& commands, const std::string& type, const std::string& device, int64_t bytes) {
    if (type != "ext4") throw schema::bad_request("Cannot be shrunk");
    const Words check{"e2fsck", "-f", "-y", device};
    const auto checked = commands.run(check);
    constexpr int mended = 1;
    if (!checked.exit.ok() && checked.exit.code != mended) throw schema::failure("{}", failure_text(check, checked));
    commands.must({"resize2fs", device, fmt::format("{}K", bytes / 1024)});
}

void renew_id(Commands& commands, const std::string& type, const std::string& device) {
    if (type != "btrfs") return;
    commands.must({"btrfs", "rescue", "zero-log", device});
    commands.must({"btrfstune", "-f", "-u", device});
}

std::string extra_options(const std::string& type, bool read_only) {
    if (type == "xfs") return read_only ? ",nouuid,norecovery" : ",nouuid";
    return type == "ext4" && read_only ? ",noload" : "";
}

} // namespace storage::block_filesystem
