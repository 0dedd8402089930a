#include "daemon/storage/optimized_header.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "schema/error.h"
#include "schema/json.h"
#include "schema/yaml.h"

namespace storage {

namespace {

using schema::Json;

/// Throws where a part of it is not a plain name.
void check_path(std::string_view path) {
    constexpr size_t longest = 4096;
    auto rest = path;
    while (true) {
        const auto slash = rest.find('/');
        const auto name = rest.substr(0, slash);
        if (name.empty() || name == "." || name == ".." || path.size() > longest ||
            name.find('\0') != std::string_view::npos)
            throw schema::bad_request("Bad path of a subvolume in optimized_header.yaml: {:?}",
                                      path.substr(0, longest));
        if (slash == std::string_view::npos) return;
        rest.remove_prefix(slash + 1);
    }
}

BackedUpSubvolume subvolume_from(const Json& value) {
    value.as_object();
    BackedUpSubvolume subvolume;
    schema::json::read(value, "snapshot", subvolume.snapshot);
    schema::json::read(value, "path", subvolume.path);
    schema::json::read(value, "readonly", subvolume.read_only);
    if (!subvolume.path.starts_with('/'))
        throw schema::bad_request("Bad path of a subvolume in optimized_header.yaml: {:?}", subvolume.path);
    subvolume.path.erase(0, 1);
    if (!subvolume.path.empty()) check_path(subvolume.path);
    return subvolume;
}

/// Each once, and the volumes themselves before what is nested in them.
void check_order(const std::vector<BackedUpSubvolume>& subvolumes, const std::vector<std::string>& snapshots) {
    std::set<std::pair<std::string, std::string>> seen;
    for (const auto& [snapshot, path, read_only] : subvolumes) {
        if (!snapshot.empty() && std::ranges::find(snapshots, snapshot) == snapshots.end())
            throw schema::bad_request("optimized_header.yaml tells of a snapshot {:?} that is not in the backup",
                                      snapshot);
        if (!path.empty() && !seen.contains({snapshot, ""}))
            throw schema::bad_request("optimized_header.yaml tells of the subvolume {:?} before its volume", path);
        if (!seen.emplace(snapshot, path).second)
            throw schema::bad_request("optimized_header.yaml tells of the subvolume {:?} twice", path);
    }
    for (const auto& wanted : without_nested(snapshots))
        if (!seen.contains({wanted.snapshot, ""}))
            throw schema::bad_request("optimized_header.yaml does not tell of {:?}", wanted.snapshot);
}

std::string encoded(std::string_view path) {
    std::string text;
    for (const char letter : path) {
        if (letter == '-') text += '-';
        text += letter == '/' ? '-' : letter;
    }
    return text;
}

} // namespace

std::string optimized_header(const std::vector<BackedUpSubvolume>& subvolumes) {
    auto list = Json::empty_array();
    for (const auto& [snapshot, path, read_only] : subvolumes) {
        Json one;
        one.set("path", "/" + path).set("snapshot", snapshot).set("readonly", read_only).set("uuid", "");
        list.push_back(std::move(one));
    }
    Json json;
    json.set("subvolumes", std::move(list));
    return schema::yaml_from_json(json);
}

std::vector<BackedUpSubvolume> optimized_header_from(const std::string& text,
                                                     const std::vector<std::string>& snapshots) {
    const auto json = schema::json_from_yaml(text);
    json.as_object();
    std::vector<BackedUpSubvolume> subvolumes;
    if (const auto* list = json.find("subvolumes"); list != nullptr && !list->is_null())
        for (const auto& item : list->as_array()) subvolumes.push_back(subvolume_from(item));
    check_order(subvolumes, snapshots);
    return subvolumes;
}

std::vector<BackedUpSubvolume> without_nested(const std::vector<std::string>& snapshots) {
    std::vector<BackedUpSubvolume> subvolumes;
    subvolumes.reserve(snapshots.size() + 1);
    for (const auto& snapshot : snapshots) subvolumes.push_back({snapshot, "", true});
    subvolumes.emplace_back();
    return subvolumes;
}

std::string stream_name(bool custom, const std::string& snapshot, const std::string& path) {
    std::string name = custom ? "volume" : "container";
    if (!snapshot.empty()) name = (custom ? "volume-snapshots/" : "snapshots/") + snapshot;
    if (!path.empty()) name += "_" + encoded(path);
    return name + ".bin";
}

} // namespace storage
