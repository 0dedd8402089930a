#pragma once
// /1.0/storage-pools and their volumes.

#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace schema {

struct StoragePoolPut {
    Config config;
    std::string description;

    bool operator==(const StoragePoolPut&) const = default;
};

struct StoragePool : StoragePoolPut {
    std::string name;
    std::string driver;
    std::vector<std::string> used_by; // URLs
    std::string status = "Created";
    std::vector<std::string> locations{"none"};
};

struct StorageVolume {
    Config config;
    std::string description;
    std::string name;
    std::string type; // "container", "image" or "custom"
    std::vector<std::string> used_by;
    std::string location = "none";
    std::string content_type = "filesystem";
    std::string project = "default";
    Time created_at;
};

Json to_json(const StoragePoolPut& pool);
Json to_json(const StoragePool& pool);
Json to_json(const StorageVolume& volume);
StoragePoolPut storage_pool_put_from(const Json& value, StoragePoolPut base = {});
StoragePool storage_pool_from(const Json& value);
StorageVolume storage_volume_from(const Json& value);

} // namespace schema
