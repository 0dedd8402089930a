#include "client/extensions.h"

#include <algorithm>

namespace client {

using schema::Json;

bool has_extension(Server& server, std::string_view name) {
    const auto answer = server.get("/1.0").metadata;
    const auto& extensions = answer["api_extensions"];
    return extensions.is_array() &&
           std::any_of(extensions.as_array().begin(), extensions.as_array().end(),
                       [&](const Json& extension) { return extension.is_string() && extension.as_string() == name; });
}

} // namespace client
