#pragma once
// Rows of images and their aliases.

#include <optional>
#include <string>
#include <vector>

#include "daemon/state/database.h"
#include "schema/api/image.h"

namespace state {

class Images {
public:
    explicit Images(Database& database) : database_(database) {}

    std::vector<schema::Image> list() const; // by upload time, aliases included
    /// A full or unique partial fingerprint. Throws bad_request when several match; nothing when none does.
    std::optional<schema::Image> find(const std::string& fingerprint_prefix) const;
    /// Throws conflict where the fingerprint is there. Aliases in it are ignored.
    void insert(const schema::Image& image);
    /// With its aliases, all or nothing.
    void insert_with_aliases(const schema::Image& image);
    void update(const std::string& fingerprint, const schema::ImagePut& put);
    void touch(const std::string& fingerprint, schema::Time last_used_at);
    void remove(const std::string& fingerprint);

    std::vector<schema::ImageAliasEntry> aliases() const; // by name
    std::optional<schema::ImageAliasEntry> find_alias(const std::string& name) const;
    /// Throws conflict where the name is taken, not_found for an unknown target.
    void insert_alias(const schema::ImageAliasEntry& alias);
    void update_alias(const std::string& name, const schema::ImageAliasEntry& alias); // description and target
    void rename_alias(const std::string& name, const std::string& new_name);
    void remove_alias(const std::string& name);

    /// Pools on which an image is unpacked.
    std::vector<std::string> pools_of(const std::string& fingerprint) const;
    /// Fingerprints of the images that are unpacked on a pool, sorted.
    std::vector<std::string> unpacked_on(const std::string& pool) const;
    void add_to_pool(const std::string& fingerprint, const std::string& pool);
    void remove_from_pool(const std::string& fingerprint, const std::string& pool);

private:
    Database& database_;
};

} // namespace state
