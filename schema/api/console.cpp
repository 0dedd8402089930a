#include "schema/api/console.h"

namespace schema {

Json to_json(const InstanceConsolePost& post) {
    return Json::empty_object().set("width", post.width).set("height", post.height).set("type", post.type);
}

InstanceConsolePost instance_console_post_from(const Json& value) {
    InstanceConsolePost post;
    value.as_object();
    json::read(value, "width", post.width);
    json::read(value, "height", post.height);
    json::read(value, "type", post.type);
    if (post.type.empty()) post.type = "console";
    return post;
}

} // namespace schema
