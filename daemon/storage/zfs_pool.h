#pragma once
// What a zfs pool lies on: a zpool, in a file, on a device or there before, or one of its datasets. Called by the
// driver zfs alone.

#include <string>
#include <vector>

#include "daemon/storage/commands.h"
#include "daemon/storage/driver.h"

namespace storage {

class ZfsPool {
public:
    ZfsPool(DriverContext context, Commands& commands) : context_(std::move(context)), commands_(commands) {}

    void create();
    void mount();
    void unmount();
    void remove();
    void update(const schema::Config& config);

    schema::Config completed() const;
    const std::string& path() const { return context_.pool_path; }
    const std::string& option(const std::string& key) const { return schema::get(context_.config, key); }
    std::string option(const VolumeId& volume, const std::string& key) const { return context_.option(volume, key); }
    /// The zpool or dataset that holds everything.
    const std::string& root() const { return option("zfs.pool_name"); }
    bool dataset_exists(const std::string& dataset) const;

private:
    std::string loop() const;
    bool is_loop() const { return option("source") == loop(); }
    bool is_dataset() const { return root().find('/') != std::string::npos; }
    /// Below the root, without it.
    std::vector<std::string> datasets() const;
    void load_module() const;
    void create_zpool(const std::string& on) const;
    void create_on_loop();
    void create_on_device();
    void take_present();
    void decide_on_new() const;
    void take_datasets_back() const;
    void import() const;
    void ensure_datasets() const;
    void destroy();

    DriverContext context_;
    Commands& commands_;
};

} // namespace storage
