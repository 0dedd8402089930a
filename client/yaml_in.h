#pragma once
// YAML that users give (config files, edited objects, `lxc launch < file`) into JSON, with the types that the API's
// objects have.

#include <string>

#include "client/shapes.h"
#include "schema/json.h"

namespace client {

/// The members of the shape that the document has; others are ignored, as LXD's client does. Scalars become what the
/// shape wants: `limits.cpu: 2` is the text "2". An empty document is an empty object. Throws bad_request "yaml: ...".
schema::Json parse_yaml(const std::string& text, const Shape& shape);

} // namespace client
