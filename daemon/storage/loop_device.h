#pragma once
// Loop devices over the files of pools, by ioctl. Called by drivers that keep a pool in a file.

#include <cstdint>
#include <string>

#include "daemon/base/fd.h"

namespace storage {

/// A device that shows a file. The kernel takes it apart when it is closed and no mount or other user has it any more,
/// also after a crash.
struct LoopDevice {
    base::Fd fd;
    std::string path; // "/dev/loop3"
};

/// With direct I/O where the file's filesystem can. Throws std::system_error.
LoopDevice attach_loop(const std::string& file);
/// The device that shows this file already, or an empty path.
std::string find_loop(const std::string& file);
/// Tells the device that its file has another size now.
void refresh_loop_size(const std::string& device);
/// Lets go of a device that is kept by its users alone, when they have let go.
void detach_loop(const std::string& device);

} // namespace storage
