// lxc storage volume attach, detach, attach-profile and detach-profile: volumes as disks of instances and profiles.

#include "client/commands/object.h"
#include "client/commands/volume.h"
#include "client/settings.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

/// Without a device name the device is called as the volume.
struct Words {
    std::string device;
    std::string path;
};

Words words_of(const Call& call) {
    const auto& words = call.arguments;
    constexpr size_t device = 3;
    if (words.size() > device + 1) return {words[device], words[device + 1]};
    return {words[1], words.size() > device ? words[device] : std::string()};
}

/// A profile may be used before the volume is there, which an instance's own check would tell of: it is asked here.
void check_for_profile(const Resource& pool, const std::string& volume, Json& device) {
    if (get_volume(pool, {"custom", volume})["content_type"] == Json("block")) remove_member(device, "path");
}

int run_attach(Session& session, Call& call, const ObjectKind& kind) {
    const auto pool = named_pool(session, call);
    const auto volume = volume_name(call.arguments[1]);
    if (volume.type != "custom") {
        throw schema::bad_request("Only \"custom\" volumes can be attached to instances");
    }
    const auto words = words_of(call);
    auto device = Json::empty_object();
    device.set("type", "disk").set("pool", pool.name).set("source", volume.name).set("path", words.path);
    if (&kind == &kinds::profile) check_for_profile(pool, volume.name, device);
    Object holder(pool.server, kind, call.arguments[2]);
    auto& devices = object_member(holder.load(), "devices");
    if (devices.find(words.device) != nullptr) throw schema::bad_request("Device already exists: {}", words.device);
    devices.set(words.device, std::move(device));
    holder.store();
    return 0;
}

/// The one device that shows the volume.
std::string device_of(const Json& devices, const std::string& pool, const std::string& volume) {
    std::string found;
    for (const auto& [name, device] : devices.as_object()) {
        const bool shows = text_member(device, "type") == "disk" && text_member(device, "pool") == pool &&
                           text_member(device, "source") == volume;
        if (!shows) continue;
        if (!found.empty()) throw schema::bad_request("More than one device matches, specify the device name");
        found = name;
    }
    if (found.empty()) throw schema::not_found("No device found for this storage volume");
    return found;
}

int run_detach(Session& session, Call& call, const ObjectKind& kind) {
    const auto pool = named_pool(session, call);
    constexpr size_t device = 3;
    Object holder(pool.server, kind, call.arguments[2]);
    auto& devices = object_member(holder.load(), "devices");
    const auto name = call.arguments.size() > device
                          ? call.arguments[device]
                          : device_of(devices, pool.name, volume_name(call.arguments[1]).name);
    if (devices.find(name) == nullptr) throw schema::not_found("The specified device doesn't exist");
    remove_member(devices, name);
    holder.store();
    return 0;
}

} // namespace

constinit const Command commands::volume_attach{
    .name = "attach",
    .arguments = "[<remote>:]<pool> <volume> <instance> [<new-device>] [<path>]",
    .summary = "Give a volume to an instance",
    .details = "The path is where the instance sees it. Without a name, the device is called as the volume.",
    .examples = "lxc storage volume attach default data c1 /srv\n"
                "    Show the volume \"data\" as /srv in c1, also while c1 runs.",
    .least = 3,
    .most = 5,
    .run = on<run_attach, kinds::instance>,
};
constinit const Command commands::volume_attach_profile{
    .name = "attach-profile",
    .arguments = "[<remote>:]<pool> <volume> <profile> [<new-device>] [<path>]",
    .summary = "Give a volume to all instances with a profile",
    .details = "The path is where the instances see it. Without a name, the device is called as the volume.",
    .examples = "lxc storage volume attach-profile default data web /srv\n"
                "    Show the volume \"data\" as /srv in all instances with the profile \"web\".",
    .least = 3,
    .most = 5,
    .run = on<run_attach, kinds::profile>,
};
constinit const Command commands::volume_detach{
    .name = "detach",
    .arguments = "[<remote>:]<pool> <volume> <instance> [<device>]",
    .summary = "Take a volume from an instance",
    .details = "The device's name is only needed where several show the volume.",
    .examples = "lxc storage volume detach default data c1\n    Let c1 be without the volume \"data\".",
    .least = 3,
    .most = 4,
    .run = on<run_detach, kinds::instance>,
};
constinit const Command commands::volume_detach_profile{
    .name = "detach-profile",
    .arguments = "[<remote>:]<pool> <volume> <profile> [<device>]",
    .summary = "Take a volume from all instances with a profile",
    .details = "The device's name is only needed where several show the volume.",
    .examples = "lxc storage volume detach-profile default data web\n"
                "    Let the instances with the profile \"web\" be without the volume \"data\".",
    .least = 3,
    .most = 4,
    .run = on<run_detach, kinds::profile>,
};

} // namespace client
