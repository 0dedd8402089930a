#pragma once
// An empty value means that a key or option is not set: what is stored has none. Called by whatever takes an order.

#include "schema/config.h"

namespace schema {

inline void drop_unset(Config& config) {
    std::erase_if(config, [](const auto& option) { return option.second.empty(); });
}

inline void drop_unset(Devices& devices) {
    for (auto& [name, options] : devices) drop_unset(options);
}

} // namespace schema
