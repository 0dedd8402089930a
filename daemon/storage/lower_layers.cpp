#include "daemon/storage/lower_layers.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstdio>
#include <fcntl.h>
#include <sys/stat.h>
#include <system_error>
#include <unistd.h>
#include <utility>

#include "daemon/base/crypto.h"
#include "daemon/base/durable.h"
#include "daemon/base/fail.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/storage/file_attributes.h"
#include "daemon/storage/layout.h"
#include "schema/error.h"

namespace storage {

namespace {

constexpr const char* reference_name = ".layer";
constexpr size_t name_bytes = 16;

using base::fail;

std::string reference(const std::string& folder) {
    return fmt::format("{}/{}", folder, reference_name);
}

/// Also what an archive put in its place.
void remove_reference(const std::string& folder) {
    const auto path = reference(folder);
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) return;
    base::remove_tree(path);
}

bool is_real_folder(const std::string& path) {
    struct stat status{};
    return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

using layout::open_folder;

void make_like(const std::string& folder, const std::string& model) {
    base::make_dir(folder, 0700);
    const auto made = open_folder(folder);
    const auto wanted = open_folder(model);
    struct stat made_as{};
    struct stat status{};
    if (::fstat(made.get(), &made_as) < 0 || ::fstat(wanted.get(), &status) < 0) fail("Failed looking at " + model);
    set_attributes(made.get(), status, made_as, xattrs(wanted.get()));
}

void sync_filesystem(const std::string& folder) {
    if (::syncfs(open_folder(folder).get()) < 0) fail("Failed syncing " + folder);
}

} // namespace

LowerLayers::LowerLayers(std::string pool_path, std::function<std::vector<std::string>()> folders,
                         std::function<void(std::string)> discard)
    : path_(std::move(pool_path) + "/layers"), folders_(std::move(folders)), discard_(std::move(discard)) {}

void LowerLayers::prepare() const {
    layout::make_folder_of_trees(path_, 0700);
    base::make_dir(veil(), 0700);
    const auto whiteout = reference(veil());
    if (::mknod(whiteout.c_str(), S_IFCHR | 0600, 0) < 0 && errno != EEXIST) fail("Failed making " + whiteout);
}

std::string LowerLayers::folder(const std::string& layer) const {
    return fmt::format("{}/{}", path_, layer);
}

std::string LowerLayers::tree(const std::string& layer) const {
    return folder(layer) + "/tree";
}

std::string LowerLayers::veil() const {
    return path_ + "/.veil";
}

void LowerLayers::make_of(const std::string& of) {
    remove_reference(of);
    const auto root = of + "/rootfs";
    if (!is_real_folder(root)) return;
    const auto layer = base::random_hex(name_bytes);
    const auto making = layout::temporary_path(path_);
    base::make_dir(making, 0700);
    base::Rollback rollback;
    rollback.add([&] { base::remove_tree(making); });
    base::make_dir(making + "/tree", 0755);
    if (::rename(root.c_str(), (making + "/tree/rootfs").c_str()) < 0) fail("Failed moving " + root);
    make_like(root, making + "/tree/rootfs");
    base::write_file(making + "/name", layer);
    sync_filesystem(making);
    const std::scoped_lock lock(mutex_);
    base::rename_durably(making, folder(layer));
    rollback.dismiss();
    rollback.add([&] { base::remove_tree(folder(layer)); });
    add_reference(layer, of);
    rollback.dismiss();
}

void LowerLayers::add_reference(const std::string& layer, const std::string& of) const {
    const auto name = folder(layer) + "/name";
    const auto path = reference(of);
    if (::link(name.c_str(), path.c_str()) < 0) fail(fmt::format("Failed linking {} to {}", path, name));
}

void LowerLayers::refer_again(const std::string& of) {
    const auto layer = layer_of(of);
    if (!layer) return;
    const std::scoped_lock lock(mutex_);
    remove_reference(of);
    add_reference(*layer, of);
}

std::optional<std::string> LowerLayers::layer_of(const std::string& of) {
    const auto path = reference(of);
    auto text = base::read_file_if_exists(path);
    if (!text) return {};
    const bool is_name =
        text->size() == 2 * name_bytes && std::ranges::all_of(*text, [](unsigned char c) { return std::isxdigit(c); });
    if (!is_name) throw schema::failure("The file {} does not name a layer", path);
    return text;
}

void LowerLayers::release(const std::string& of) {
    const auto layer = layer_of(of);
    if (!layer) return;
    const std::scoped_lock lock(mutex_);
    remove_reference(of);
    collect(*layer);
}

void LowerLayers::collect(const std::string& layer) {
    struct stat status{};
    const auto name = folder(layer) + "/name";
    if (::stat(name.c_str(), &status) < 0 || status.st_nlink > 1) return;
    // A pool that was copied by a program which does not know of hard links says so in words alone.
    if (is_named(layer)) return;
    const auto gone = layout::temporary_path(path_);
    if (::rename(folder(layer).c_str(), gone.c_str()) < 0) fail("Failed removing " + folder(layer));
    discard_(gone);
}

bool LowerLayers::is_named(const std::string& layer) const {
    return std::ranges::any_of(folders_(), [&](const std::string& of) {
        return base::read_file_if_exists(reference(of)).value_or("") == layer;
    });
}

void LowerLayers::clean_up() {
    const std::scoped_lock lock(mutex_);
    for (const auto& name : layout::names_in(path_)) {
        if (layout::is_temporary(name))
            base::remove_tree(folder(name));
        else if (!name.starts_with('.'))
            collect(name);
    }
}

} // namespace storage
