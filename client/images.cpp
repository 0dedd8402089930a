#include "client/images.h"

#include "client/target.h"

namespace client {

std::string image_fingerprint(Server& server, std::string_view name, std::string_view type) {
    std::string wanted(name.empty() ? "default" : name);
    const auto alias = get_if_exists(server, "/1.0/images/aliases/" + path_escape(wanted));
    if (alias && !type.empty() && (*alias)["type"] != schema::Json(std::string(type))) return wanted;
    return alias && (*alias)["target"].is_string() ? (*alias)["target"].as_string() : wanted;
}

std::string image_url(std::string_view fingerprint) {
    return "/1.0/images/" + path_escape(fingerprint);
}

} // namespace client
