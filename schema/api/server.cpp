#include "schema/api/server.h"

#include "schema/api_extensions.h"

namespace schema {

namespace {

Json to_json(const StorageDriverInfo& driver) {
    Json json; // LXD's own spelling
    json.set("Name", driver.name).set("Version", driver.version).set("Remote", driver.remote);
    return json;
}

std::vector<StorageDriverInfo> drivers_from(const Json& value) {
    std::vector<StorageDriverInfo> drivers;
    if (!value.is_array()) return drivers;
    for (const auto& element : value.as_array()) {
        StorageDriverInfo driver;
        json::read(element, "Name", driver.name);
        json::read(element, "Version", driver.version);
        json::read(element, "Remote", driver.remote);
        drivers.push_back(std::move(driver));
    }
    return drivers;
}

ServerEnvironment environment_from(const Json& value) {
    ServerEnvironment environment;
    json::read(value, "addresses", environment.addresses);
    json::read(value, "architectures", environment.architectures);
    json::read(value, "certificate", environment.certificate);
    json::read(value, "certificate_fingerprint", environment.certificate_fingerprint);
    json::read(value, "driver", environment.driver);
    json::read(value, "driver_version", environment.driver_version);
    json::read(value, "firewall", environment.firewall);
    json::read(value, "kernel", environment.kernel);
    json::read(value, "kernel_architecture", environment.kernel_architecture);
    json::read(value, "kernel_features", environment.kernel_features);
    json::read(value, "kernel_version", environment.kernel_version);
    json::read(value, "lxc_features", environment.lxc_features);
    json::read(value, "os_name", environment.os_name);
    json::read(value, "os_version", environment.os_version);
    json::read(value, "project", environment.project);
    json::read(value, "server", environment.server);
    json::read(value, "server_clustered", environment.server_clustered);
    json::read(value, "server_event_mode", environment.server_event_mode);
    json::read(value, "server_name", environment.server_name);
    json::read(value, "server_pid", environment.server_pid);
    environment.server_version.clear();
    json::read(value, "server_version", environment.server_version);
    json::read(value, "storage", environment.storage);
    json::read(value, "storage_version", environment.storage_version);
    environment.storage_supported_drivers = drivers_from(value["storage_supported_drivers"]);
    return environment;
}

Config config_from(const Json& value) {
    Config config;
    if (!value.is_object()) return config;
    for (const auto& [key, setting] : value.as_object()) {
        if (!setting.is_null()) config[key] = setting.is_string() ? setting.as_string() : setting.dump();
    }
    return config;
}

} // namespace

std::vector<std::string> announced_extensions() {
    std::vector<std::string> names;
    for (const auto& extension : api_extensions()) names.emplace_back(extension.name);
    return names;
}

Json to_json(const ServerEnvironment& environment) {
    Json::Array drivers;
    for (const auto& driver : environment.storage_supported_drivers) drivers.push_back(to_json(driver));
    Json json;
    json.set("addresses", environment.addresses)
        .set("architectures", environment.architectures)
        .set("certificate", environment.certificate)
        .set("certificate_fingerprint", environment.certificate_fingerprint)
        .set("driver", environment.driver)
        .set("driver_version", environment.driver_version)
        .set("firewall", environment.firewall)
        .set("kernel", environment.kernel)
        .set("kernel_architecture", environment.kernel_architecture)
        .set("kernel_features", environment.kernel_features)
        .set("kernel_version", environment.kernel_version)
        .set("lxc_features", environment.lxc_features)
        .set("os_name", environment.os_name)
        .set("os_version", environment.os_version)
        .set("project", environment.project)
        .set("server", environment.server)
        .set("server_clustered", environment.server_clustered)
        .set("server_event_mode", environment.server_event_mode)
        .set("server_name", environment.server_name)
        .set("server_pid", environment.server_pid)
        .set("server_version", environment.server_version)
        .set("storage", environment.storage)
        .set("storage_version", environment.storage_version)
        .set("storage_supported_drivers", std::move(drivers));
    return json;
}

Json to_json(const Server& server) {
    const bool trusted = server.auth == "trusted";
    Json json;
    if (trusted) json.set("config", server.config);
    json.set("api_extensions", server.api_extensions)
        .set("api_status", server.api_status)
        .set("api_version", server.api_version)
        .set("auth", server.auth)
        .set("public", server.is_public)
        .set("auth_methods", server.auth_methods);
    if (trusted) json.set("environment", to_json(server.environment));
    return json;
}

Server server_from(const Json& value) {
    value.as_object();
    Server server;
    server.config = config_from(value["config"]);
    server.api_extensions.clear();
    json::read(value, "api_extensions", server.api_extensions);
    json::read(value, "api_status", server.api_status);
    json::read(value, "api_version", server.api_version);
    server.auth.clear();
    json::read(value, "auth", server.auth);
    json::read(value, "public", server.is_public);
    json::read(value, "auth_methods", server.auth_methods);
    if (value["environment"].is_object()) server.environment = environment_from(value["environment"]);
    return server;
}

} // namespace schema
