#include "daemon/commands/preseed.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "daemon/base/rollback.h"
#include "daemon/http/local_request.h"
#include "schema/error.h"
#include "schema/yaml.h"

namespace commands {

namespace {

using schema::Json;

struct Section {
    const char* name;
    std::string_view url;
    const char* noun;
    std::vector<const char*> members; // of an object that is made
};

constexpr std::string_view projects_url = "/1.0/projects";

const std::vector<Section>& sections() {
    static const std::vector<Section> all{
        {"networks", "/1.0/networks", "network", {"config", "description", "name", "type", "project"}},
        {"storage_pools", "/1.0/storage-pools", "storage pool", {"config", "description", "name", "driver"}},
        {"profiles", "/1.0/profiles", "profile", {"config", "description", "devices", "name"}},
        {"projects", projects_url, "project", {"config", "description", "name"}},
    };
    return all;
}

/// The one there is, which has everything to itself and cannot be changed: what LXD's default one is at first.
const Json& default_project() {
    static const auto project = [] {
        auto config = Json::empty_object();
        for (const auto* feature : {"images", "networks", "profiles", "storage.volumes"})
            config.set(fmt::format("features.{}", feature), "true");
        return Json().set("config", config).set("description", "Default LXD project").set("name", "default");
    }();
    return project;
}

[[noreturn]] void refuse(const std::string& why) {
    throw schema::bad_request("Failed to parse the preseed: {}", why);
}

void check_item(const Section& section, const Json& item) {
    if (!item.is_object()) refuse(fmt::format("{} must be a list of objects", section.name));
    for (const auto& [key, value] : item.as_object())
        if (std::ranges::find(section.members, key) == section.members.end())
            refuse(fmt::format("field {} not found in {}", key, section.name));
    if (!item["name"].is_string()) refuse(fmt::format("a {} without a name", section.noun));
}

/// Nothing where it is missing, or where the daemon knows no such things.
std::optional<Json> find(const std::string& socket, const std::string& url) {
    try {
        return http::local_request(socket, "GET", url);
    } catch (const schema::Error& error) {
        if (error.kind() == schema::ErrorKind::not_found) return {};
        throw;
    }
}

/// Members of maps, and of maps in them (devices), one by one.
Json laid_over(Json base, const Json& more) {
    if (more.is_null()) return base;
    if (!base.is_object() || !more.is_object()) return more;
    for (const auto& [key, value] : more.as_object()) base.set(key, laid_over(base[key], value));
    return base;
}

Json changed(const Json& present, const Json& wanted) {
    Json put;
    for (const char* member : {"config", "devices"})
        if (!present[member].is_null()) put.set(member, laid_over(present[member], wanted[member]));
    const bool described = wanted["description"].is_string() && !wanted["description"].as_string().empty();
    put.set("description", described ? wanted["description"] : present["description"]);
    return put;
}

bool is_default_project(const Json& item) {
    const auto& project = default_project();
    const auto& words = item["description"];
    if (item["name"] != project["name"]) return false;
    if (!words.is_null() && words != "" && words != project["description"]) return false;
    if (item["config"].is_null()) return true;
    return std::ranges::all_of(item["config"].as_object(), [&](const auto& option) {
        return project["config"].find(option.first) != nullptr && (option.second == "true" || option.second == true);
    });
}

template <class Act> void attempt(const std::string& words, const Act& act) {
    try {
        act();
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed to {}: {}", words, error.what()));
    }
}

void check_driver(const Json& present, const Json& wanted) {
    const auto& before = present["driver"];
    const auto& after = wanted["driver"];
    if (before.is_string() && after.is_string() && before != after)
        throw schema::bad_request("Storage pool {:?} is of type {:?} instead of {:?}", wanted["name"].as_string(),
                                  before.as_string(), after.as_string());
}

void apply_item(const std::string& socket, const Section& section, const Json& item, base::Rollback& rollback) {
    const auto& name = item["name"].as_string();
    const auto url = fmt::format("{}/{}", section.url, name);
    const auto words = fmt::format("{} {:?}", section.noun, name);
    const auto present = find(socket, url);
    if (!present && section.url == projects_url && is_default_project(item)) return;
    if (!present) {
        attempt("create " + words, [&] { http::local_request(socket, "POST", std::string(section.url), item); });
        rollback.add([=] { http::local_request(socket, "DELETE", url); });
        return;
    }
    check_driver(*present, item);
    const auto before = changed(*present, {});
    const auto after = changed(*present, item);
    if (after == before) return;
    attempt("update " + words, [&] { http::local_request(socket, "PUT", url, after); });
    rollback.add([=] { http::local_request(socket, "PUT", url, before); });
}

void apply_server(const std::string& socket, const Json& config, base::Rollback& rollback) {
    if (!config.is_object() || config.as_object().empty()) return;
    const auto before = http::local_request(socket, "GET", "/1.0")["config"];
    const auto put = [socket](const Json& wanted) {
        Json body;
        body.set("config", wanted);
        http::local_request(socket, "PUT", "/1.0", body);
    };
    attempt("update server configuration", [&] { put(laid_over(before, config)); });
    rollback.add([=] { put(before); });
}

} // namespace

Json preseed_from_yaml(const std::string& text) {
    Json preseed;
    try {
        preseed = schema::json_from_yaml(text);
    } catch (const schema::Error& error) {
        refuse(error.what());
    }
    if (preseed.is_null()) return Json::empty_object();
    if (!preseed.is_object()) refuse("it must be a map");
    for (const auto& [key, value] : preseed.as_object()) {
        if (key == "config" || value.is_null()) continue;
        const auto section = std::ranges::find_if(sections(), [&](const auto& one) { return one.name == key; });
        if (section == sections().end()) refuse(fmt::format("field {} not found", key));
        if (!value.is_array()) refuse(fmt::format("{} must be a list", key));
        for (const auto& item : value.as_array()) check_item(*section, item);
    }
    return preseed;
}

Json preseed_of(const std::string& socket) {
    Json preseed;
    preseed.set("config", http::local_request(socket, "GET", "/1.0")["config"]);
    for (const auto& section : sections()) {
        const auto present = find(socket, fmt::format("{}?recursion=1", section.url));
        const auto none = section.url == projects_url ? Json(Json::Array{default_project()}) : Json::empty_array();
        const auto all = present.value_or(none);
        auto items = Json::empty_array();
        for (const auto& object : all.as_array()) {
            Json item;
            for (const auto* member : section.members)
                if (!object[member].is_null()) item.set(member, object[member]);
            items.push_back(std::move(item));
        }
        preseed.set(section.name, std::move(items));
    }
    return preseed;
}

void apply_preseed(const std::string& socket, const Json& preseed) {
    base::Rollback rollback;
    apply_server(socket, preseed["config"], rollback);
    for (const auto& section : sections())
        if (const auto& items = preseed[section.name]; items.is_array())
            for (const auto& item : items.as_array()) apply_item(socket, section, item, rollback);
    rollback.dismiss();
}

} // namespace commands
