#pragma once
// Volumes on btrfs as streams of `btrfs send`: the volume's own first, as a real LXD writes and reads it, and after it
// one of each nested subvolume, announced by its path. Part of the driver btrfs.

#include "daemon/base/fd.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/send_stream.h"

namespace storage {

class BtrfsTransfer : public Transfer {
public:
    BtrfsTransfer(Driver& driver, const std::string& pool_path) : driver_(driver), pool_path_(pool_path) {}

    void send(const VolumeId& volume, const std::string& parent, int to, const base::CancelToken& cancel) override;
    void receive(const VolumeId& volume, int from, const base::CancelToken& cancel) override;

private:
    void send_nested(const std::string& root, int to, const base::CancelToken& cancel) const;
    base::Fd find_snapshot(const VolumeId& volume, const std::string& uuid) const;

    Driver& driver_;
    const std::string& pool_path_;
};

} // namespace storage
