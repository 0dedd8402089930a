#pragma once
// How drivers run the programs of their backends and mount what those make, so that tests can answer in their place.
// Called by lvm and zfs.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/process.h"
#include "daemon/storage/mount_options.h"

namespace storage {

using Words = std::vector<std::string>;

class Commands {
public:
    virtual ~Commands() = default;

    /// Runs a program to its end. `in` and `out` are descriptors for its standard input and output; -1: none, and what
    /// it prints is in the result.
    virtual base::Output run(const Words& words, const base::CancelToken& cancel = {}, int in = -1, int out = -1) = 0;

    /// mount(2) and umount2(2); see storage/mount_options.h.
    virtual void mount(const std::string& source, const std::string& target, const std::string& type,
                       const MountOptions& options) = 0;
    virtual void unmount(const std::string& target) = 0;
    virtual bool is_mounted(const std::string& target) = 0;
    /// The device of a zvol or a snapshot of one, for which it waits up to half a minute.
    virtual std::string zvol_device(const std::string& dataset) = 0;

    /// Throws schema::failure with what the program said when it failed; gives what it printed.
    std::string must(const Words& words, const base::CancelToken& cancel = {});
    /// Nothing where the program ends with `absent`, which says that there is no such thing; as must() otherwise.
    std::optional<std::string> ask(const Words& words, int absent);
};

/// The real ones. A program that is not installed is a failure in LXD's words.
std::shared_ptr<Commands> host_commands();

/// What a program said of a failure.
std::string failure_text(const Words& words, const base::Output& output);

} // namespace storage
