#include <algorithm>
#include <array>

#include "daemon/commands/init_plan.h"
#include "schema/error.h"

namespace commands {

namespace {

using schema::Json;

constexpr std::array known_drivers{"btrfs", "dir", "lvm", "overlay", "zfs"};
constexpr int https_port = 8443;

template <class Range> bool contains(const Range& range, const std::string& word) {
    return std::ranges::any_of(range, [&](const auto& one) { return word == one; });
}

bool sets_storage(const InitOptions& options) {
    return !options.storage_backend.empty() || !options.storage_device.empty() || options.storage_loop != -1 ||
           !options.storage_pool.empty();
}

bool configures(const InitOptions& options) {
    return sets_storage(options) || !options.network_address.empty() || options.network_port != -1 ||
           !options.trust_password.empty();
}

void fail_if(bool wrong, const std::string& words) {
    if (wrong) throw schema::bad_request("{}", words);
}

void check_storage(const InitOptions& options, const InitFacts& facts) {
    const auto& driver = options.storage_backend;
    fail_if(!driver.empty() && !contains(known_drivers, driver),
            fmt::format("The requested backend '{}' isn't supported by lxd init", driver));
    fail_if(!driver.empty() && !contains(facts.drivers, driver),
            fmt::format("The requested backend '{}' isn't available on your system (missing tools)", driver));
    const bool plain = driver.empty() || driver == "dir" || driver == "overlay";
    fail_if(plain && (options.storage_loop != -1 || !options.storage_device.empty() || !options.storage_pool.empty()),
            fmt::format("None of --storage-pool, --storage-create-device or --storage-create-loop may be used with the "
                        "'{}' backend",
                        driver.empty() ? "dir" : driver));
    fail_if(options.storage_loop != -1 && !options.storage_device.empty(),
            "Only one of --storage-create-device or --storage-create-loop can be specified");
    fail_if(!facts.pools.empty() && sets_storage(options), "Storage has already been configured");
}

Json new_pool(const InitOptions& options) {
    auto config = Json::empty_object();
    const bool creates = !options.storage_device.empty() || options.storage_loop != -1;
    if (!options.storage_device.empty())
        config.set("source", options.storage_device);
    else if (options.storage_loop > 0)
        config.set("size", fmt::format("{}GB", options.storage_loop));
    else if (!options.storage_pool.empty())
        config.set("source", options.storage_pool);
    Json pool;
    pool.set("name", creates && !options.storage_pool.empty() ? options.storage_pool : "default");
    pool.set("driver", options.storage_backend.empty() ? "dir" : options.storage_backend);
    pool.set("config", std::move(config));
    return pool;
}

std::string listen_address(const InitOptions& options) {
    const bool v6 = options.network_address.find(':') != std::string::npos;
    const auto port = options.network_port == -1 ? https_port : options.network_port;
    return v6 ? fmt::format("[{}]:{}", options.network_address, port)
              : fmt::format("{}:{}", options.network_address, port);
}

} // namespace

void check_options(const InitOptions& options) {
    fail_if(options.automatic && options.preseed, "Can't use --auto and --preseed together");
    fail_if(options.minimal && options.preseed, "Can't use --minimal and --preseed together");
    fail_if(options.minimal && options.automatic, "Can't use --minimal and --auto together");
    fail_if(!options.automatic && configures(options), "Configuration flags require --auto");
    fail_if(options.dump && (options.automatic || options.minimal || options.preseed),
            "Can't use --dump with other flags");
}

Json automatic_preseed(const InitOptions& options, const InitFacts& facts) {
    check_storage(options, facts);
    const bool listens = !options.network_address.empty();
    fail_if(!listens && options.network_port != -1, "--network-port can't be used without --network-address");
    fail_if(!listens && !options.trust_password.empty(), "--trust-password can't be used without --network-address");
    auto preseed = Json::empty_object();
    auto config = Json::empty_object();
    if (listens) config.set("core.https_address", listen_address(options));
    if (!options.trust_password.empty()) config.set("core.trust_password", options.trust_password);
    preseed.set("config", std::move(config));
    std::string pool = facts.pools.empty() ? "" : facts.pools.front();
    if (pool.empty()) {
        auto made = new_pool(options);
        pool = made["name"].as_string();
        preseed.set("storage_pools", Json(Json::Array{std::move(made)}));
    }
    if (facts.has_root_disk) return preseed;
    Json root;
    root.set("type", "disk").set("path", "/").set("pool", pool);
    Json devices;
    devices.set("root", std::move(root));
    Json profile;
    profile.set("name", "default").set("devices", std::move(devices));
    preseed.set("profiles", Json(Json::Array{std::move(profile)}));
    return preseed;
}

} // namespace commands
