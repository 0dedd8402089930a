#pragma once
// Rows of the server's configuration.

#include "daemon/state/database.h"
#include "schema/config.h"

namespace state {

class ServerConfig {
public:
    explicit ServerConfig(Database& database) : database_(database) {}

    schema::Config get() const;
    void replace(const schema::Config& config);

private:
    Database& database_;
};

} // namespace state
