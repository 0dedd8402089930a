#include "daemon/api/handlers/handlers.h"

#include "daemon/api/respond.h"
#include "daemon/http/target.h"
#include "schema/error.h"

namespace api {

using schema::Json;

namespace {

std::string alias_url(const std::string& name) {
    return "/1.0/images/aliases/" + http::encoded_segment(name);
}

Json alias_writable(const schema::ImageAliasEntry& alias) {
    Json json;
    json.set("description", alias.description).set("target", alias.target);
    return json;
}

http::Response update_alias(Context& context, const http::Request& request, bool merge) {
    const auto present = context.images.alias(argument(request, "name"));
    check_etag(request, alias_writable(present));
    auto wanted = schema::image_alias_from(json_body(request), merge ? present : schema::ImageAliasEntry{});
    if (wanted.target.empty()) throw schema::bad_request("The target field is required");
    context.images.update_alias(present.name, wanted);
    context.events.lifecycle("image-alias-updated", alias_url(present.name), {}, requestor(request));
    return done();
}

} // namespace

http::Response image_aliases_get(Context& context, const http::Request& request) {
    const bool objects = recursion(request) > 0;
    auto list = Json::empty_array();
    for (const auto& alias : context.images.aliases())
        list.push_back(objects ? to_json(alias) : Json(alias_url(alias.name)));
    return sync(list);
}

http::Response image_aliases_post(Context& context, const http::Request& request) {
    const auto alias = schema::image_alias_from(json_body(request));
    if (alias.name.empty() || alias.target.empty()) throw schema::bad_request("name and target are required");
    context.images.add_alias(alias);
    Json details;
    details.set("target", alias.target);
    context.events.lifecycle("image-alias-created", alias_url(alias.name), details, requestor(request));
    return created(alias_url(alias.name));
}

http::Response image_alias_get(Context& context, const http::Request& request) {
    const auto alias = context.images.alias(argument(request, "name"));
    if (!is_trusted(request) && !context.images.get(alias.target).is_public)
        throw schema::not_found("Image alias not found");
    return sync(to_json(alias), alias_writable(alias));
}

http::Response image_alias_put(Context& context, const http::Request& request) {
    return update_alias(context, request, false);
}

http::Response image_alias_patch(Context& context, const http::Request& request) {
    return update_alias(context, request, true);
}

http::Response image_alias_post(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    std::string wanted;
    schema::json::read(json_body(request), "name", wanted);
    context.images.rename_alias(name, wanted);
    Json details;
    details.set("old_name", name);
    context.events.lifecycle("image-alias-renamed", alias_url(wanted), details, requestor(request));
    return created(alias_url(wanted));
}

http::Response image_alias_delete(Context& context, const http::Request& request) {
    const auto& name = argument(request, "name");
    context.images.alias(name);
    context.images.remove_alias(name);
    context.events.lifecycle("image-alias-deleted", alias_url(name), {}, requestor(request));
    return done();
}

} // namespace api
