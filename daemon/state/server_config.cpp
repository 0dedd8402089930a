#include "daemon/state/server_config.h"

#include "daemon/state/connection.h"

namespace state {

schema::Config ServerConfig::get() const {
    schema::Config config;
    database_.with([&](Connection& connection) {
        Query rows(connection, "SELECT key, value FROM config");
        while (rows.next()) config.emplace(rows.text(0), rows.text(1));
    });
    return config;
}

void ServerConfig::replace(const schema::Config& config) {
    database_.write([&](Connection& connection) {
        Query(connection, "DELETE FROM config").run();
        for (const auto& [key, value] : config)
            Query(connection, "INSERT INTO config (key, value) VALUES (?, ?)", key, value).run();
    });
}

} // namespace state
