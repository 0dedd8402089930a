#include "daemon/storage/zfs_pool.h"

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <system_error>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/backing.h"
#include "daemon/storage/layout.h"
#include "schema/error.h"
#include "schema/units.h"
#include "schema/values.h"

namespace storage {

namespace {

constexpr int absent = 1; // how zfs ends where there is no such dataset
/// In the row of a pool that is being made, and in no other: its zpool or dataset was not made for it.
constexpr const char* was_there = "volatile.was_there";

const std::vector<std::string>& own_datasets() {
    static const std::vector<std::string> names{"containers",         "custom",         "deleted",
                                                "deleted/containers", "deleted/custom", "deleted/images",
                                                "deleted/making",     "images"};
    return names;
}

} // namespace

std::string ZfsPool::loop() const {
    return loop_file(context_.pool_path, context_.pool_name);
}

bool ZfsPool::dataset_exists(const std::string& dataset) const {
    return commands_.ask({"zfs", "get", "-H", "-o", "name", "name", dataset}, absent).has_value();
}

std::vector<std::string> ZfsPool::datasets() const {
    std::vector<std::string> found;
    const auto said = commands_.must({"zfs", "get", "-H", "-r", "-o", "name", "name", root()});
    for (const auto line : schema::split(said, '\n')) {
        const auto name = schema::stripped(line);
        if (name.size() > root().size() + 1) found.emplace_back(name.substr(root().size() + 1));
    }
    return found;
}

void ZfsPool::load_module() const {
    if (base::exists("/sys/module/zfs")) return;
    try {
        commands_.must({"modprobe", "-b", "zfs"});
    } catch (const schema::Error& error) {
        throw schema::failure("Error loading \"zfs\" module: {}", error.what());
    }
}

void ZfsPool::create() {
    load_module();
    if (base::exists(context_.pool_path))
        throw schema::failure("Storage pool directory \"{}\" already exists", context_.pool_path);
    const auto before = context_.config;
    base::Rollback rollback;
    rollback.add([&] { context_.config = before; });
    if (!option("source").empty()) context_.config["volatile.initial_source"] = option("source");
    base::make_dir(context_.pool_path, 0711);
    rollback.add([&] { ::rmdir(context_.pool_path.c_str()); });
    if (option("source").empty() || is_loop())
        create_on_loop();
    else if (option("source").starts_with('/'))
        create_on_device();
    else
        take_present();
    rollback.add([&] { destroy(); });
    ensure_datasets();
    layout::make_folders(context_.pool_path);
    rollback.dismiss();
}

/// As the pool's row is to have it once it is made; from then on the driver goes by it.
schema::Config ZfsPool::completed() const {
    auto config = context_.config;
    config.erase(was_there);
    return config;
}

void ZfsPool::create_zpool(const std::string& on) const {
    commands_.must({"zpool", "create", "-f", "-m", "none", "-O", "compression=on", root(), on});
    commands_.run({"zpool", "set", "autotrim=on", root()}); // not in versions before 0.8
}

void ZfsPool::create_on_loop() {
    context_.config["source"] = loop();
    context_.config.try_emplace("zfs.pool_name", context_.pool_name);
    if (is_dataset()) throw schema::failure("zfs.pool_name can't point to a dataset when source isn't set");
    auto& size = context_.config["size"];
    if (size.empty()) size = default_loop_size(layout::lxd_dir(context_.pool_path));
    if (base::exists(loop())) throw schema::failure("Source file location already exists");
    decide_on_new();
    make_sparse_file(loop(), schema::parse_bytes(size));
    base::Rollback rollback;
    rollback.add([&] { ::unlink(loop().c_str()); });
    create_zpool(loop());
    rollback.dismiss();
}

void ZfsPool::create_on_device() {
    const auto device = option("source");
    if (!is_block_device(device)) throw schema::failure("Custom loop file locations are not supported");
    context_.config.erase("size");
    context_.config.try_emplace("zfs.pool_name", context_.pool_name);
    if (is_dataset()) throw schema::failure("zfs.pool_name can't point to a dataset when source isn't set");
    context_.config["source"] = root();
    decide_on_new();
    create_zpool(device);
}

void ZfsPool::decide_on_new() const {
    if (dataset_exists(root())) throw schema::failure("ZFS zpool {} already exists", schema::quoted(root()));
    context_.decided(context_.config);
}

void ZfsPool::take_present() {
    context_.config.try_emplace("zfs.pool_name", option("source"));
    context_.config.erase("size");
    if (root() != option("source")) throw schema::failure("The source must match zfs.pool_name if specified");
    if (!is_dataset()) import();
    const bool present = dataset_exists(root());
    if (present && !datasets().empty())
        throw schema::failure("Provided ZFS pool (or dataset) isn't empty, run \"sudo zfs list {}\" to see existing "
                              "entries",
                              root());
    if (present) context_.config[was_there] = "true";
    context_.decided(context_.config);
    if (!present) commands_.must({"zfs", "create", "-o", "mountpoint=legacy", root()});
}

void ZfsPool::import() const {
    if (root().empty()) throw schema::failure("Cannot mount pool as \"zfs.pool_name\" is not specified");
    if (dataset_exists(root())) return;
    const auto pool = root().substr(0, root().find('/'));
    if (is_dataset() && dataset_exists(pool)) throw schema::failure("ZFS zpool exists but dataset is missing");
    if (is_loop())
        commands_.must({"zpool", "import", "-f", "-d", loop().substr(0, loop().rfind('/')), pool});
    else
        commands_.must({"zpool", "import", pool});
    if (!dataset_exists(root())) throw schema::failure("ZFS zpool exists but dataset is missing");
}

void ZfsPool::ensure_datasets() const {
    commands_.must({"zfs", "set", "atime=off", "relatime=on", "mountpoint=legacy", "setuid=on", "exec=on", "devices=on",
                    "acltype=posixacl", "xattr=sa", root()});
    const auto present = datasets();
    for (const auto& name : own_datasets())
        if (std::ranges::find(present, name) == present.end())
            commands_.must({"zfs", "create", "-o", "mountpoint=legacy", root() + "/" + name});
}

void ZfsPool::mount() {
    load_module();
    base::make_dir(context_.pool_path, 0711);
    import();
    ensure_datasets();
    layout::make_folders(context_.pool_path);
}

void ZfsPool::unmount() {
    if (schema::is_false(option("zfs.export")) || is_dataset() || !dataset_exists(root())) return;
    commands_.must({"zpool", "export", root()});
}

/// Of a zpool or dataset that was there before, and is not a pool of ours yet.
void ZfsPool::take_datasets_back() const {
    for (const auto& name : std::views::reverse(own_datasets())) commands_.run({"zfs", "destroy", root() + "/" + name});
}

void ZfsPool::destroy() {
    if (!option(was_there).empty()) return take_datasets_back();
    if (!root().empty() && dataset_exists(root())) {
        for (const auto& name : datasets())
            if (name.find('/') != std::string::npos && std::ranges::find(own_datasets(), name) == own_datasets().end())
                throw schema::failure("ZFS pool has leftover datasets: {}", name);
        if (is_dataset())
            commands_.must({"zfs", "destroy", "-r", root()});
        else
            commands_.must({"zpool", "destroy", root()});
    }
    if (is_loop() && ::unlink(loop().c_str()) < 0 && errno != ENOENT)
        throw std::system_error(errno, std::generic_category(), "Failed to remove " + loop());
}

void ZfsPool::remove() {
    if (!base::exists(context_.pool_path)) return;
    destroy();
    base::remove_tree(context_.pool_path);
}

void ZfsPool::update(const schema::Config& config) {
    if (const auto& size = schema::get(config, "size"); size != option("size")) {
        if (!is_loop()) throw schema::bad_request("Only a pool in a file of the daemon's has a size");
        if (size.empty()) throw schema::bad_request("The size of the pool's file cannot be unset");
        grow_file(loop(), schema::parse_bytes(size));
        commands_.must({"zpool", "online", "-e", root(), loop()});
    }
    context_.config = config;
}

} // namespace storage
