#include "client/commands/create.h"

#include <cstdio>

#include <unistd.h>

#include "client/images.h"
#include "client/instances.h"
#include "client/overrides.h"
#include "client/progress.h"
#include "client/shapes.h"
#include "client/target.h"
#include "client/terminal.h"
#include "client/yaml_in.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

/// Which image, on which remote, and what the instance is to be called.
struct Names {
    Target image;
    Target instance;
};

Names names_of(const Session& session, const Call& call) {
    const auto& remotes = session.remotes();
    const auto& words = call.arguments;
    Names names{{}, remotes.resolve(words.size() > 1 ? words[1] : "")};
    if (!words.empty()) names.image = remotes.resolve(words[0]);
    if (!call.flags.on("empty")) return names;
    if (words.size() > 1) throw schema::bad_request("--empty cannot be combined with an image name");
    if (!words.empty()) names.instance = std::exchange(names.image, {});
    return names;
}

Json network_device(Server& server, const std::string& name) {
    Json network;
    try {
        network = server.get("/1.0/networks/" + path_escape(name)).metadata;
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed loading network \"{}\": {}", name, error.what()));
    }
    auto device = Json::empty_object();
    device.set("name", "eth0").set("type", "nic");
    if (network["managed"] == Json(true)) return device.set("network", name);
    device.set("nictype", network["type"] == Json("bridge") ? "bridged" : "macvlan");
    return device.set("parent", name);
}

Json root_device(Server& server, const std::string& pool) {
    try {
        server.get("/1.0/storage-pools/" + path_escape(pool));
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed loading storage pool \"{}\": {}", pool, error.what()));
    }
    auto device = Json::empty_object();
    return device.set("type", "disk").set("path", "/").set("pool", pool);
}

/// The devices that the named profiles bring, later ones on top.
Json devices_of(Server& server, const Json& profiles) {
    auto devices = Json::empty_object();
    const auto names =
        profiles.is_array() && !profiles.as_array().empty() ? profiles.as_array() : Json::Array{"default"};
    for (const auto& name : names) {
        Json profile;
        try {
            profile = server.get("/1.0/profiles/" + path_escape(name.as_string())).metadata;
        } catch (const schema::Error& error) {
            throw schema::Error(error.kind(), fmt::format("Failed loading profile \"{}\" for device override: {}",
                                                          name.as_string(), error.what()));
        }
        if (!profile["devices"].is_object()) continue;
        for (const auto& [device, options] : profile["devices"].as_object()) devices.set(device, options);
    }
    return devices;
}

/// Applies "device,key=value" to the instance's own devices, copying those that come from profiles.
void override_devices(Server& server, const std::vector<std::string>& changes, const Json& profiles, Json& devices) {
    std::optional<Json> inherited;
    for (const auto& [device, options] : device_overrides(changes)) {
        Json result = devices[device];
        if (result.is_null()) {
            if (!inherited) inherited = devices_of(server, profiles);
            result = (*inherited)[device];
        }
        if (result.is_null()) {
            throw schema::bad_request("Cannot override config for device \"{}\": Device not found in profile devices",
                                      device);
        }
        for (const auto& [key, value] : options) result.set(key, value);
        devices.set(device, std::move(result));
    }
}

/// What the image is, by alias or fingerprint.
Json local_image(Server& server, std::string name) {
    if (name.empty()) name = "default";
    return server.get(image_url(image_fingerprint(server, name))).metadata;
}

/// A name like "ubuntu/22.04" that is no local image means the image "22.04" of the remote "ubuntu".
Target guessed_image(Session& session, const Target& image) {
    const auto slash = image.name.find('/');
    const auto remote = image.name.substr(0, slash);
    if (!session.remotes().contains(remote)) return image;
    auto& server = session.server(image.remote);
    if (get_if_exists(server, "/1.0/images/aliases/" + path_escape(image.name))) return image;
    if (get_if_exists(server, "/1.0/images/" + path_escape(image.name))) return image;
    const auto name = slash == std::string::npos ? std::string() : image.name.substr(slash + 1);
    fmt::print(stderr, "The local image '{}' couldn't be found, trying '{}:{}' instead.\n", image.name, remote, name);
    return {remote, name.empty() ? "default" : name};
}

Json profiles_for(const FlagValues& flags, const Json& given) {
    if (flags.has("profile")) return flags.texts("profile");
    if (flags.on("no-profiles")) return Json::empty_array();
    return given["profiles"].is_array() && !given["profiles"].as_array().empty() ? given["profiles"] : Json();
}

/// A NIC is easily forgotten: says so once the instance exists.
void check_network(Server& server, const std::string& name) {
    const auto instance = get_if_exists(server, instance_url(name));
    if (!instance) return;
    const auto& devices = (*instance)["expanded_devices"];
    if (devices.is_object()) {
        for (const auto& [device, options] : devices.as_object()) {
            if (options["type"] == Json("nic")) return;
        }
    }
    std::fflush(stdout);
    fmt::print(stderr, "\nThe instance you are starting doesn't have any network attached to it.\n"
                       "  To create a new network, use: lxc network create\n"
                       "  To attach a network to an instance, use: lxc network attach\n\n");
}

} // namespace

Created create_instance(Session& session, const Call& call) {
    const auto& flags = call.flags;
    auto given = Json::empty_object();
    if (!is_terminal(STDIN_FILENO)) given = parse_yaml(read_standard_input(), shapes::instance_put);
    const auto names = names_of(session, call);
    auto& server = session.server(names.instance.remote);
    auto name = names.instance.name;
    if (!session.quiet()) {
        print(name.empty() ? "Creating the instance\n" : fmt::format("Creating {}\n", name));
        std::fflush(stdout);
    }

    auto devices = given["devices"].is_object() ? given["devices"] : Json::empty_object();
    if (const auto network = flags.text("network"); !network.empty()) {
        devices.set("eth0", network_device(server, network));
    }
    auto config = given["config"].is_object() ? given["config"] : Json::empty_object();
    for (const auto& [key, value] : config_overrides(flags.texts("config"))) config.set(key, value);
    if (const auto pool = flags.text("storage"); !pool.empty()) devices.set("root", root_device(server, pool));
    const auto profiles = profiles_for(flags, given);
    override_devices(server, flags.texts("device"), profiles, devices);

    auto source = Json::empty_object();
    std::string type = flags.on("vm") ? "virtual-machine" : "container";
    if (flags.on("empty")) {
        source.set("type", "none");
    } else {
        const auto chosen =
            names.image.remote == names.instance.remote ? guessed_image(session, names.image) : names.image;
        const auto image = local_image(session.server(chosen.remote), chosen.name);
        if (chosen.remote != names.instance.remote) {
            throw schema::bad_request("Images of another remote cannot be used yet: copy the image to \"{}\" first",
                                      names.instance.remote);
        }
        if (image["type"] != Json("virtual-machine") && flags.on("vm")) {
            throw schema::bad_request("Asked for a VM but image is of type container");
        }
        if (image["type"].is_string()) type = image["type"].as_string();
        source.set("type", "image").set("fingerprint", image["fingerprint"]);
    }

    auto request = Json::empty_object();
    request.set("architecture", "").set("config", std::move(config)).set("devices", std::move(devices));
    request.set("ephemeral", flags.on("ephemeral")).set("profiles", profiles).set("stateful", false);
    request.set("description", "").set("name", name).set("source", std::move(source));
    request.set("instance_type", flags.text("type")).set("type", type);

    Progress progress("Retrieving image: ", session.quiet());
    const auto member = flags.text("target");
    const auto url = member.empty() ? std::string("/1.0/instances") : "/1.0/instances?target=" + query_escape(member);
    const auto operation = server.wait(server.post(url, request), &progress);
    progress.done();
    const auto actual = created_name(operation);
    if (name.empty()) {
        name = actual;
        print(fmt::format("Instance name is: {}\n", name));
    }
    check_network(server, name);
    return {server, names.instance.remote, name};
}

} // namespace client
