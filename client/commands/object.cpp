#include "client/commands/object.h"

#include <algorithm>

#include "client/settings.h"
#include "schema/error.h"

namespace client {

using schema::Json;

Object object_named(Session& session, const std::string& word, const ObjectKind& kind) {
    const auto resource = kind.no_name.empty() ? session.resource(word) : session.named(word, kind.no_name);
    return {resource.server, kind, resource.name};
}

void set_keys(Object& object, const std::map<std::string, std::string>& settings) {
    auto& config = object.config();
    for (const auto& [key, value] : settings) config.set(key, value);
    object.store();
}

void unset_key(Object& object, const std::string& key) {
    auto& config = object.config();
    if (!object.kind().unset_says_absent) {
        config.set(key, "");
    } else if (config.find(key) == nullptr) {
        throw schema::bad_request("Can't unset key '{}', it's not currently set", key);
    } else {
        remove_member(config, key);
    }
    object.store();
}

std::string shown_key(Object& object, const std::string& key) {
    const auto* value = object.config().find(key);
    if (value == nullptr && object.kind().get_is_silent) return "";
    if (value == nullptr || value->is_null()) return "\n";
    return (value->is_string() ? value->as_string() : value->dump()) + "\n";
}

int run_object_edit(Session& session, Call& call, const ObjectKind& kind) {
    object_named(session, call.arguments[0], kind).edit();
    return 0;
}

int run_object_get(Session& session, Call& call, const ObjectKind& kind) {
    refuse_member(call);
    auto object = object_named(session, call.arguments[0], kind);
    print(shown_key(object, call.arguments[1]));
    return 0;
}

int run_object_set(Session& session, Call& call, const ObjectKind& kind) {
    refuse_member(call);
    auto object = object_named(session, call.arguments[0], kind);
    set_keys(object, parse_settings({call.arguments.begin() + 1, call.arguments.end()}));
    return 0;
}

int run_object_show(Session& session, Call& call, const ObjectKind& kind) {
    print(object_named(session, call.arguments[0], kind).yaml());
    return 0;
}

int run_object_unset(Session& session, Call& call, const ObjectKind& kind) {
    refuse_member(call);
    auto object = object_named(session, call.arguments[0], kind);
    unset_key(object, call.arguments[1]);
    return 0;
}

void refuse_target(const Call& call, bool is_instance) {
    if (call.flags.text("target").empty()) return;
    throw schema::bad_request("{}", is_instance ? "--target cannot be used with instances"
                                                : "To use --target, the destination remote must be a cluster");
}

void refuse_member(const Call& call) {
    if (!call.flags.text("target").empty()) throw schema::not_found("Cluster member not found");
}

void sort_users(schema::Json& object) {
    if (!object["used_by"].is_array()) return;
    auto users = object["used_by"].as_array();
    std::ranges::sort(users, {}, &schema::Json::as_string);
    object.set("used_by", std::move(users));
}

void say(const Session& session, std::string_view text) {
    if (!session.quiet()) print(text);
}

} // namespace client
