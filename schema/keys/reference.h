#pragma once
// All tables of keys and options as a document for people, in Markdown: what `lxd keys` prints and doc/config-keys.md
// holds.

#include <string>

namespace schema {

std::string key_reference();

} // namespace schema
