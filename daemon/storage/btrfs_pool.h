#pragma once
// What a btrfs pool lies on: a file of the daemon's, a block device, or a folder of a btrfs filesystem that is there
// already. Called by the driver btrfs alone.

#include <string>

#include "daemon/storage/driver.h"

namespace storage {

class BtrfsPool {
public:
    explicit BtrfsPool(DriverContext context) : context_(std::move(context)) {}

    /// Formats or makes what `source` says and mounts it; nothing is left of a failure.
    void create();
    void mount();
    void unmount();
    /// Removes what is in it and what create() made; not an error when the pool's folder is gone.
    void remove();
    /// Mount options take hold at once; a larger `size` makes the file and its filesystem grow.
    void update(const schema::Config& config);
    const schema::Config& config() const { return context_.config; }
    const std::string& path() const { return context_.pool_path; }

private:
    std::string source() const { return schema::get(context_.config, "source"); }
    std::string loop() const;
    bool is_loop() const;
    /// The pool's own folder is a subvolume of the filesystem around it.
    bool is_in_place() const { return source() == context_.pool_path; }
    std::string mount_options() const;
    void make_source();
    void make_loop();
    void format_device();
    void make_subvolume();
    void mount_source();
    void grow(const std::string& size);

    DriverContext context_;
};

} // namespace storage
