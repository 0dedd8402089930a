#include "daemon/instance/start_plan.h"

#include <algorithm>
#include <array>
#include <set>

#include "daemon/base/files.h"
#include "daemon/base/rollback.h"
#include "daemon/devices/device.h"
#include "daemon/devices/disk_limits.h"
#include "daemon/devices/nic.h"
#include "daemon/devices/volume_host.h"
#include "daemon/instance/apparmor.h"
#include "daemon/instance/cpu_balance.h"
#include "daemon/instance/idmap.h"
#include "daemon/instance/live_hooks.h"
#include "daemon/instance/live_update.h"
#include "daemon/instance/lxc_config.h"
#include "daemon/instance/network_priority.h"
#include "daemon/instance/origins.h"
#include "daemon/instance/seccomp_policy.h"
#include "schema/error.h"
#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/keys/syscalls.h"
#include "schema/raw_lxc.h"

namespace instance {

void merge(schema::Config& config, const schema::Config& changes) {
    for (const auto& [key, value] : changes) {
        if (value.empty())
            config.erase(key);
        else
            config[key] = value;
    }
}

namespace {

/// The map that the container starts with next, as it was chosen when it last could change.
IdMap next_map(const Record& record) {
    return id_map_from(schema::get(record.expanded_config, "volatile.idmap.next"));
}

void look_for_ids(const Record& record, const Rooms& rooms) {
    (void)rooms.id_claims.look(record.row.name, record.expanded_config, host_ids(rooms.facts));
}

/// What its files have on disk.
IdMap map_on_disk(const Record& record) {
    return id_map_from(schema::get(record.expanded_config, "volatile.last_state.idmap"));
}

/// The map that it runs with, whatever was changed since.
IdMap current_map(const Record& record) {
    return id_map_from(schema::get(record.expanded_config, "volatile.idmap.current"));
}

Subject subject_of(const Record& record, IdMap id_map, const Rooms& rooms) {
    return {.name = record.row.name,
            .architecture = record.row.put.architecture,
            .config = record.expanded_config,
            .id_map = std::move(id_map),
            .paths = rooms.paths};
}

/// Whether a running instance other than `name` had a VLAN made that it uses.
bool made_vlan_for_other(const std::string& name, const std::string& parent, const std::string& vlan,
                         const Rooms& rooms) {
    for (const auto& instance : rooms.instances.list()) {
        const auto record = instance->record();
        if (record->row.name == name) continue;
        for (const auto& [device, options] : record->expanded_devices)
            if (schema::get(options, "type") == "nic" && schema::get(options, "parent") == parent &&
                schema::get(options, "vlan") == vlan &&
                schema::get(record->expanded_config, "volatile." + device + ".last_state.created") == "true")
                return true;
    }
    return false;
}

devices::Owner owner_of(const Record& record, IdMap id_map, const Rooms& rooms) {
    devices::Owner owner;
    owner.instance = record.row.name;
    owner.config = record.expanded_config;
    owner.rootfs = rooms.pools.rootfs_path(record.row.pool, record.row.name);
    owner.idmapped_rootfs = !id_map.empty() && !rooms.pools.maps_ids(record.row.pool) &&
                            !schema::same_ids(map_on_disk(record), id_map) &&
                            rooms.device_host.can_map_ids(owner.rootfs);
    owner.id_map = std::move(id_map);
    owner.devices_path = rooms.paths.devices(record.row.name);
    owner.devices = record.expanded_devices;
    owner.others_made_vlan = [&rooms, name = record.row.name](const std::string& parent, const std::string& vlan) {
        return made_vlan_for_other(name, parent, vlan, rooms);
    };
    return owner;
}

/// Puts LXD's words for a part of an order before what is wrong with it.
template <class Check> void check_part(std::string_view part, const Check& check) {
    try {
        check();
    } catch (const schema::Error& error) {
        throw schema::failure("{}: {}", part, error.what());
    }
}

/// For which no start fails.
void apply_network_priority(const Record& record, const Rooms& rooms) {
    if (schema::get(record.expanded_config, "limits.network.priority").empty()) return;
    try {
        set_network_priority(record, rooms);
    } catch (const std::exception& error) {
        rooms.log.error("Failed to apply network priority", {{"instance", record.row.name}, {"err", error.what()}});
    }
}

/// Starts the devices in order; what was started is cleared up again when one fails.
class StartedDevices {
public:
    StartedDevices(const Record& record, const IdMap& id_map, const Rooms& rooms)
        : owner_(owner_of(record, id_map, rooms)), host_(rooms.device_host) {}
    StartedDevices(const StartedDevices&) = delete;
    StartedDevices& operator=(const StartedDevices&) = delete;

    void start(const std::string& name, const schema::Device& options) {
        auto device = devices::make_device(name, options);
        check_part(fmt::format("Failed start validation for device {:?}", name),
                   [&] { device->check_host(owner_, host_); });
        devices::Start started;
        check_part(fmt::format("Failed to start device {:?}", name),
                   [&] { started = device->start(owner_, host_, nics_); });
        if (devices::is_network_device(options)) ++nics_;
        started_.push_back(std::move(device));
        for (auto& item : started.items) item.origin = "device " + name;
        items_.insert(items_.end(), started.items.begin(), started.items.end());
        merge(owner_.config, started.volatile_changes);
        for (auto& [key, value] : started.volatile_changes) changes_[key] = value;
        if (started.on_running) running_.emplace_back(name, std::move(started.on_running));
        if (started.after_start) after_.push_back(std::move(started.after_start));
    }
    void running() const {
        for (const auto& [name, step] : running_) check_part(fmt::format("Failed to start device {:?}", name), step);
    }
    void after() const {
        for (const auto& step : after_) step();
    }
    void undo() const {
        for (auto device = started_.rbegin(); device != started_.rend(); ++device) (*device)->stopped(owner_, host_);
    }
    void add_limits(const schema::Devices& all) {
        const auto version = host_.nodes().cgroup_version("blkio") != 0 ? 1 : 2;
        for (auto& item : devices::limit_items(devices::disk_limits(all, owner_, host_), version)) {
            item.origin = "limits of disks";
            items_.push_back(std::move(item));
        }
    }
    const Items& items() const { return items_; }
    const schema::Config& changes() const { return changes_; }

private:
    devices::Owner owner_;
    devices::DeviceHost& host_;
    int nics_ = 0;
    std::vector<std::unique_ptr<devices::Device>> started_;
    Items items_;
    schema::Config changes_;
    std::vector<std::pair<std::string, std::function<void()>>> running_;
    std::vector<std::function<void()>> after_;
};

schema::Config volatile_of_device(const schema::Config& config, const std::string& device) {
    const auto prefix = fmt::format("volatile.{}.", device);
    schema::Config chosen;
    for (const auto& [key, value] : config)
        if (key.starts_with(prefix)) chosen.emplace(key, value);
    return chosen;
}

/// Has the named devices tell what they will make.
Prepared prepare(const Record& wanted, const std::vector<std::string>& names, const Rooms& rooms) {
    Prepared prepared{wanted, {}};
    const auto owner = owner_of(wanted, current_map(wanted), rooms);
    for (const auto& name : names) {
        const auto device = devices::make_device(name, wanted.expanded_devices.at(name));
        check_part(fmt::format("Failed to start device {:?}", name), [&] {
            for (auto& [key, value] : device->prepare(owner, rooms.device_host)) prepared.changes[key] = value;
        });
    }
    merge(prepared.record.expanded_config, prepared.changes);
    return prepared;
}

/// Names in either map whose devices differ.
std::set<std::string> changed_devices(const schema::Devices& before, const schema::Devices& after) {
    std::set<std::string> changed;
    for (const auto& [name, options] : before)
        if (const auto found = after.find(name); found == after.end() || found->second != options) changed.insert(name);
    for (const auto& [name, options] : after)
        if (!before.contains(name)) changed.insert(name);
    return changed;
}

void write_cgroups(const std::string& name, const std::vector<CgroupWrite>& writes, const Rooms& rooms) {
    for (const auto& write : writes) {
        try {
            rooms.runtime.set_cgroup(name, write.file, write.value);
        } catch (const std::exception& error) {
            throw schema::failure("Failed setting {} of instance {:?} to {:?}: {}", write.file, name, write.value,
                                  error.what());
        }
    }
}

Sources sources_of(const Record& record, const Rooms& rooms) {
    std::vector<schema::Profile> profiles;
    for (const auto& name : record.row.put.profiles)
        if (auto profile = rooms.profiles.find(name)) profiles.push_back(*std::move(profile));
    return sources(profiles, record.row.put.config, record.row.put.devices);
}

} // namespace

devices::Owner running_owner(const Record& record, const Rooms& rooms) {
    return owner_of(record, current_map(record), rooms);
}

Prepared prepared_start(const Record& wanted, const Rooms& rooms) {
    auto record = wanted;
    auto derived = derived_volatile(record, rooms);
    merge(record.expanded_config, derived);
    auto prepared = prepare(record, devices::start_order(record.expanded_devices), rooms);
    prepared.changes.merge(derived);
    return prepared;
}

Prepared prepared_change(const Record& before, const Record& wanted, const Rooms& rooms) {
    std::vector<std::string> added;
    for (const auto& name : changed_devices(before.expanded_devices, wanted.expanded_devices)) {
        const auto out = before.expanded_devices.find(name);
        const auto in = wanted.expanded_devices.find(name);
        if (in == wanted.expanded_devices.end()) continue;
        if (out == before.expanded_devices.end() || !schema::may_change_live(out->second, in->second))
            added.push_back(name);
    }
    return prepare(wanted, added, rooms);
}

StartPlan plan_start(const Prepared& prepared, const Rooms& rooms) {
    const auto& planned = prepared.record;
    const auto subject = subject_of(planned, next_map(planned), rooms);
    check_allowed(subject.id_map, rooms.facts);

    const auto devices = std::make_shared<StartedDevices>(planned, subject.id_map, rooms);
    base::Rollback rollback;
    rollback.add([&] { devices->undo(); });
    rollback.add([&] { devices->after(); });
    for (const auto& name : devices::start_order(planned.expanded_devices))
        devices->start(name, planned.expanded_devices.at(name));
    devices->add_limits(planned.expanded_devices);

    rollback.add([&] { unload_apparmor(planned.row.name, rooms); });
    load_apparmor(planned, subject.id_map, rooms);

    StartPlan plan;
    plan.items = lxc_config(subject, rooms.facts, devices->items());
    name_sources(sources_of(planned, rooms), plan.items);
    if (const auto policy = seccomp_policy(subject, rooms.facts))
        base::write_file(seccomp_policy_path(rooms.paths, planned.row.name), *policy);
    plan.root_uid = static_cast<uid_t>(root_uid(subject.id_map));
    plan.volatile_changes = prepared.changes;
    plan.volatile_changes["volatile.idmap.current"] = to_json(subject.id_map);
    for (const auto& [key, value] : devices->changes()) plan.volatile_changes[key] = value;
    plan.running = [devices, planned, &rooms] {
        devices->running();
        apply_network_priority(planned, rooms);
    };
    plan.after = [devices] { devices->after(); };
    plan.undo = [devices, name = planned.row.name, &rooms] {
        unload_apparmor(name, rooms);
        devices->undo();
    };
    rollback.dismiss();
    return plan;
}

schema::Config stopped_devices(const Record& record, const Rooms& rooms) {
    const auto owner = owner_of(record, current_map(record), rooms);
    schema::Config changes;
    for (const auto& [name, options] : record.expanded_devices) {
        try {
            for (auto& [key, value] : devices::make_device(name, options)->stopped(owner, rooms.device_host))
                changes[key] = value;
        } catch (const std::exception& error) {
            rooms.log.error("Failed clearing up after a device",
                            {{"instance", record.row.name}, {"device", name}, {"err", error.what()}});
        }
    }
    return changes;
}

void resume_devices(const Record& record, const Rooms& rooms) {
    const auto owner = owner_of(record, current_map(record), rooms);
    for (const auto& [name, options] : record.expanded_devices) {
        try {
            devices::make_device(name, options)->resume(owner, rooms.device_host);
        } catch (const std::exception& error) {
            rooms.log.warning("Failed resuming a device",
                              {{"instance", record.row.name}, {"device", name}, {"err", error.what()}});
        }
    }
}

schema::Config apply_live(const Record& before, const Prepared& prepared, const Rooms& rooms) {
    const auto& wanted = prepared.record;
    const auto& name = wanted.row.name;
    const auto id_map = current_map(before);
    const auto old_owner = owner_of(before, id_map, rooms);
    auto owner = owner_of(wanted, id_map, rooms);
    auto& host = rooms.device_host;
    schema::Config changes;
    const auto old_items = cgroup_items(subject_of(before, id_map, rooms), rooms.facts);
    const auto new_items = cgroup_items(subject_of(wanted, id_map, rooms), rooms.facts);
    base::Rollback rollback; // after what its steps use: it runs them where it ends
    const auto note = [&](const schema::Config& more) {
        merge(owner.config, more);
        for (const auto& [key, value] : more) changes[key] = value;
    };

    for (const auto& device : changed_devices(before.expanded_devices, wanted.expanded_devices)) {
        const auto out = before.expanded_devices.find(device);
        const auto in = wanted.expanded_devices.find(device);
        const bool was = out != before.expanded_devices.end();
        const bool is = in != wanted.expanded_devices.end();
        if (was && is && schema::may_change_live(out->second, in->second)) {
            const auto update = [&, out, in](const schema::Device& from, const schema::Device& to) {
                devices::make_device(in->first, to)->update(from, owner, host);
            };
            check_part(fmt::format("Failed to update device {:?}", device), [&] { update(out->second, in->second); });
            rollback.add([update, out, in] { update(in->second, out->second); });
            continue;
        }
        if (was) {
            const auto removed = devices::make_device(device, out->second);
            if (!removed->can_hotplug())
                throw schema::failure("Failed to stop device {:?}: Device cannot be stopped when instance is running",
                                      device);
            note(removed->detach(old_owner, host));
            rollback.add([&, out] { devices::make_device(out->first, out->second)->attach(old_owner, host); });
        }
        if (is) {
            note(volatile_of_device(prepared.changes, device));
            const auto added = devices::make_device(device, in->second);
            check_part(fmt::format("Failed add validation for device {:?}", device),
                       [&] { added->check_host(owner, host); });
            if (!added->can_hotplug())
                throw schema::failure("Failed to add device {:?}: Device cannot be added when instance is running",
                                      device);
            check_part(fmt::format("Failed to start device {:?}", device), [&] { note(added->attach(owner, host)); });
            rollback.add([&, in] { devices::make_device(in->first, in->second)->detach(owner, host); });
        }
    }
    const auto limit_disks = [&](const schema::Devices& all, const devices::Owner& of) {
        devices::write_limits(name, devices::disk_limits(all, of, host), host.nodes());
    };
    if (devices::has_limits(before.expanded_devices) || devices::has_limits(wanted.expanded_devices)) {
        rollback.add([&, limit_disks] { limit_disks(before.expanded_devices, old_owner); });
        limit_disks(wanted.expanded_devices, owner);
    }
    rollback.add([&] { write_cgroups(name, live_update(new_items, old_items), rooms); });
    write_cgroups(name, live_update(old_items, new_items), rooms);
    for (const auto* hook : due_hooks(live_hooks(), before.expanded_config, wanted.expanded_config)) {
        rollback.add([&, hook] { hook->run(wanted, before, rooms); });
        hook->run(before, wanted, rooms);
    }
    rollback.dismiss();
    return changes;
}

schema::Config complete_cut_off(const std::vector<Record>& cut_off, const Record& record, const Rooms& rooms) {
    const auto& name = record.row.name;
    const auto id_map = current_map(record);
    schema::Config changes;
    const auto note = [&](const schema::Config& more) {
        for (const auto& [key, value] : more) changes[key] = value;
    };
    const auto attempt = [&](const std::string& what, const auto& step) {
        try {
            step();
        } catch (const std::exception& error) {
            rooms.log.warning("Failed completing a change that was cut off",
                              {{"instance", name}, {"part", what}, {"err", error.what()}});
        }
    };
    const auto items = cgroup_items(subject_of(record, id_map, rooms), rooms.facts);
    for (const auto& announced : cut_off) {
        for (const auto& write : whole_update(cgroup_items(subject_of(announced, id_map, rooms), rooms.facts), items))
            attempt(write.file, [&] { rooms.runtime.set_cgroup(name, write.file, write.value); });
        for (const auto& device : changed_devices(announced.expanded_devices, record.expanded_devices)) {
            const auto take_out = [&](const Record& of) {
                const auto& devices = of.expanded_devices;
                if (const auto found = devices.find(device); found != devices.end())
                    attempt(device, [&] {
                        devices::make_device(device, found->second)
                            ->detach(owner_of(of, id_map, rooms), rooms.device_host);
                    });
            };
            take_out(announced);
            take_out(record);
            if (const auto kept = record.expanded_devices.find(device); kept != record.expanded_devices.end())
                attempt(device, [&] {
                    const auto prepared = prepare(record, {device}, rooms);
                    note(prepared.changes);
                    const auto owner = owner_of(prepared.record, id_map, rooms);
                    note(devices::make_device(device, kept->second)->attach(owner, rooms.device_host));
                });
        }
        if (devices::has_limits(announced.expanded_devices) || devices::has_limits(record.expanded_devices))
            attempt("limits of disks", [&] {
                const auto owner = owner_of(record, id_map, rooms);
                devices::write_limits(name, devices::disk_limits(record.expanded_devices, owner, rooms.device_host),
                                      rooms.device_host.nodes());
            });
        for (const auto* hook : due_hooks(live_hooks(), announced.expanded_config, record.expanded_config))
            attempt(std::string(hook->name), [&] { hook->run(announced, record, rooms); });
    }
    return changes;
}

namespace {

/// Everything else is of our own making; what the user wrote is shown to the engine.
void check_raw_lxc(const schema::Config& config, const Rooms& rooms) {
    if (const auto& raw = schema::get(config, "raw.lxc"); !raw.empty()) rooms.runtime.check(schema::parse_raw_lxc(raw));
}

/// What LXD says where no architecture of the host has calls of a smaller one.
void check_compatible_calls(const schema::Config& config, const base::HostFacts& facts) {
    constexpr std::array with_compatible_calls = {"x86_64", "aarch64", "ppc64"};
    for (const auto* key : {"security.syscalls.deny_compat", "security.syscalls.blacklist_compat"}) {
        if (!config.contains(key)) continue;
        const auto& known = facts.architectures;
        if (std::ranges::find_first_of(known, with_compatible_calls) == known.end())
            throw schema::bad_request("{} isn't supported on this architecture", key);
    }
}

/// Whether its disks' custom volumes are there and for containers: LXD says so with the devices' other rules.
void check_volumes(const schema::Devices& devices, const Rooms& rooms) {
    for (const auto& [name, device] : devices) {
        const auto& pool = schema::get(device, "pool");
        if (schema::get(device, "type") != "disk" || pool.empty() || schema::get(device, "path") == "/") continue;
        const auto part = fmt::format("Device validation failed for {:?}", name);
        const auto& source = schema::get(device, "source");
        check_part(part, [&] { rooms.device_host.volumes().check(pool, source); });
    }
}

/// What is wrong with it apart from its ids, which LXD puts other words to for a new record.
void check_parts(const Record& record, const Rooms& rooms) {
    const auto& put = record.row.put;
    check_part("Invalid config", [&] { schema::check_instance_config(put.config, schema::ConfigOwner::instance); });
    check_part("Invalid config", [&] { check_compatible_calls(put.config, rooms.facts); });
    check_part("Invalid expanded config", [&] { schema::check_syscall_keys(record.expanded_config); });
    check_part("Invalid devices", [&] { devices::check_devices(put.devices); });
    check_part("Invalid expanded devices", [&] { devices::check_expanded_devices(record.expanded_devices); });
    check_part("Invalid devices", [&] { check_volumes(record.expanded_devices, rooms); });
    check_part("Invalid config", [&] { check_raw_lxc(record.expanded_config, rooms); });
}

} // namespace

void check_record(const Record& record, const Rooms& rooms) {
    check_parts(record, rooms);
    check_part("Failed to get ID map", [&] { look_for_ids(record, rooms); });
}

void check_new_record(const Record& record, const Rooms& rooms) {
    check_part("Failed creating instance record", [&] {
        const auto& put = record.row.put;
        schema::check_instance_config(put.config, schema::ConfigOwner::instance);
        const auto& runnable = rooms.facts.architectures;
        if (std::find(runnable.begin(), runnable.end(), put.architecture) == runnable.end())
            throw schema::bad_request("Requested architecture isn't supported by this host");
        check_part("Failed initialising instance", [&] {
            // LXD looks for the root among the devices, where there are any.
            check_part(record.expanded_devices.empty() ? "Failed getting root disk"
                                                       : "Invalid devices: Failed detecting root disk device",
                       [&] { root_pool(record); });
            check_parts(record, rooms);
            look_for_ids(record, rooms);
            check_apparmor(nullptr, record, rooms);
        });
    });
}

void check_added_disks(const Record& before, const Record& wanted, const Rooms& rooms) {
    const auto owner = owner_of(wanted, {}, rooms);
    for (const auto& name : changed_devices(before.expanded_devices, wanted.expanded_devices)) {
        const auto added = wanted.expanded_devices.find(name);
        // Other devices look for their parts at the start.
        if (added == wanted.expanded_devices.end() || schema::get(added->second, "type") != "disk") continue;
        check_part(fmt::format("Failed add validation for device {:?}", name),
                   [&] { devices::make_device(name, added->second)->check_host(owner, rooms.device_host); });
    }
}

void check_profile_content(const schema::ProfilePut& profile, const Rooms& rooms) {
    schema::check_instance_config(profile.config, schema::ConfigOwner::profile);
    devices::check_profile_devices(profile.devices);
    check_raw_lxc(profile.config, rooms);
}

std::string root_pool(const Record& record) {
    const auto root = devices::root_disk(record.expanded_devices);
    if (root.empty()) throw schema::bad_request("No root device could be found");
    return schema::get(record.expanded_devices.at(root), "pool");
}

schema::Config derived_volatile(const Record& record, const Rooms& rooms) {
    auto changes = devices::missing_volatile(record.expanded_devices, record.expanded_config, rooms.device_host);
    const auto chosen = rooms.id_claims.claim(record.row.name, record.expanded_config, host_ids(rooms.facts));
    changes["volatile.idmap.base"] = std::to_string(chosen.base);
    changes["volatile.idmap.next"] = to_json(chosen.map);
    return changes;
}

void check_volatile_kept(const schema::Config& before, const schema::Config& after) {
    for (const auto* key :
         {"volatile.idmap.base", "volatile.idmap.current", "volatile.idmap.next", "volatile.last_state.idmap"})
        if (before.contains(key) && !after.contains(key))
            throw schema::bad_request("Volatile idmap keys can't be deleted by the user");
}

std::map<std::string, std::string> balanced_cpus(const std::vector<std::shared_ptr<const Record>>& running,
                                                 const Rooms& rooms) {
    if (rooms.facts.cgroup.version("cpuset") == 0) return {};
    std::vector<CpuDemand> demands;
    demands.reserve(running.size());
    for (const auto& record : running)
        demands.push_back({record->row.name, schema::get(record->expanded_config, "limits.cpu"),
                           schema::get(record->expanded_config, "limits.cpu.nodes")});
    return cpu_sets(std::move(demands), base::read_cpu_facts());
}

} // namespace instance
