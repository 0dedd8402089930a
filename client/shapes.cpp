#include "client/shapes.h"

#include <algorithm>

namespace client {

namespace shapes {

using Kind = Shape::Kind;

constinit const Shape any{};
constinit const Shape text{Kind::text};
constinit const Shape text_map{Kind::map, &text};
constinit const Shape text_list{Kind::list, &text};
constinit const Shape any_map{Kind::map, &any};
constinit const Shape devices{Kind::map, &text_map};

namespace {

constinit const Shape number{Kind::number};
constinit const Shape boolean{Kind::boolean};
constinit const Shape time{Kind::time};
constinit const Shape optional_time{Kind::optional_time};
constinit const Shape text_list_map{Kind::map, &text_list};

constexpr Field instance_put_fields[] = {
    {"architecture", &text},  {"config", &text_map},    {"devices", &devices},  {"ephemeral", &boolean},
    {"profiles", &text_list}, {"restore", &text, true}, {"stateful", &boolean}, {"description", &text},
};

constexpr Field instance_fields[] = {
    {"architecture", &text},
    {"config", &text_map},
    {"devices", &devices},
    {"ephemeral", &boolean},
    {"profiles", &text_list},
    {"restore", &text, true},
    {"stateful", &boolean},
    {"description", &text},
    {"created_at", &time},
    {"expanded_config", &text_map, true},
    {"expanded_devices", &devices, true},
    {"name", &text},
    {"status", &text},
    {"status_code", &number},
    {"last_used_at", &time},
    {"location", &text},
    {"type", &text},
    {"project", &text},
};

constexpr Field instance_unexpanded_fields[] = {
    {"architecture", &text},  {"config", &text_map},    {"devices", &devices},  {"ephemeral", &boolean},
    {"profiles", &text_list}, {"restore", &text, true}, {"stateful", &boolean}, {"description", &text},
    {"created_at", &time},    {"name", &text},          {"status", &text},      {"status_code", &number},
    {"last_used_at", &time},  {"location", &text},      {"type", &text},        {"project", &text},
};

constexpr Field backup_fields[] = {
    {"name", &text},
    {"created_at", &time},
    {"expires_at", &time},
    {"instance_only", &boolean},
    {"container_only", &boolean},
    {"optimized_storage", &boolean},
};
constinit const Shape backup{Kind::object, nullptr, backup_fields};
constinit const Shape backups{Kind::list, &backup};

constexpr Field usage_fields[] = {{"usage", &number}};
constinit const Shape usage{Kind::object, nullptr, usage_fields};
constinit const Shape usages{Kind::map, &usage};

constexpr Field memory_fields[] = {
    {"usage", &number}, {"usage_peak", &number}, {"swap_usage", &number}, {"swap_usage_peak", &number}};
constinit const Shape memory{Kind::object, nullptr, memory_fields};

constexpr Field address_fields[] = {{"family", &text}, {"address", &text}, {"netmask", &text}, {"scope", &text}};
constinit const Shape address{Kind::object, nullptr, address_fields};
constinit const Shape addresses{Kind::list, &address};

constexpr Field counter_fields[] = {
    {"bytes_received", &number},           {"bytes_sent", &number},
    {"packets_received", &number},         {"packets_sent", &number},
    {"errors_received", &number},          {"errors_sent", &number},
    {"packets_dropped_outbound", &number}, {"packets_dropped_inbound", &number},
};
constinit const Shape counters{Kind::object, nullptr, counter_fields};

constexpr Field network_fields[] = {
    {"addresses", &addresses}, {"counters", &counters}, {"hwaddr", &text}, {"host_name", &text},
    {"mtu", &number},          {"state", &text},        {"type", &text},
};
constinit const Shape network{Kind::object, nullptr, network_fields};
constinit const Shape networks{Kind::map, &network};

constexpr Field state_fields[] = {
    {"status", &text},      {"status_code", &number}, {"disk", &usages},      {"memory", &memory},
    {"network", &networks}, {"pid", &number},         {"processes", &number}, {"cpu", &usage},
};
constinit const Shape state{Kind::pointer, nullptr, state_fields};

// Of a snapshot the date of expiry alone can be changed.
constexpr Field snapshot_put_fields[] = {{"expires_at", &time}};
constexpr Field snapshot_fields[] = {
    {"expires_at", &time},
    {"architecture", &text},
    {"config", &text_map},
    {"created_at", &time},
    {"devices", &devices},
    {"ephemeral", &boolean},
    {"expanded_config", &text_map, true},
    {"expanded_devices", &devices, true},
    {"last_used_at", &time},
    {"name", &text},
    {"profiles", &text_list},
    {"stateful", &boolean},
    {"size", &number},
};
constexpr Field snapshot_unexpanded_fields[] = {
    {"expires_at", &time},    {"architecture", &text}, {"config", &text_map},   {"created_at", &time},
    {"devices", &devices},    {"ephemeral", &boolean}, {"last_used_at", &time}, {"name", &text},
    {"profiles", &text_list}, {"stateful", &boolean},  {"size", &number},
};
constinit const Shape snapshots{Kind::list, &snapshot};

constexpr Field instance_full_fields[] = {
    {"architecture", &text},
    {"config", &text_map},
    {"devices", &devices},
    {"ephemeral", &boolean},
    {"profiles", &text_list},
    {"restore", &text, true},
    {"stateful", &boolean},
    {"description", &text},
    {"created_at", &time},
    {"expanded_config", &text_map, true},
    {"expanded_devices", &devices, true},
    {"name", &text},
    {"status", &text},
    {"status_code", &number},
    {"last_used_at", &time},
    {"location", &text},
    {"type", &text},
    {"project", &text},
    {"backups", &backups},
    {"state", &state},
    {"snapshots", &snapshots},
};

constexpr Field profile_put_fields[] = {{"config", &text_map}, {"description", &text}, {"devices", &devices}};
constexpr Field profile_fields[] = {
    {"config", &text_map}, {"description", &text}, {"devices", &devices}, {"name", &text}, {"used_by", &text_list}};

constexpr Field image_put_fields[] = {
    {"auto_update", &boolean}, {"properties", &text_map}, {"public", &boolean},
    {"expires_at", &time},     {"profiles", &text_list},
};

constexpr Field template_fields[] = {
    {"when", &text_list}, {"create_only", &boolean}, {"template", &text}, {"properties", &text_map}};
constinit const Shape file_template{Kind::object, nullptr, template_fields};
constinit const Shape file_templates{Kind::map, &file_template};
constexpr Field metadata_fields[] = {
    {"architecture", &text},   {"creation_date", &number},     {"expiry_date", &number},
    {"properties", &text_map}, {"templates", &file_templates},
};

constexpr Field image_alias_fields[] = {{"name", &text}, {"description", &text}};
constinit const Shape image_alias{Kind::object, nullptr, image_alias_fields};
constinit const Shape image_aliases{Kind::list, &image_alias};

constexpr Field image_source_fields[] = {
    {"alias", &text}, {"certificate", &text}, {"protocol", &text}, {"server", &text}, {"image_type", &text}};
constinit const Shape image_source{Kind::pointer, nullptr, image_source_fields};

constexpr Field image_fields[] = {
    {"auto_update", &boolean}, {"properties", &text_map}, {"public", &boolean},
    {"expires_at", &time},     {"profiles", &text_list},  {"aliases", &image_aliases},
    {"architecture", &text},   {"cached", &boolean},      {"filename", &text},
    {"fingerprint", &text},    {"size", &number},         {"update_source", &image_source, true},
    {"type", &text},           {"created_at", &time},     {"last_used_at", &time},
    {"uploaded_at", &time},
};

constexpr Field alias_fields[] = {{"description", &text}, {"target", &text}, {"name", &text}, {"type", &text}};
constinit const Shape alias{Kind::object, nullptr, alias_fields};

constexpr Field pool_put_fields[] = {{"config", &text_map}, {"description", &text}};
constexpr Field pool_fields[] = {
    {"config", &text_map},   {"description", &text}, {"name", &text},           {"driver", &text},
    {"used_by", &text_list}, {"status", &text},      {"locations", &text_list},
};

constexpr Field space_fields[] = {{"used", &number, true}, {"total", &number}};
constinit const Shape space{Kind::object, nullptr, space_fields};
constexpr Field inode_fields[] = {{"used", &number}, {"total", &number}};
constinit const Shape inodes{Kind::object, nullptr, inode_fields};
constexpr Field pool_resource_fields[] = {{"space", &space, true}, {"inodes", &inodes, true}};

constexpr Field volume_put_fields[] = {{"config", &text_map}, {"description", &text}, {"restore", &text, true}};
constexpr Field volume_fields[] = {
    {"config", &text_map}, {"description", &text},  {"restore", &text, true}, {"name", &text},
    {"type", &text},       {"used_by", &text_list}, {"location", &text},      {"content_type", &text},
    {"project", &text},    {"created_at", &time},
};
constexpr Field volume_snapshot_put_fields[] = {{"description", &text}, {"expires_at", &optional_time}};
constexpr Field volume_snapshot_fields[] = {
    {"description", &text}, {"expires_at", &optional_time}, {"name", &text},
    {"config", &text_map},  {"content_type", &text},        {"created_at", &time},
};

constexpr Field operation_fields[] = {
    {"id", &text},          {"class", &text},         {"description", &text},   {"created_at", &time},
    {"updated_at", &time},  {"status", &text},        {"status_code", &number}, {"resources", &text_list_map},
    {"metadata", &any_map}, {"may_cancel", &boolean}, {"err", &text},           {"location", &text},
};

// YAML has these in lower case; the info command renames what the server sends.
constexpr Field storage_driver_fields[] = {{"name", &text}, {"version", &text}, {"remote", &boolean}};
constinit const Shape storage_driver{Kind::object, nullptr, storage_driver_fields};
constinit const Shape storage_drivers{Kind::list, &storage_driver};

constexpr Field environment_fields[] = {
    {"addresses", &text_list},
    {"architectures", &text_list},
    {"certificate", &text},
    {"certificate_fingerprint", &text},
    {"driver", &text},
    {"driver_version", &text},
    {"firewall", &text},
    {"kernel", &text},
    {"kernel_architecture", &text},
    {"kernel_features", &text_map},
    {"kernel_version", &text},
    {"lxc_features", &text_map},
    {"os_name", &text},
    {"os_version", &text},
    {"project", &text},
    {"server", &text},
    {"server_clustered", &boolean},
    {"server_event_mode", &text},
    {"server_name", &text},
    {"server_pid", &number},
    {"server_version", &text},
    {"storage", &text},
    {"storage_version", &text},
    {"storage_supported_drivers", &storage_drivers},
};
constinit const Shape environment{Kind::object, nullptr, environment_fields};

constexpr Field server_put_fields[] = {{"config", &any_map}};
constexpr Field server_fields[] = {
    {"config", &any_map}, {"api_extensions", &text_list}, {"api_status", &text},        {"api_version", &text},
    {"auth", &text},      {"public", &boolean},           {"auth_methods", &text_list}, {"environment", &environment},
};

constexpr Field remote_fields[] = {
    {"addr", &text},          {"auth_type", &text, true}, {"domain", &text, true},
    {"project", &text, true}, {"protocol", &text, true},  {"public", &boolean},
};
constinit const Shape remote{Kind::object, nullptr, remote_fields};

constexpr Field event_fields[] = {
    {"type", &text}, {"timestamp", &text}, {"metadata", &any}, {"location", &text, true}, {"project", &text, true},
};

} // namespace

constinit const Shape instance_put{Kind::object, nullptr, instance_put_fields};
constinit const Shape instance{Kind::object, nullptr, instance_fields};
constinit const Shape instances{Kind::list, &instance};
constinit const Shape instance_full{Kind::object, nullptr, instance_full_fields};
constinit const Shape instances_full{Kind::list, &instance_full};
constinit const Shape snapshot_put{Kind::object, nullptr, snapshot_put_fields};
constinit const Shape snapshot{Kind::object, nullptr, snapshot_fields};
constinit const Shape instance_unexpanded{Kind::object, nullptr, instance_unexpanded_fields};
constinit const Shape snapshot_unexpanded{Kind::object, nullptr, snapshot_unexpanded_fields};
constinit const Shape metadata{Kind::object, nullptr, metadata_fields};
constinit const Shape profile_put{Kind::object, nullptr, profile_put_fields};
constinit const Shape profile{Kind::object, nullptr, profile_fields};
constinit const Shape profiles{Kind::list, &profile};
constinit const Shape image_put{Kind::object, nullptr, image_put_fields};
constinit const Shape image{Kind::object, nullptr, image_fields};
constinit const Shape images{Kind::list, &image};
constinit const Shape aliases{Kind::list, &alias};
constinit const Shape pool_put{Kind::object, nullptr, pool_put_fields};
constinit const Shape pool{Kind::object, nullptr, pool_fields};
constinit const Shape pools{Kind::list, &pool};
constinit const Shape pool_resources{Kind::object, nullptr, pool_resource_fields};
constinit const Shape volume_put{Kind::object, nullptr, volume_put_fields};
constinit const Shape volume{Kind::object, nullptr, volume_fields};
constinit const Shape volumes{Kind::list, &volume};
constinit const Shape volume_snapshot_put{Kind::object, nullptr, volume_snapshot_put_fields};
constinit const Shape volume_snapshot{Kind::object, nullptr, volume_snapshot_fields};
constinit const Shape operation{Kind::object, nullptr, operation_fields};
constinit const Shape operations{Kind::list, &operation};
constinit const Shape server_put{Kind::object, nullptr, server_put_fields};
constinit const Shape server{Kind::object, nullptr, server_fields};
constinit const Shape remotes{Kind::map, &remote};
constinit const Shape event{Kind::object, nullptr, event_fields};

} // namespace shapes

namespace {

using schema::Json;
using Kind = Shape::Kind;

bool is_empty(const Json& value) {
    if (value.is_null()) return true;
    if (value.is_string()) return value.as_string().empty();
    if (value.is_array()) return value.as_array().empty();
    if (value.is_object()) return value.as_object().empty();
    if (value.is_bool()) return !value.as_bool();
    return value.as_number() == 0;
}

Json shaped_object(const Json& value, const Shape& shape) {
    auto object = Json::empty_object();
    for (const auto& field : shape.fields) {
        const auto& member = value[field.name];
        if (field.omit_empty && is_empty(member)) continue;
        object.object().emplace_back(std::string(field.name), shaped(member, *field.shape));
    }
    return object;
}

Json shaped_map(const Json& value, const Shape& shape) {
    if (value.is_null()) return value;
    auto map = Json::empty_object();
    for (const auto& [key, member] : value.as_object()) map.object().emplace_back(key, shaped(member, *shape.element));
    std::sort(map.object().begin(), map.object().end(),
              [](const Json::Member& a, const Json::Member& b) { return a.first < b.first; });
    return map;
}

} // namespace

Json shaped(const Json& value, const Shape& shape) {
    switch (shape.kind) {
    case Kind::any:
    case Kind::optional_time:
        return value;
    case Kind::text:
        return value.is_null() ? Json("") : value;
    case Kind::number:
        return value.is_null() ? Json(0) : value;
    case Kind::boolean:
        return value.is_null() ? Json(false) : value;
    case Kind::time:
        return value.is_null() ? Json("0001-01-01T00:00:00Z") : value;
    case Kind::map:
        return shaped_map(value, shape);
    case Kind::list: {
        if (value.is_null()) return value;
        auto list = Json::empty_array();
        for (const auto& item : value.as_array()) list.push_back(shaped(item, *shape.element));
        return list;
    }
    case Kind::pointer:
        return value.is_null() ? value : shaped_object(value, shape);
    case Kind::object:
        return shaped_object(value, shape);
    }
    return value;
}

} // namespace client
