#include "schema/lxc_item.h"

#include <string_view>

#include <fmt/format.h>

namespace schema {

std::string to_text(const std::vector<LxcItem>& items) {
    std::string text;
    std::string_view named;
    for (const auto& item : items) {
        if (item.origin != named) text += fmt::format("# {}\n", item.origin);
        named = item.origin;
        text += fmt::format("{} = {}\n", item.key, item.value);
    }
    return text;
}

} // namespace schema
