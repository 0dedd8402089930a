#pragma once
// /1.0: the server's configuration, what it can do and what it runs on.

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"

namespace schema {

/// What /1.0 and `lxd --version` give as the version: that of the LXD whose API this is, because clients derive what to
/// expect from it and scripts compare it.
inline constexpr std::string_view server_version = "5.0.2";

struct StorageDriverInfo {
    std::string name;
    std::string version;
    bool remote = false;

    bool operator==(const StorageDriverInfo&) const = default;
};

struct ServerEnvironment {
    std::vector<std::string> addresses;
    std::vector<std::string> architectures;
    std::string certificate; // PEM
    std::string certificate_fingerprint;
    std::string driver;
    std::string driver_version;
    std::string firewall; // "nftables" or "xtables"
    std::string kernel;
    std::string kernel_architecture;
    std::map<std::string, std::string> kernel_features; // "true" or "false", as lxc_features
    std::string kernel_version;
    std::map<std::string, std::string> lxc_features;
    std::string os_name;
    std::string os_version;
    std::string project = "default";
    std::string server = "lxd";
    bool server_clustered = false;
    std::string server_event_mode = "full-mesh";
    std::string server_name;
    int64_t server_pid = 0;
    std::string server_version{schema::server_version};
    std::string storage; // the drivers in use: "dir | zfs"
    std::string storage_version;
    std::vector<StorageDriverInfo> storage_supported_drivers;
};

/// The names of the table api_extensions.
std::vector<std::string> announced_extensions();

struct Server {
    Config config;
    std::vector<std::string> api_extensions = announced_extensions();
    std::string api_status = "stable";
    std::string api_version = "1.0";
    std::string auth = "trusted"; // or "untrusted"
    bool is_public = false;
    std::vector<std::string> auth_methods{"tls"};
    ServerEnvironment environment;
};

Json to_json(const ServerEnvironment& environment);
/// An untrusted caller sees neither configuration nor environment.
Json to_json(const Server& server);
/// For clients: takes what a server of any age sends. A setting that is no text (core.trust_password: true) becomes
/// one.
Server server_from(const Json& value);

} // namespace schema
