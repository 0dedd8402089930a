#pragma once
// What is UTF-8 and what is not, for the readers and writers of texts (schema/json.h, schema/yaml.h).

#include <cstddef>
#include <string_view>

namespace schema {

/// How many bytes the UTF-8 character at the front of a text, which is not empty, has; 0 where it is none (overlong, a
/// surrogate, cut off).
size_t character_size(std::string_view text);
/// Where the first byte is that belongs to no character; npos where there is none.
size_t find_no_utf8(std::string_view text);

} // namespace schema
