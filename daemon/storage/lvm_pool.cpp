#include "daemon/storage/lvm_pool.h"

#include <cerrno>
#include <fcntl.h>
#include <system_error>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/backing.h"
#include "daemon/storage/layout.h"
#include "schema/error.h"
#include "schema/strconv.h"
#include "schema/units.h"
#include "schema/values.h"

namespace storage {

namespace {

constexpr int absent = 5; // how LVM's tools end where there is no such thing
constexpr std::string_view marker = "lxd_pool";
constexpr std::string_view default_thin_pool = "LXDThinPool";

void remove_file(const std::string& path) {
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        throw std::system_error(errno, std::generic_category(), "Error removing LVM pool loop file " + path);
}

} // namespace

std::string LvmPool::loop() const {
    return loop_file(context_.pool_path, context_.pool_name);
}

bool LvmPool::is_loop() const {
    return option("source") == loop();
}

bool LvmPool::is_thin() const {
    return !schema::is_false(option("lvm.use_thinpool"));
}

std::string LvmPool::thin_pool() const {
    const auto& name = option("lvm.thinpool_name");
    return name.empty() ? std::string(default_thin_pool) : name;
}

/// The loop device of the pool's file: the one that logical volumes still hold, or a new one.
std::string LvmPool::attach() {
    if (device_.fd) return device_.path;
    if (auto present = find_loop(loop()); !present.empty())
        device_ = {base::checked(::open(present.c_str(), O_RDWR | O_CLOEXEC), "Failed opening " + present), present};
    else
        device_ = attach_loop(loop());
    return device_.path;
}

bool LvmPool::group_exists(const std::string& name, std::string& tags) const {
    const auto said = commands_.ask({"vgs", "--noheadings", "-o", "vg_tags", name}, absent);
    if (said) tags = base::trimmed(*said);
    return said.has_value();
}

int LvmPool::count(const Words& words) const {
    const auto said = commands_.ask(words, absent);
    return said ? static_cast<int>(schema::parse_integer(schema::stripped(*said)).value_or(0)) : 0;
}

bool LvmPool::thin_pool_exists() const {
    const auto said = commands_.ask({"lvs", "--noheadings", "-o", "lv_attr", in_group(thin_pool())}, absent);
    if (!said) return false;
    if (schema::stripped(*said).starts_with("t")) return true;
    throw schema::failure("LVM volume named {} exists but is not a thin pool", schema::quoted(thin_pool()));
}

/// Of data or of metadata.
bool LvmPool::is_full() const {
    if (!is_thin()) return false;
    const auto said = commands_.run(
        {"lvs", "--noheadings", "--separator", ",", "-o", "data_percent,metadata_percent", in_group(thin_pool())});
    for (const auto part : schema::split(schema::stripped(said.out), ','))
        if (part.starts_with("100")) return true;
    return false;
}

void LvmPool::create() {
    commands_.must({"lvm", "version"}); // whose absence is told in LXD's words
    if (base::exists(context_.pool_path))
        throw schema::failure("Storage pool directory \"{}\" already exists", context_.pool_path);
    const auto before = context_.config;
    base::Rollback rollback;
    rollback.add([&] { context_.config = before; });
    if (!option("source").empty()) context_.config["volatile.initial_source"] = option("source");
    if (is_thin() && option("lvm.thinpool_name").empty())
        context_.config["lvm.thinpool_name"] = std::string(default_thin_pool);
    base::make_dir(context_.pool_path, 0711);
    rollback.add([&] { ::rmdir(context_.pool_path.c_str()); });
    if (option("source").empty() || is_loop())
        create_on_loop();
    else if (option("source").starts_with('/'))
        create_on_device();
    else
        take_group();
    rollback.add([&] { release_group(); });
    if (is_thin() && !thin_pool_exists()) create_thin_pool();
    mark();
    layout::make_folders(context_.pool_path);
    rollback.dismiss();
}

void LvmPool::create_on_loop() {
    context_.config["source"] = loop();
    context_.config.try_emplace("lvm.vg_name", context_.pool_name);
    auto& size = context_.config["size"];
    if (size.empty()) size = default_loop_size(layout::lxd_dir(context_.pool_path));
    if (base::exists(loop())) throw schema::failure("Source file location already exists");
    std::string tags;
    if (group_exists(group(), tags))
        throw schema::failure("Volume group already exists, cannot use it for {}", schema::quoted(loop()));
    context_.decided(context_.config);
    make_sparse_file(loop(), schema::parse_bytes(size));
    base::Rollback rollback;
    rollback.add([&] {
        device_ = {};
        remove_file(loop());
    });
    make_group(attach());
    rollback.dismiss();
}

void LvmPool::create_on_device() {
    const auto device = option("source");
    context_.config.erase("size");
    context_.config.try_emplace("lvm.vg_name", context_.pool_name);
    context_.config["source"] = group();
    if (!is_block_device(device)) throw schema::failure("Custom loop file locations are not supported");
    std::string tags;
    if (group_exists(group(), tags))
        throw schema::failure("Volume group already exists, cannot use new physical device at {}",
                              schema::quoted(device));
    context_.decided(context_.config);
    make_group(device);
}

void LvmPool::make_group(const std::string& device) {
    if (!commands_.ask({"pvs", "--noheadings", "-o", "pv_name", device}, absent)) commands_.must({"pvcreate", device});
    commands_.must({"vgcreate", group(), device});
}

void LvmPool::take_group() {
    context_.config.erase("size");
    if (!group().empty() && group() != option("source"))
        throw schema::failure("Invalid combination of source and lvm.vg_name properties");
    context_.config["lvm.vg_name"] = option("source");
    std::string tags;
    if (!group_exists(group(), tags))
        throw schema::failure("The requested volume group {} does not exist", schema::quoted(group()));
    if (!schema::is_true(option("lvm.vg.force_reuse"))) check_is_free(tags);
    context_.decided(context_.config);
}

void LvmPool::check_is_free(const std::string& tags) const {
    const auto volumes = count({"vgs", "--noheadings", "-o", "lv_count", group()});
    if (volumes > 1 || (volumes == 1 && !(is_thin() && thin_pool_exists())))
        throw schema::failure("Volume group {} is not empty", schema::quoted(group()));
    for (const auto tag : schema::split(tags, ','))
        if (std::string_view(tag) == marker)
            throw schema::failure("Volume group {} is already used by LXD", schema::quoted(group()));
}

void LvmPool::create_thin_pool() {
    Words words{"lvcreate", "--yes", "--wipesignatures", "y", "--thinpool", in_group(thin_pool())};
    if (const auto bytes = schema::parse_bytes(option("lvm.thinpool_metadata_size")); bytes > 0)
        words.insert(words.end(), {"--poolmetadatasize", fmt::format("{}b", bytes / 512 * 512)});
    words.insert(words.end(), {"--extents", "100%FREE"});
    if (const auto& stripes = option("volume.lvm.stripes"); !stripes.empty()) {
        words.insert(words.end(), {"--stripes", stripes});
        if (const auto bytes = schema::parse_bytes(option("volume.lvm.stripes.size")); bytes > 0)
            words.insert(words.end(), {"--stripesize", fmt::format("{}b", bytes / 512 * 512)});
    }
    commands_.must(words);
}

void LvmPool::mark() {
    commands_.must({"vgchange", "--addtag", std::string(marker), group()});
}

void LvmPool::mount() {
    if (group().empty()) throw schema::failure("Cannot mount pool as \"lvm.vg_name\" is not specified");
    base::make_dir(context_.pool_path, 0711);
    if (is_loop()) {
        attach();
        // Where udev does not tell LVM of devices, nobody has looked at this one.
        commands_.run({"pvscan", "--cache", device_.path});
    }
    std::string tags;
    if (!group_exists(group(), tags)) throw schema::failure("Volume group {} not found", schema::quoted(group()));
    if (is_thin() && !thin_pool_exists())
        throw schema::failure("Thin pool not found {} in volume group {}", schema::quoted(thin_pool()),
                              schema::quoted(group()));
    layout::make_folders(context_.pool_path);
}

void LvmPool::unmount() {
    device_ = {};
}

void LvmPool::remove() {
    if (!base::exists(context_.pool_path)) return;
    if (is_loop() && base::exists(loop())) attach();
    release_group();
    base::remove_tree(context_.pool_path);
}

/// What is left in the group may be somebody else's: then the group stays, without our mark.
void LvmPool::release_group() {
    std::string tags;
    const bool present = !group().empty() && group_exists(group(), tags);
    const bool shared = schema::is_true(option("lvm.vg.force_reuse"));
    const auto volumes = present ? count({"vgs", "--noheadings", "-o", "lv_count", group()}) : 0;
    const bool thin = present && volumes > 0 && is_thin() && thin_pool_exists();
    const auto in_thin = thin ? count({"lvs", "--noheadings", "-o", "thin_count", in_group(thin_pool())}) : 0;
    if (present && !shared && (volumes == 0 || (thin && volumes == 1 && in_thin == 0))) {
        commands_.must({"vgremove", "-f", group()});
        if (is_loop()) commands_.run({"pvremove", "-f", device_.path});
    } else if (present) {
        if (thin && in_thin == 0 && !shared) commands_.must({"lvremove", "-f", in_group(thin_pool())});
        commands_.run({"vgchange", "--deltag", std::string(marker), group()});
        if (is_loop()) throw schema::failure("Volume group {} is not empty", schema::quoted(group()));
    }
    if (!is_loop()) return;
    device_ = {};
    remove_file(loop());
}

void LvmPool::update(const schema::Config& config) {
    const auto changed = [&](const char* key) { return schema::get(config, key) != option(key); };
    for (const auto* key : {"volume.lvm.stripes", "volume.lvm.stripes.size"})
        if (is_thin() && changed(key)) throw schema::bad_request("{} cannot be changed when using thin pool", key);
    if (changed("size")) grow(schema::get(config, "size"));
    if (const auto& name = schema::get(config, "lvm.vg_name"); changed("lvm.vg_name")) {
        if (name.empty()) throw schema::bad_request("The name of the volume group cannot be unset");
        commands_.must({"vgrename", group(), name});
        context_.config["lvm.vg_name"] = name;
    }
    if (const auto& name = schema::get(config, "lvm.thinpool_name"); is_thin() && changed("lvm.thinpool_name"))
        commands_.must({"lvrename", group(), thin_pool(), name.empty() ? std::string(default_thin_pool) : name});
    context_.config = config;
}

void LvmPool::grow(const std::string& size) {
    if (!is_loop()) throw schema::bad_request("Only a pool in a file of the daemon's has a size");
    if (size.empty()) throw schema::bad_request("The size of the pool's file cannot be unset");
    grow_file(loop(), schema::parse_bytes(size));
    refresh_loop_size(attach());
    commands_.must({"pvresize", attach()});
    if (is_thin()) commands_.must({"lvextend", "--extents", "+100%FREE", in_group(thin_pool())});
}

} // namespace storage
