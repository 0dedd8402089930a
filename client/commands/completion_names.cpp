#include "client/commands/completion_names.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "client/commands/volume.h"
#include "client/instances.h"
#include "client/settings.h"
#include "client/target.h"
#include "schema/keys/devices.h"
#include "schema/keys/instance.h"
#include "schema/keys/pool.h"
#include "schema/keys/server.h"
#include "schema/keys/volume.h"

namespace client {

namespace {

using schema::Json;
using Names = std::vector<std::string>;

/// The last segments of the URLs that a list is without recursion.
Names names_in(const Json& urls) {
    Names names;
    if (!urls.is_array()) return names;
    for (const auto& url : urls.as_array()) names.push_back(unescape(base_name(url.as_string())));
    return names;
}

Names names_at(Server& server, const std::string& target) {
    return names_in(server.get(target).metadata);
}

Names with_end(Names names, std::string_view end) {
    for (auto& name : names) name += end;
    return names;
}

Names with_front(const std::string& front, Names names) {
    for (auto& name : names) name.insert(0, front);
    return names;
}

/// What a word names on the server that it names.
std::string name_of(std::string_view word) {
    return std::string(word.substr(word.find(':') == std::string_view::npos ? 0 : word.find(':') + 1));
}

Names instances(Server& server, const Completion&) {
    return names_at(server, "/1.0/instances");
}

/// "c1", or once its slash is typed "c1/first".
Names instances_or_snapshots(Server& server, const Completion& wanted) {
    const auto typed = name_of(wanted.typed);
    if (!is_snapshot(typed)) return names_at(server, "/1.0/instances");
    const auto instance = split_snapshot(typed).first;
    return with_front(instance + "/", names_at(server, instance_url(instance) + "/snapshots"));
}

Names instance_paths(Server& server, const Completion&) {
    return with_end(names_at(server, "/1.0/instances"), "/");
}

Names image_aliases(Server& server, const Completion&) {
    Names names;
    // An alias may have slashes in it: its URL says less than its entry.
    const auto aliases = server.get("/1.0/images/aliases?recursion=1").metadata;
    if (!aliases.is_array()) return names;
    for (const auto& alias : aliases.as_array()) names.push_back(text_member(alias, "name"));
    return names;
}

Names images(Server& server, const Completion& wanted) {
    constexpr size_t short_fingerprint = 12;
    auto names = image_aliases(server, wanted);
    // Fingerprints are no words that one remembers: they are offered to who has begun to type one.
    if (split_target(wanted.typed).name.empty()) return names;
    for (const auto& fingerprint : names_at(server, "/1.0/images"))
        names.push_back(fingerprint.substr(0, short_fingerprint));
    return names;
}

Names profiles(Server& server, const Completion&) {
    return names_at(server, "/1.0/profiles");
}

Names pools(Server& server, const Completion&) {
    return names_at(server, "/1.0/storage-pools");
}

/// Volumes that users make; others are named with their type, for who has begun to type it.
Names volumes_of(Server& server, const std::string& pool, std::string_view typed) {
    constexpr size_t type_place = 5; // "", "1.0", "storage-pools", POOL, "volumes", TYPE, NAME
    Names names;
    const auto urls = server.get("/1.0/storage-pools/" + path_escape(pool) + "/volumes").metadata;
    if (!urls.is_array()) return names;
    for (const auto& url : urls.as_array()) {
        const auto& text = url.as_string();
        const auto parts = split(std::string_view(text).substr(0, text.find('?')), '/');
        if (parts.size() != type_place + 2) continue; // a snapshot
        const auto& type = parts[type_place];
        const auto name = unescape(parts[type_place + 1]);
        if (type == "custom") names.push_back(name);
        if (type != "custom" && !typed.empty()) names.push_back(fmt::format("{}/{}", type, name));
    }
    return names;
}

Names volume_snapshots(Server& server, const std::string& pool, const std::string& volume) {
    return names_at(server, volume_url(pool, volume_name(volume)) + "/snapshots");
}

Names volumes(Server& server, const Completion& wanted) {
    return volumes_of(server, name_of(wanted.arguments.at(0)), wanted.typed);
}

/// "data", or once its slash is typed "data/first"; of "container/c1" too.
Names volumes_or_snapshots(Server& server, const Completion& wanted) {
    const auto typed = volume_name(wanted.typed);
    if (!is_snapshot(typed.name)) return volumes(server, wanted);
    const auto volume = wanted.typed.substr(0, wanted.typed.rfind('/'));
    return with_front(volume + "/", volume_snapshots(server, name_of(wanted.arguments.at(0)), volume));
}

/// "default/", then "default/data", then "default/data/first".
Names pool_volumes(Server& server, const Completion& wanted) {
    const auto typed = name_of(wanted.typed);
    if (!is_snapshot(typed)) return with_end(pools(server, wanted), "/");
    const auto [pool, rest] = split_snapshot(typed);
    if (!is_snapshot(rest)) return with_front(pool + "/", volumes_of(server, pool, ""));
    const auto volume = split_snapshot(rest).first;
    return with_front(fmt::format("{}/{}/", pool, volume), volume_snapshots(server, pool, volume));
}

bool is_for_volumes(const CommandPath& path) {
    return path.size() > 2 && path[2]->name == "volume";
}

/// The snapshots of the instance, or of the pool's volume, that is named before.
Names snapshots(Server& server, const Completion& wanted) {
    const auto first = name_of(wanted.arguments.at(0));
    if (is_for_volumes(wanted.path)) return volume_snapshots(server, first, wanted.arguments.at(1));
    return names_at(server, instance_url(first) + "/snapshots");
}

Names operations(Server& server, const Completion&) {
    Names names;
    const auto answer = server.get("/1.0/operations").metadata; // by status
    if (!answer.is_object()) return names;
    for (const auto& [status, urls] : answer.as_object()) {
        const auto found = names_in(urls);
        names.insert(names.end(), found.begin(), found.end());
    }
    return names;
}

/// The devices of what the first argument names; of a volume's commands the third.
Names devices(Server& server, const Completion& wanted) {
    const bool of_profile =
        (wanted.path.size() > 1 && wanted.path[1]->name == "profile") || wanted.path.back()->name == "detach-profile";
    const auto name = path_escape(name_of(wanted.arguments.at(is_for_volumes(wanted.path) ? 2 : 0)));
    const auto object = server.get((of_profile ? "/1.0/profiles/" : "/1.0/instances/") + name).metadata;
    Names names;
    const auto& found = object[of_profile ? "devices" : "expanded_devices"];
    if (!found.is_object()) return names;
    for (const auto& [device, options] : found.as_object()) names.push_back(device);
    return names;
}

Names templates(Server& server, const Completion& wanted) {
    Names names;
    const auto list = server.get(instance_url(wanted.arguments.at(0)) + "/metadata/templates").metadata;
    if (!list.is_array()) return names;
    for (const auto& name : list.as_array()) names.push_back(name.as_string());
    return names;
}

bool is_for_devices(const CommandPath& path) {
    return std::any_of(path.begin(), path.end(), [](const Command* command) { return command->name == "device"; });
}

using FromServer = Names (*)(Server&, const Completion&);
struct Source {
    Subject subject;
    FromServer names;
};
constexpr std::array<Source, 15> sources{{
    {Subject::device, devices},
    {Subject::image, images},
    {Subject::image_alias, image_aliases},
    {Subject::instance, instances},
    {Subject::instance_or_snapshot, instances_or_snapshots},
    {Subject::instance_path, instance_paths},
    {Subject::operation, operations},
    {Subject::pool, pools},
    {Subject::pool_volume, pool_volumes},
    {Subject::profile, profiles},
    {Subject::profiles, profiles},
    {Subject::snapshot, snapshots},
    {Subject::template_file, templates},
    {Subject::volume, volumes},
    {Subject::volume_or_snapshot, volumes_or_snapshots},
}};

} // namespace

Names names_on_server(Server& server, const Completion& wanted) {
    const auto* source =
        std::find_if(sources.begin(), sources.end(), [&](const Source& s) { return s.subject == wanted.subject; });
    return source == sources.end() ? Names{} : source->names(server, wanted);
}

std::vector<std::string> keys_for(const Completion& wanted) {
    std::set<std::string> found;
    const auto add = [&](std::string_view name) { found.emplace(name.substr(0, name.find('*'))); };
    const auto group = wanted.path.size() > 1 ? wanted.path[1]->name : std::string_view();
    if (is_for_devices(wanted.path)) {
        for (const auto& type : schema::device_types()) {
            for (const auto& option : type.options) add(option.name);
        }
    } else if (is_for_volumes(wanted.path)) {
        for (const auto& key : schema::volume_keys()) add(key.name);
    } else if (group == "storage") {
        for (const auto& key : schema::pool_keys()) add(key.name);
    } else if (group != "image" && group != "publish") { // An image's properties have names of everybody's own.
        for (const auto& key : schema::instance_keys()) add(key.name);
        const bool of_server = group == "config" && wanted.arguments.empty();
        for (const auto& key : schema::server_keys()) {
            if (of_server) add(key.name);
        }
    }
    return {found.begin(), found.end()};
}

std::vector<std::string> device_types() {
    std::set<std::string> types;
    for (const auto& type : schema::device_types()) types.emplace(type.type);
    return {types.begin(), types.end()};
}

} // namespace client
