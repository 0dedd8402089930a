#pragma once
// Rows of the server's configuration.

#include <mutex>

#include "daemon/state/database.h"
#include "schema/config.h"

namespace state {

class ServerConfig {
public:
    explicit ServerConfig(Database& database) : database_(database) {}

    schema::Config get() const;
    void replace(const schema::Config& config);
    /// To be held by whoever replaces it, from the look at what it is to the end.
    std::unique_lock<std::mutex> change() { return std::unique_lock(changing_); }

private:
    Database& database_;
    std::mutex changing_;
};

} // namespace state
