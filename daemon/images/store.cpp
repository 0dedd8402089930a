#include "daemon/images/store.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <unistd.h>

#include "daemon/base/durable.h"
#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/images/metadata.h"
#include "daemon/images/query.h"
#include "daemon/storage/archive.h"
#include "daemon/storage/archive_format.h"
#include "schema/error.h"
#include "schema/names.h"
#include "schema/values.h"

namespace images {

namespace {

schema::Time from_unix(int64_t seconds) {
    return schema::Time(std::chrono::seconds(seconds));
}

void remove_file(const std::string& path) {
    if (::unlink(path.c_str()) < 0 && errno != ENOENT)
        throw std::system_error(errno, std::generic_category(), "Error deleting image file " + path);
}

/// Looks into the files of an upload: all of them, so that a damaged or hostile one is never stored.
Metadata inspect(const Upload& upload, const base::CancelToken& cancel) {
    const auto contents = storage::inspect_archive(upload.file(), cancel);
    if (!contents.metadata) throw schema::bad_request("Metadata tarball is missing metadata.yaml");
    auto metadata = parse_metadata(*contents.metadata);
    if (const auto root = upload.root_file())
        storage::inspect_archive(*root, cancel);
    else if (!contents.has_root)
        throw schema::bad_request("Image is missing a rootfs");
    return metadata;
}

schema::Image described(const Upload& upload, Metadata metadata) {
    schema::Image image;
    image.fingerprint = upload.fingerprint();
    image.filename = upload.filename();
    image.size = upload.size();
    image.is_public = schema::is_true(upload.headers().is_public);
    image.architecture = std::move(metadata.architecture);
    image.created_at = from_unix(metadata.creation_date);
    image.expires_at = from_unix(metadata.expiry_date);
    image.uploaded_at = std::chrono::system_clock::now();
    image.profiles = {"default"};
    image.properties = std::move(metadata.properties);
    for (auto& [key, value] : parse_properties(upload.headers().properties)) image.properties[key] = value;
    return image;
}

std::string extension_of(const std::string& path) {
    try {
        return std::string(storage::extension(storage::archive_format_of(path)));
    } catch (const schema::Error&) {
        return "";
    }
}

} // namespace

ImageStore::ImageStore(storage::DaemonFolder& folder, state::Images& rows, state::Profiles& profiles,
                       storage::Pools& pools, base::Log& log)
    : folder_(folder), rows_(rows), profiles_(profiles), pools_(pools), log_(log) {}

void ImageStore::clean_up() {
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
        const auto name = entry.path().filename().string();
        const auto fingerprint = name.substr(0, name.find('.'));
        const bool is_upload = name.starts_with(upload_prefix);
        const bool is_orphan = fingerprint.size() == 64 && !rows_.find(fingerprint);
        if (!is_upload && !is_orphan) continue;
        log_.info("Removing what is left of an interrupted image import", {{"file", name}});
        base::remove_tree(entry.path().string());
    }
}

Upload ImageStore::receive(UploadHeaders headers, const ByteSource& body) const {
    return Upload::receive(folder_, std::move(headers), body);
}

schema::Image ImageStore::import(Upload upload, const base::CancelToken& cancel) {
    upload.check();
    auto image = described(upload, inspect(upload, cancel));
    const auto hold = changing_.exclusive(image.fingerprint, cancel);
    if (rows_.find(image.fingerprint)) throw schema::conflict("Image with same fingerprint already exists");
    cancel.check();
    insert(upload, image);
    log_.info("Imported image", {{"fingerprint", image.fingerprint}, {"project", "default"}});
    return image;
}

void ImageStore::insert(const Upload& upload, const schema::Image& image) {
    base::Rollback rollback;
    base::rename_durably(upload.file(), file(image.fingerprint));
    rollback.add([&] { remove_file(file(image.fingerprint)); });
    if (const auto root = upload.root_file()) {
        base::rename_durably(*root, root_file(image.fingerprint));
        rollback.add([&] { remove_file(root_file(image.fingerprint)); });
    }
    rows_.insert(image);
    rollback.dismiss();
}

schema::Image ImageStore::get(const std::string& fingerprint) const {
    auto image = fingerprint.empty() ? std::nullopt : rows_.find(fingerprint);
    if (!image) throw schema::not_found("Image not found");
    return *std::move(image);
}

schema::Image ImageStore::resolve(const std::string& alias_or_fingerprint) const {
    if (const auto alias = rows_.find_alias(alias_or_fingerprint)) return get(alias->target);
    return get(alias_or_fingerprint);
}

void ImageStore::touch(const std::string& fingerprint) {
    rows_.touch(fingerprint, std::chrono::system_clock::now());
}

void ImageStore::update(const std::string& fingerprint, schema::ImagePut put) {
    std::erase_if(put.properties, [](const auto& property) { return property.second.empty(); });
    const auto image = get(fingerprint);
    for (auto profile = put.profiles.begin(); profile != put.profiles.end(); ++profile)
        if (std::find(put.profiles.begin(), profile, *profile) != profile)
            throw schema::bad_request("Duplicate profile found in request");
    for (const auto& profile : put.profiles)
        if (!profiles_.find(profile)) throw schema::bad_request("Profile '{}' doesn't exist", profile);
    if (put.expires_at == schema::Time{}) put.expires_at = image.expires_at;
    rows_.update(image.fingerprint, put);
}

void ImageStore::remove(const std::string& fingerprint) {
    const auto staying = folder_.writing();
    const auto full = get(fingerprint).fingerprint;
    const auto hold = changing_.exclusive(full, {});
    get(full);
    // The row goes first: from here on nobody makes new copies, and a restart removes what a crash leaves.
    rows_.remove(full);
    pools_.remove_image(full);
    remove_file(file(full));
    remove_file(root_file(full));
    log_.info("Deleted image", {{"fingerprint", full}, {"project", "default"}});
}

std::vector<std::string> ImageStore::remove_expired(schema::Time unused_since, const base::CancelToken& cancel) {
    std::vector<std::string> removed;
    for (const auto& image : rows_.list()) {
        const auto last_use = std::max(image.last_used_at, image.uploaded_at);
        if (!image.cached || last_use > unused_since) continue;
        cancel.check();
        remove(image.fingerprint);
        removed.push_back(image.fingerprint);
    }
    return removed;
}

Export ImageStore::open_export(const std::string& fingerprint) const {
    const auto full = get(fingerprint).fingerprint;
    const auto path = file(full);
    const auto filename = full + extension_of(path);
    const auto root = root_file(full);
    if (!base::exists(root)) return Export({{"", filename, path}});
    return Export({{"metadata", "meta-" + filename, path}, {"rootfs", full + extension_of(root), root}});
}

schema::ImageAliasEntry ImageStore::alias(const std::string& name) const {
    auto alias = rows_.find_alias(name);
    if (!alias) throw schema::not_found("Image alias not found");
    return *std::move(alias);
}

void ImageStore::add_alias(schema::ImageAliasEntry alias) {
    if (alias.target.empty()) throw schema::bad_request("name and target are required");
    schema::check_alias_name(alias.name);
    if (rows_.find_alias(alias.name)) throw schema::conflict("Alias \"{}\" already exists", alias.name);
    alias.target = get(alias.target).fingerprint;
    rows_.insert_alias(alias);
}

void ImageStore::update_alias(const std::string& name, schema::ImageAliasEntry alias) {
    if (alias.target.empty()) throw schema::bad_request("The target field is required");
    this->alias(name);
    alias.target = get(alias.target).fingerprint;
    rows_.update_alias(name, alias);
}

void ImageStore::rename_alias(const std::string& name, const std::string& new_name) {
    schema::check_alias_name(new_name);
    if (rows_.find_alias(new_name)) throw schema::conflict("Alias \"{}\" already exists", new_name);
    alias(name);
    rows_.rename_alias(name, new_name);
}

void ImageStore::remove_alias(const std::string& name) {
    alias(name);
    rows_.remove_alias(name);
}

} // namespace images
