// lxc config device and lxc profile device: the devices of instances and of profiles, with the same commands.

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/object.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

Object holder_of(Session& session, const Call& call, const ObjectKind& kind) {
    const auto resource = session.named(call.arguments[0], "Missing name");
    return {resource.server, kind, resource.name};
}

/// Adds "key=value" words to a device's options.
void add_options(Json& device, const std::vector<std::string>& words, size_t first) {
    for (size_t i = first; i < words.size(); ++i) {
        std::string key;
        std::string value;
        if (!split_pair(words[i], key, value)) throw schema::bad_request("No value found in \"{}\"", words[i]);
        device.set(key, value);
    }
}

/// The device itself; one that only the profiles have is told apart from one that does not exist.
Json& own_device(const Object& holder, Json& object, const std::string& name, std::string_view cannot) {
    auto& devices = object_member(object, "devices");
    if (devices.find(name) != nullptr) return object_member(devices, name);
    if (&holder.kind() == &kinds::profile || object["expanded_devices"].find(name) == nullptr) {
        throw schema::not_found("Device doesn't exist");
    }
    throw schema::bad_request("Device from profile(s) cannot be {}", cannot);
}

int run_add(Session& session, Call& call, const ObjectKind& kind) {
    auto holder = holder_of(session, call, kind);
    auto device = Json::empty_object();
    device.set("type", call.arguments[2]);
    add_options(device, call.arguments, 3);
    auto& devices = object_member(holder.load(), "devices");
    const auto& name = call.arguments[1];
    if (devices.find(name) != nullptr) throw schema::bad_request("The device already exists");
    devices.set(name, std::move(device));
    holder.store();
    say(session, fmt::format("Device {} added to {}\n", name, holder.name()));
    return 0;
}

int run_get(Session& session, Call& call, const ObjectKind& kind) {
    auto holder = holder_of(session, call, kind);
    const auto& device = own_device(holder, holder.load(), call.arguments[1], "retrieved for individual instance");
    print(text_member(device, call.arguments[2]) + "\n");
    return 0;
}

int run_list(Session& session, Call& call, const ObjectKind& kind) {
    auto holder = holder_of(session, call, kind);
    std::vector<std::string> names;
    for (const auto& [name, options] : object_member(holder.load(), "devices").as_object()) names.push_back(name);
    print(join(names, "\n") + "\n");
    return 0;
}

int run_override(Session& session, Call& call) {
    auto holder = holder_of(session, call, kinds::instance);
    const auto& name = call.arguments[1];
    auto& instance = holder.load();
    auto& devices = object_member(instance, "devices");
    if (devices.find(name) != nullptr) throw schema::bad_request("The device already exists");
    auto device = instance["expanded_devices"][name];
    if (device.is_null()) throw schema::not_found("The profile device doesn't exist");
    add_options(device, call.arguments, 2);
    devices.set(name, std::move(device));
    holder.store();
    say(session, fmt::format("Device {} overridden for {}\n", name, holder.name()));
    return 0;
}

int run_remove(Session& session, Call& call, const ObjectKind& kind) {
    auto holder = holder_of(session, call, kind);
    auto& object = holder.load();
    const std::vector<std::string> names(call.arguments.begin() + 1, call.arguments.end());
    for (const auto& name : names) {
        own_device(holder, object, name, "removed from individual instance. Override device or modify profile instead");
        remove_member(object_member(object, "devices"), name);
    }
    holder.store();
    say(session, fmt::format("Device {} removed from {}\n", join(names, ", "), holder.name()));
    return 0;
}

int set_options(Session& session, const Call& call, const ObjectKind& kind, const std::vector<std::string>& words) {
    auto holder = holder_of(session, call, kind);
    const auto settings = parse_settings(words);
    auto& device = own_device(holder, holder.load(), call.arguments[1],
                              "modified for individual instance. Override device or modify profile instead");
    for (const auto& [key, value] : settings) device.set(key, value);
    holder.store();
    return 0;
}

int run_set(Session& session, Call& call, const ObjectKind& kind) {
    return set_options(session, call, kind, {call.arguments.begin() + 2, call.arguments.end()});
}

int run_unset(Session& session, Call& call, const ObjectKind& kind) {
    return set_options(session, call, kind, {call.arguments[2], ""}); // An empty value removes the option.
}

int run_show(Session& session, Call& call, const ObjectKind& kind) {
    auto holder = holder_of(session, call, kind);
    print(yaml(object_member(holder.load(), "devices"), &shapes::devices));
    return 0;
}

/// Addresses cannot be compared in a constant expression under a sanitizer.
template <const ObjectKind& kind> constexpr bool is_profile_kind = false;
template <> constexpr bool is_profile_kind<kinds::profile> = true;

/// The commands for one kind of holder. Their texts differ in a word.
template <const ObjectKind& kind> struct Commands {
    static constexpr bool is_profile = is_profile_kind<kind>;

    static constexpr Command add{
        .name = "add",
        .arguments = is_profile ? "[<remote>:]<profile> <device> <type> [key=value...]"
                                : "[<remote>:]<instance> <device> <type> [key=value...]",
        .summary = "Add a device",
        .examples = is_profile ? "lxc profile device add web data disk source=/srv/data path=/data\n"
                                 "    Show the host's /srv/data as /data in the profile's instances."
                               : "lxc config device add c1 data disk source=/srv/data path=/data\n"
                                 "    Show the host's /srv/data as /data in c1.",
        .least = 3,
        .run = on<run_add, kind>,
    };
    static constexpr Command get{
        .name = "get",
        .arguments = is_profile ? "[<remote>:]<profile> <device> <key>" : "[<remote>:]<instance> <device> <key>",
        .summary = "Print one option of a device",
        .examples = is_profile ? "lxc profile device get default root pool\n    The pool of the root disks of "
                                 "instances with the profile."
                               : "lxc config device get c1 root size\n    How large c1's root disk may become.",
        .least = 3,
        .most = 3,
        .run = on<run_get, kind>,
    };
    static constexpr Command list{
        .name = "list",
        .aliases = "ls",
        .arguments = is_profile ? "[<remote>:]<profile>" : "[<remote>:]<instance>",
        .summary = "List devices by name",
        .examples = is_profile ? "lxc profile device list default\n    The profile's devices."
                               : "lxc config device list c1\n    c1's own devices, without those of its profiles.",
        .least = 1,
        .most = 1,
        .run = on<run_list, kind>,
    };
    static constexpr Command override_device{
        .name = "override",
        .arguments = "[<remote>:]<instance> <device> [key=value...]",
        .summary = "Give an instance a device of its own in place of its profiles'",
        .examples = "lxc config device override c1 eth0 ipv4.address=10.0.0.7\n"
                    "    Give c1 an eth0 of its own, as in the profile but for the address.",
        .least = 2,
        .run = run_override,
    };
    static constexpr Command remove{
        .name = "remove",
        .aliases = "rm",
        .arguments = is_profile ? "[<remote>:]<profile> <device>..." : "[<remote>:]<instance> <device>...",
        .summary = "Remove devices",
        .examples = is_profile ? "lxc profile device remove web data\n    Take the device \"data\" from all instances "
                                 "with the profile."
                               : "lxc config device remove c1 data\n    Take the device \"data\" from c1.",
        .least = 2,
        .run = on<run_remove, kind>,
    };
    static constexpr Command set{
        .name = "set",
        .arguments = is_profile ? "[<remote>:]<profile> <device> <key>=<value>..."
                                : "[<remote>:]<instance> <device> <key>=<value>...",
        .summary = "Change options of a device",
        .details = "A single key may also be given as two words, <key> <value>.",
        .examples = is_profile ? "lxc profile device set web data readonly=true\n    Let no instance write there."
                               : "lxc config device set c1 root size=20GiB\n    Let c1's root disk grow to 20 GiB.",
        .least = 3,
        .run = on<run_set, kind>,
    };
    static constexpr Command show{
        .name = "show",
        .arguments = is_profile ? "[<remote>:]<profile>" : "[<remote>:]<instance>",
        .summary = "Print devices with all their options",
        .examples = is_profile ? "lxc profile device show default\n    The profile's devices."
                               : "lxc config device show c1\n    c1's own devices.",
        .least = 1,
        .most = 1,
        .run = on<run_show, kind>,
    };
    static constexpr Command unset{
        .name = "unset",
        .arguments = is_profile ? "[<remote>:]<profile> <device> <key>" : "[<remote>:]<instance> <device> <key>",
        .summary = "Give an option of a device its default back",
        .examples = is_profile ? "lxc profile device unset web data readonly\n    Let instances write there again."
                               : "lxc config device unset c1 root size\n    Lift the limit on c1's root disk.",
        .least = 3,
        .most = 3,
        .run = on<run_unset, kind>,
    };
};

using OfInstances = Commands<kinds::instance>;
using OfProfiles = Commands<kinds::profile>;

constinit const Command* const instance_children[] = {
    &OfInstances::add,    &OfInstances::get, &OfInstances::list, &OfInstances::override_device,
    &OfInstances::remove, &OfInstances::set, &OfInstances::show, &OfInstances::unset};
constinit const Command* const profile_children[] = {&OfProfiles::add,    &OfProfiles::get, &OfProfiles::list,
                                                     &OfProfiles::remove, &OfProfiles::set, &OfProfiles::show,
                                                     &OfProfiles::unset};

} // namespace

constinit const Command commands::config_device{
    .name = "device",
    .summary = "Disks, network interfaces and other devices",
    .children = instance_children,
};

constinit const Command commands::profile_device{
    .name = "device",
    .summary = "Disks, network interfaces and other devices",
    .children = profile_children,
};

} // namespace client
