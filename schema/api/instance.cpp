#include "schema/api/instance.h"

namespace schema {

namespace {

void read_put(const Json& value, InstancePut& put) {
    value.as_object();
    json::read(value, "architecture", put.architecture);
    json::read(value, "config", put.config);
    json::read(value, "devices", put.devices);
    json::read(value, "ephemeral", put.ephemeral);
    json::read(value, "profiles", put.profiles);
    json::read(value, "restore", put.restore);
    json::read(value, "stateful", put.stateful);
    json::read(value, "description", put.description);
}

InstanceSource source_from(const Json& value) {
    InstanceSource source;
    json::read(value, "type", source.type);
    json::read(value, "certificate", source.certificate);
    json::read(value, "alias", source.alias);
    json::read(value, "fingerprint", source.fingerprint);
    json::read(value, "properties", source.properties);
    json::read(value, "server", source.server);
    json::read(value, "secret", source.secret);
    json::read(value, "protocol", source.protocol);
    json::read(value, "base-image", source.base_image);
    json::read(value, "mode", source.mode);
    json::read(value, "operation", source.operation);
    json::read(value, "secrets", source.secrets);
    json::read(value, "source", source.source);
    json::read(value, "live", source.live);
    json::read(value, "instance_only", source.instance_only);
    bool container_only = false;
    json::read(value, "container_only", container_only);
    source.instance_only = source.instance_only || container_only;
    json::read(value, "refresh", source.refresh);
    json::read(value, "project", source.project);
    return source;
}

Json counters_json(const NetworkCounters& counters) {
    Json json;
    json.set("bytes_received", counters.bytes_received)
        .set("bytes_sent", counters.bytes_sent)
        .set("packets_received", counters.packets_received)
        .set("packets_sent", counters.packets_sent)
        .set("errors_received", counters.errors_received)
        .set("errors_sent", counters.errors_sent)
        .set("packets_dropped_outbound", counters.packets_dropped_outbound)
        .set("packets_dropped_inbound", counters.packets_dropped_inbound);
    return json;
}

NetworkCounters counters_from(const Json& value) {
    NetworkCounters counters;
    json::read(value, "bytes_received", counters.bytes_received);
    json::read(value, "bytes_sent", counters.bytes_sent);
    json::read(value, "packets_received", counters.packets_received);
    json::read(value, "packets_sent", counters.packets_sent);
    json::read(value, "errors_received", counters.errors_received);
    json::read(value, "errors_sent", counters.errors_sent);
    json::read(value, "packets_dropped_outbound", counters.packets_dropped_outbound);
    json::read(value, "packets_dropped_inbound", counters.packets_dropped_inbound);
    return counters;
}

Json network_json(const NetworkState& network) {
    auto addresses = Json::empty_array();
    for (const auto& address : network.addresses) {
        Json item;
        item.set("family", address.family)
            .set("address", address.address)
            .set("netmask", address.netmask)
            .set("scope", address.scope);
        addresses.push_back(std::move(item));
    }
    Json json;
    json.set("addresses", std::move(addresses))
        .set("counters", counters_json(network.counters))
        .set("hwaddr", network.hwaddr)
        .set("host_name", network.host_name)
        .set("mtu", network.mtu)
        .set("state", network.state)
        .set("type", network.type);
    return json;
}

NetworkState network_from(const Json& value) {
    NetworkState network;
    if (const auto* addresses = value.find("addresses"); addresses != nullptr && !addresses->is_null())
        for (const auto& item : addresses->as_array()) {
            auto& address = network.addresses.emplace_back();
            json::read(item, "family", address.family);
            json::read(item, "address", address.address);
            json::read(item, "netmask", address.netmask);
            json::read(item, "scope", address.scope);
        }
    if (const auto* counters = value.find("counters")) network.counters = counters_from(*counters);
    json::read(value, "hwaddr", network.hwaddr);
    json::read(value, "host_name", network.host_name);
    json::read(value, "mtu", network.mtu);
    json::read(value, "state", network.state);
    json::read(value, "type", network.type);
    return network;
}

} // namespace

Json to_json(const InstancePut& instance) {
    Json json;
    json.set("architecture", instance.architecture)
        .set("config", instance.config)
        .set("devices", instance.devices)
        .set("ephemeral", instance.ephemeral)
        .set("profiles", instance.profiles);
    if (!instance.restore.empty()) json.set("restore", instance.restore);
    json.set("stateful", instance.stateful).set("description", instance.description);
    return json;
}

Json to_json(const Instance& instance) {
    auto json = to_json(static_cast<const InstancePut&>(instance));
    json.set("created_at", instance.created_at);
    if (!instance.expanded_config.empty()) json.set("expanded_config", instance.expanded_config);
    if (!instance.expanded_devices.empty()) json.set("expanded_devices", instance.expanded_devices);
    json.set("name", instance.name)
        .set("status", status_name(instance.status))
        .set("status_code", static_cast<int>(instance.status))
        .set("last_used_at", rfc3339_since_1970(instance.last_used_at))
        .set("location", instance.location)
        .set("type", instance.type)
        .set("project", instance.project);
    return json;
}

Json to_json(const InstanceState& state) {
    Json disk;
    if (state.disk) {
        disk = Json::empty_object();
        for (const auto& [device, usage] : *state.disk) {
            Json item;
            item.set("usage", usage);
            disk.set(device, std::move(item));
        }
    }
    Json network;
    if (state.network) {
        network = Json::empty_object();
        for (const auto& [name, interface] : *state.network) network.set(name, network_json(interface));
    }
    Json memory;
    memory.set("usage", state.memory_usage)
        .set("usage_peak", state.memory_usage_peak)
        .set("swap_usage", state.swap_usage)
        .set("swap_usage_peak", state.swap_usage_peak);
    Json cpu;
    cpu.set("usage", state.cpu_usage);

    Json json;
    json.set("status", status_name(state.status))
        .set("status_code", static_cast<int>(state.status))
        .set("disk", std::move(disk))
        .set("memory", std::move(memory))
        .set("network", std::move(network))
        .set("pid", state.pid)
        .set("processes", state.processes)
        .set("cpu", std::move(cpu));
    return json;
}

InstancePut instance_put_from(const Json& value, InstancePut base) {
    read_put(value, base);
    return base;
}

Instance instance_from(const Json& value) {
    Instance instance;
    read_put(value, instance);
    json::read(value, "created_at", instance.created_at);
    json::read(value, "expanded_config", instance.expanded_config);
    json::read(value, "expanded_devices", instance.expanded_devices);
    json::read(value, "name", instance.name);
    int status = static_cast<int>(instance.status);
    json::read(value, "status_code", status);
    instance.status = static_cast<Status>(status);
    json::read(value, "last_used_at", instance.last_used_at);
    json::read(value, "location", instance.location);
    json::read(value, "type", instance.type);
    json::read(value, "project", instance.project);
    return instance;
}

InstancesPost instances_post_from(const Json& value) {
    InstancesPost post;
    read_put(value, post);
    json::read(value, "profiles", post.wanted_profiles);
    json::read(value, "name", post.name);
    json::read(value, "instance_type", post.instance_type);
    json::read(value, "type", post.type);
    if (const auto* source = value.find("source"); source != nullptr && !source->is_null()) {
        source->as_object();
        post.source = source_from(*source);
    }
    return post;
}

InstanceStatePut instance_state_put_from(const Json& value) {
    InstanceStatePut put;
    value.as_object();
    json::read(value, "action", put.action);
    json::read(value, "timeout", put.timeout);
    json::read(value, "force", put.force);
    json::read(value, "stateful", put.stateful);
    return put;
}

InstanceState instance_state_from(const Json& value) {
    InstanceState state;
    int status = static_cast<int>(state.status);
    json::read(value, "status_code", status);
    state.status = static_cast<Status>(status);
    if (const auto* disk = value.find("disk"); disk != nullptr && !disk->is_null()) {
        state.disk.emplace();
        for (const auto& [device, item] : disk->as_object()) json::read(item, "usage", (*state.disk)[device]);
    }
    const auto& memory = value["memory"];
    json::read(memory, "usage", state.memory_usage);
    json::read(memory, "usage_peak", state.memory_usage_peak);
    json::read(memory, "swap_usage", state.swap_usage);
    json::read(memory, "swap_usage_peak", state.swap_usage_peak);
    if (const auto* network = value.find("network"); network != nullptr && !network->is_null()) {
        state.network.emplace();
        for (const auto& [name, item] : network->as_object()) (*state.network)[name] = network_from(item);
    }
    json::read(value, "pid", state.pid);
    json::read(value, "processes", state.processes);
    json::read(value["cpu"], "usage", state.cpu_usage);
    return state;
}

InstanceExecPost instance_exec_post_from(const Json& value) {
    InstanceExecPost post;
    value.as_object();
    json::read(value, "command", post.command);
    json::read(value, "wait-for-websocket", post.wait_for_websocket);
    json::read(value, "interactive", post.interactive);
    json::read(value, "environment", post.environment);
    json::read(value, "width", post.width);
    json::read(value, "height", post.height);
    json::read(value, "record-output", post.record_output);
    json::read(value, "user", post.user);
    json::read(value, "group", post.group);
    json::read(value, "cwd", post.cwd);
    return post;
}

} // namespace schema
