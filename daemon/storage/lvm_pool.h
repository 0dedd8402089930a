#pragma once
// What an lvm pool lies on: a volume group, the file or device that it was made on, and its thin pool. Called by the
// driver lvm alone.

#include <memory>
#include <string>

#include "daemon/storage/commands.h"
#include "daemon/storage/driver.h"
#include "daemon/storage/loop_device.h"

namespace storage {

class LvmPool {
public:
    LvmPool(DriverContext context, Commands& commands) : context_(std::move(context)), commands_(commands) {}

    void create();
    void mount();
    void unmount();
    void remove();
    void update(const schema::Config& config);

    const schema::Config& config() const { return context_.config; }
    const std::string& path() const { return context_.pool_path; }
    std::string group() const { return option("lvm.vg_name"); }
    bool is_thin() const;
    std::string thin_pool() const;
    bool is_full() const;
    /// "GROUP/NAME", as the tools take it.
    std::string in_group(const std::string& name) const { return group() + "/" + name; }
    const std::string& option(const std::string& key) const { return schema::get(context_.config, key); }
    std::string option(const VolumeId& volume, const std::string& key) const { return context_.option(volume, key); }

private:
    std::string loop() const;
    bool is_loop() const;
    std::string attach();
    bool group_exists(const std::string& name, std::string& tags) const;
    int count(const Words& words) const;
    bool thin_pool_exists() const;
    void create_on_loop();
    void create_on_device();
    void take_group();
    void check_is_free(const std::string& tags) const;
    void make_group(const std::string& device);
    void create_thin_pool();
    void mark();
    void release_group();
    void grow(const std::string& size);

    DriverContext context_;
    Commands& commands_;
    LoopDevice device_; // kept for as long as the pool is in use
};

} // namespace storage
