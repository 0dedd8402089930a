#pragma once
// The version that the client gives as its own: that of the LXD whose behaviour it has, because scripts compare it.

#include <string_view>

namespace client {

constexpr std::string_view version = "5.0.2";
constexpr std::string_view user_agent = "LXD 5.0.2";

} // namespace client
