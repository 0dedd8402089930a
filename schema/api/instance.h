#pragma once
// /1.0/instances (and /1.0/containers): the instance, its state, and the bodies of the calls on it.

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "schema/config.h"
#include "schema/json.h"
#include "schema/status.h"

namespace schema {

struct InstancePut {
    std::string architecture; // "x86_64"
    Config config;
    Devices devices;
    bool ephemeral = false;
    std::vector<std::string> profiles; // in order of application
    std::string restore;               // snapshot to restore; PUT only
    bool stateful = false;
    std::string description;

    bool operator==(const InstancePut&) const = default;
};

struct Instance : InstancePut {
    Time created_at;
    Config expanded_config;
    Devices expanded_devices;
    std::string name;
    Status status = Status::stopped;
    Time last_used_at;
    std::string location = "none";
    std::string type = "container";
    std::string project = "default";
};

struct InstanceSource {
    std::string type; // "image", "migration", "copy" or "none"
    std::string certificate;
    std::string alias;
    std::string fingerprint;
    Config properties;
    std::string server;
    std::string secret;
    std::string protocol;
    std::string base_image;
    std::string mode;
    std::string operation;
    std::map<std::string, std::string> secrets;
    std::string source;
    bool live = false;
    bool instance_only = false;
    bool refresh = false;
    std::string project;
};

/// POST /1.0/instances. `profiles` is nothing where the member is missing or null: then "default" is meant.
struct InstancesPost : InstancePut {
    std::string name;
    InstanceSource source;
    std::string instance_type;
    std::string type;
    std::optional<std::vector<std::string>> wanted_profiles;
};

struct InstanceStatePut {
    std::string action; // "start", "stop", "restart", "freeze" or "unfreeze"
    int timeout = -1;   // seconds; -1 waits for ever, 0 kills
    bool force = false;
    bool stateful = false;
};

struct NetworkAddress {
    std::string family; // "inet" or "inet6"
    std::string address;
    std::string netmask; // prefix length in decimal
    std::string scope;   // "local", "link" or "global"
};

struct NetworkCounters {
    int64_t bytes_received = 0;
    int64_t bytes_sent = 0;
    int64_t packets_received = 0;
    int64_t packets_sent = 0;
    int64_t errors_received = 0;
    int64_t errors_sent = 0;
    int64_t packets_dropped_outbound = 0;
    int64_t packets_dropped_inbound = 0;
};

struct NetworkState {
    std::vector<NetworkAddress> addresses;
    NetworkCounters counters;
    std::string hwaddr;
    std::string host_name; // of the peer on the host, where there is one
    int mtu = 0;
    std::string state; // "up" or "down"
    std::string type;  // "broadcast", "loopback", "point-to-point" or "unknown"
};

struct InstanceState {
    Status status = Status::stopped;
    std::optional<std::map<std::string, int64_t>> disk; // device -> bytes used; nothing: null
    int64_t memory_usage = 0;                           // bytes, as the next three
    int64_t memory_usage_peak = 0;
    int64_t swap_usage = 0;
    int64_t swap_usage_peak = 0;
    std::optional<std::map<std::string, NetworkState>> network; // nothing: null (not running)
    int64_t pid = 0;
    int64_t processes = 0;
    int64_t cpu_usage = 0; // nanoseconds
};

struct InstanceExecPost {
    std::vector<std::string> command;
    bool wait_for_websocket = false;
    bool interactive = false;
    std::map<std::string, std::string> environment;
    int width = 0;
    int height = 0;
    bool record_output = false;
    uint32_t user = 0;
    uint32_t group = 0;
    std::string cwd;
};

Json to_json(const InstancePut& instance);
Json to_json(const Instance& instance);
Json to_json(const InstanceState& state);
/// What is missing stays as in `base`: an empty one for PUT, the present instance for PATCH.
InstancePut instance_put_from(const Json& value, InstancePut base = {});
Instance instance_from(const Json& value);
InstancesPost instances_post_from(const Json& value);
InstanceStatePut instance_state_put_from(const Json& value);
InstanceState instance_state_from(const Json& value);
InstanceExecPost instance_exec_post_from(const Json& value);

} // namespace schema
