#pragma once
// Header values of the form `type; name=value; name="quoted value"`: Content-Type and Content-Disposition.

#include <map>
#include <string>
#include <string_view>

namespace images {

struct MediaType {
    std::string type;                              // lower case
    std::map<std::string, std::string> parameters; // names in lower case
};

/// Never fails: what cannot be read is left out.
MediaType parse_media_type(std::string_view header);

} // namespace images
