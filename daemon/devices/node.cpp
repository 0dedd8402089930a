#include "daemon/devices/node.h"

#include <algorithm>

#include <fmt/format.h>

#include "daemon/base/rollback.h"
#include "daemon/devices/node_files.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

std::string rule(const DeviceNumbers& numbers) {
    return fmt::format("{} {}:{} rwm", numbers.kind, numbers.major, numbers.minor);
}

/// 0 where a container needs no leave to open devices: its root may not make nodes, and has only those it was given.
int rules_version(const Owner& owner, NodeHost& host) {
    return owner.privileged() && host.may_make_nodes() ? host.cgroup_version("devices") : 0;
}

int64_t host_id(const Owner& owner, schema::IdKind kind, const std::string& option) {
    const auto id = schema::parse_integer(option).value_or(0);
    return schema::on_host(owner.id_map, kind, id).value_or(id);
}

/// Cards of one vendor share nodes, which a container has once.
bool has_other(const Owner& owner, DeviceHost& host, const std::string& own_prefix, const std::string& path) {
    const auto names = host.nodes().names_in(owner.devices_path);
    return std::ranges::any_of(
        names, [&](const std::string& name) { return !name.starts_with(own_prefix) && path_of_node(name) == path; });
}

std::string inside(const std::string& path) {
    return "/" + std::string(relative(path));
}

} // namespace

void NodeDevice::check() const {
    Device::check();
    for (const auto* key : {"path", "pathrm", "source"})
        if (leads_up(option(key)))
            throw schema::bad_request("Invalid value for device option {}: Cannot contain \"..\"", schema::quoted(key));
}

std::string NodeDevice::file_prefix() const {
    return node_prefix(prefix(), name());
}

std::string NodeDevice::file_of(const Node& node) const {
    return file_prefix() + encoded_path(relative(node.path));
}

std::vector<std::string> NodeDevice::files(const Owner& owner, DeviceHost& host) const {
    auto names = host.nodes().names_in(owner.devices_path);
    std::erase_if(names, [own = file_prefix()](const std::string& name) { return !name.starts_with(own); });
    return names;
}

void NodeDevice::make(const Owner& owner, DeviceHost& host, const Node& node) const {
    auto& nodes = host.nodes();
    if (!nodes.may_make_nodes())
        for (const auto* key : {"major", "minor", "mode", "uid", "gid"})
            if (!option(key).empty())
                throw schema::bad_request(
                    "The \"{}\" property may not be set when adding a device to a nested container", key);
    NewNode made;
    made.file = owner.devices_path + "/" + file_of(node);
    made.source = node.found.path;
    made.numbers = node.found.numbers;
    const auto& mode = option("mode");
    made.mode = mode.empty() ? node.found.mode : static_cast<unsigned>(std::stoul(mode, nullptr, 8));
    made.uid = host_id(owner, schema::IdKind::uid, option("uid"));
    made.gid = host_id(owner, schema::IdKind::gid, option("gid"));
    nodes.make_node(made);
}

Start NodeDevice::start(const Owner& owner, DeviceHost& host, int) const {
    return start_nodes(owner, host, nodes(owner, host, true));
}

Start NodeDevice::start_nodes(const Owner& owner, DeviceHost& host, const std::vector<Node>& wanted) const {
    Start start;
    base::Rollback rollback;
    rollback.add([&] { NodeDevice::stopped(owner, host); });
    const auto version = rules_version(owner, host.nodes());
    for (const auto& node : wanted) {
        const bool shown = has_other(owner, host, file_prefix(), inside(node.path));
        make(owner, host, node);
        if (shown) continue;
        start.items.push_back({"lxc.mount.entry", fmt::format("{} {} none bind,create=file 0 0",
                                                              mount_field(owner.devices_path + "/" + file_of(node)),
                                                              mount_field(relative(node.path)))});
        if (version != 0)
            start.items.push_back(
                {version == 2 ? "lxc.cgroup2.devices.allow" : "lxc.cgroup.devices.allow", rule(node.found.numbers)});
    }
    rollback.dismiss();
    return start;
}

schema::Config NodeDevice::stopped(const Owner& owner, DeviceHost& host) const {
    for (const auto& file : files(owner, host)) host.nodes().remove_node(owner.devices_path + "/" + file);
    return {};
}

void NodeDevice::attach_one(const Owner& owner, DeviceHost& host, const Node& node) const {
    const bool shown = has_other(owner, host, file_prefix(), inside(node.path));
    const auto file = owner.devices_path + "/" + file_of(node);
    base::Rollback rollback;
    rollback.add([&] { host.nodes().remove_node(file); });
    make(owner, host, node);
    if (!shown) {
        MountOrder order;
        order.source = file;
        order.target = inside(node.path);
        host.attach_mount(owner.instance, order);
        rollback.add([&] { host.detach_mount(owner.instance, order.target); });
        if (rules_version(owner, host.nodes()) != 0)
            host.nodes().set_cgroup(owner.instance, "devices.allow", rule(node.found.numbers));
    }
    rollback.dismiss();
}

void NodeDevice::detach_one(const Owner& owner, DeviceHost& host, const std::string& file) const {
    const auto path = path_of_node(file);
    const auto full = owner.devices_path + "/" + file;
    if (!has_other(owner, host, file_prefix(), path)) {
        host.detach_mount(owner.instance, path);
        const auto made = host.nodes().find_node(full);
        if (made && rules_version(owner, host.nodes()) != 0)
            host.nodes().set_cgroup(owner.instance, "devices.deny", rule(made->numbers));
    }
    host.nodes().remove_node(full);
}

void NodeDevice::attach_nodes(const Owner& owner, DeviceHost& host, const std::vector<Node>& wanted) const {
    base::Rollback rollback;
    for (const auto& node : wanted) {
        attach_one(owner, host, node);
        rollback.add([&, file = file_of(node)] { detach_one(owner, host, file); });
    }
    rollback.dismiss();
}

schema::Config NodeDevice::attach(const Owner& owner, DeviceHost& host) const {
    attach_nodes(owner, host, nodes(owner, host, true));
    return {};
}

schema::Config NodeDevice::detach(const Owner& owner, DeviceHost& host) const {
    for (const auto& file : files(owner, host)) detach_one(owner, host, file);
    return {};
}

bool NodeDevice::is_current(const Owner& owner, DeviceHost& host, const Node& node) const {
    const auto made = host.nodes().find_node(owner.devices_path + "/" + file_of(node));
    return made && made->numbers == node.found.numbers;
}

NodeDevice::Difference NodeDevice::difference(const Owner& owner, DeviceHost& host) const {
    Difference found{files(owner, host), nodes(owner, host, false)};
    std::erase_if(found.fresh, [&](const Node& node) {
        if (!is_current(owner, host, node)) return false;
        std::erase(found.gone, file_of(node));
        return true;
    });
    return found;
}

bool NodeDevice::is_outdated(const Owner& owner, DeviceHost& host) const {
    const auto found = difference(owner, host);
    return !found.gone.empty() || !found.fresh.empty();
}

void NodeDevice::follow(const Owner& owner, DeviceHost& host) const {
    const auto found = difference(owner, host);
    for (const auto& file : found.gone) detach_one(owner, host, file);
    attach_nodes(owner, host, found.fresh);
}

} // namespace devices
