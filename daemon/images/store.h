#pragma once
// The images of this daemon: their files in LXD_DIR/images, their rows and aliases. Called by api, and by instance to
// find what a container is made of. Everything is thread-safe.

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/log.h"
#include "daemon/images/export.h"
#include "daemon/images/upload.h"
#include "daemon/state/images.h"
#include "daemon/state/profiles.h"
#include "daemon/storage/daemon_folder.h"
#include "daemon/storage/keyed_lock.h"
#include "daemon/storage/pool.h"
#include "schema/api/image.h"

namespace images {

class ImageStore {
public:
    ImageStore(storage::DaemonFolder& folder, state::Images& rows, state::Profiles& profiles, storage::Pools& pools,
               base::Log& log);

    /// When the folder is opened: removes interrupted uploads and files of images that are in no row.
    void clean_up();

    /// Stores a request's body, before the operation of its import is made. Throws what the body's source throws.
    Upload receive(UploadHeaders headers, const ByteSource& body) const;
    /// Checks an upload and makes it an image. Throws bad_request with the reason where it is none, conflict "Image
    /// with same fingerprint already exists" (LXD's operation then has fingerprint and size in its metadata all the
    /// same). Nothing is left of a refused upload.
    schema::Image import(Upload upload, const base::CancelToken& cancel);

    /// Makes an image of a file that `write` writes to the descriptor that it is given, and calls `describe` for what
    /// it is: fingerprint, size, aliases and times are filled in here. All or nothing, its aliases included. Throws
    /// failure "The image already exists: FINGERPRINT" and "Alias already exists: NAME".
    schema::Image publish(const std::function<void(int file)>& write, const std::function<schema::Image()>& describe,
                          const base::CancelToken& cancel);

    std::vector<schema::Image> list() const { return rows_.list(); }
    /// By full or partial fingerprint. Throws not_found "Image not found", bad_request where several match.
    schema::Image get(const std::string& fingerprint) const;
    /// An alias, else a full or partial fingerprint. Throws not_found.
    schema::Image resolve(const std::string& alias_or_fingerprint) const;
    /// The image was used for a new container just now.
    void touch(const std::string& fingerprint);
    /// Throws bad_request for a profile that is not there. A zero `expires_at` leaves the present one.
    void update(const std::string& fingerprint, schema::ImagePut put);
    /// With its unpacked copies and aliases.
    void remove(const std::string& fingerprint);
    /// Removes images that were only kept for a launch and not used since `unused_since`; returns their fingerprints.
    std::vector<std::string> remove_expired(schema::Time unused_since, const base::CancelToken& cancel);
    Export open_export(const std::string& fingerprint) const;

    std::vector<schema::ImageAliasEntry> aliases() const { return rows_.aliases(); }
    /// Throws not_found "Image alias not found".
    schema::ImageAliasEntry alias(const std::string& name) const;
    /// Throws conflict `Alias "NAME" already exists`; the target may be a partial fingerprint.
    void add_alias(schema::ImageAliasEntry alias);
    void update_alias(const std::string& name, schema::ImageAliasEntry alias);
    void rename_alias(const std::string& name, const std::string& new_name);
    void remove_alias(const std::string& name);

private:
    std::string file(const std::string& fingerprint) const { return folder_.path() + "/" + fingerprint; }
    std::string root_file(const std::string& fingerprint) const { return file(fingerprint) + ".rootfs"; }
    void insert(const Upload& upload, const schema::Image& image);
    void insert_published(const std::string& from, const schema::Image& image);

    storage::DaemonFolder& folder_;
    state::Images& rows_;
    state::Profiles& profiles_;
    storage::Pools& pools_;
    base::Log& log_;
    storage::KeyedLock changing_; // by fingerprint: one import or removal at a time
};

} // namespace images
