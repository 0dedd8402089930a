#pragma once
// What disk devices need of custom volumes. The daemon's is instance/volume_users.h; tests use a fake.

#include <string>

#include "schema/id_map.h"

namespace devices {

/// A device of an instance that runs or is about to.
struct VolumeUser {
    std::string instance;
    std::string device;
    schema::IdMap id_map; // of the instance
};

struct VolumeUse {
    std::string path;
    bool idmapped = false; // whether it is to be mounted with the instance's map
};

class VolumeHost {
public:
    virtual ~VolumeHost() = default;

    /// Throws where there is no such volume, or containers cannot have it.
    virtual void check(const std::string& pool, const std::string& volume) = 0;
    virtual std::string path(const std::string& pool, const std::string& volume) = 0;
    /// Makes its files usable to the instance until `release`; idempotent.
    virtual VolumeUse use(const std::string& pool, const std::string& volume, const VolumeUser& user) = 0;
    /// Not an error where it does not use it.
    virtual void release(const std::string& pool, const std::string& volume, const VolumeUser& user) = 0;
};

} // namespace devices
