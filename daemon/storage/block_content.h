#pragma once
// The content of block volumes, which are devices or files, on its way to another volume or an archive, or out of an
// archive (through a pipe from lxd-tar). Zeros stay behind: what is written to reads as zeros. Called by drivers,
// copies and backups of volumes, and by lxd-tar.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "daemon/base/cancel.h"
#include "daemon/base/fd.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/tar_header.h"

namespace storage {

/// To be read. A file, unlike a device, must not be a link.
base::Fd open_blocks(const std::string& path);
/// Of a device or file, in bytes.
int64_t size_of_blocks(int blocks);
/// Where a device or file has more than zeros, in order.
DataRanges data_in_blocks(int blocks, const base::CancelToken& cancel);
/// On disk when it returns.
void copy_blocks(const std::string& from, const std::string& to, const base::CancelToken& cancel,
                 const Progress& progress);

/// Tells a pipe the content of a block volume.
class BlockSender {
public:
    BlockSender(int to, int64_t size);
    void data(int64_t offset, std::string_view bytes) const;
    void end() const;

private:
    int to_;
};
/// What a BlockSender tells, which is not trusted: first its size, then what goes to a device or file of that size.
/// Throws bad_request where it is cut short or does not fit.
int64_t received_size(int from);
void receive_blocks(int from, int64_t size, const std::string& to, const base::CancelToken& cancel);

} // namespace storage
