#include "client/extensions.h"

#include <algorithm>

#include "schema/error.h"

namespace client {

using schema::Json;

bool has_extension(Server& server, std::string_view name) {
    const auto answer = server.get("/1.0").metadata;
    const auto& extensions = answer["api_extensions"];
    return extensions.is_array() &&
           std::any_of(extensions.as_array().begin(), extensions.as_array().end(),
                       [&](const Json& extension) { return extension.is_string() && extension.as_string() == name; });
}

void require_extension(Server& server, std::string_view name) {
    if (has_extension(server, name)) return;
    throw schema::bad_request("The server is missing the required \"{}\" API extension", name);
}

} // namespace client
