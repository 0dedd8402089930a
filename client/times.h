#pragma once
// Times of API objects as lists and descriptions show them.

#include <string>
#include <string_view>

namespace client {

/// Is it a time after 1970? Servers send Go's zero time for "never".
bool is_set(std::string_view rfc3339_text);
/// "2026/01/02 15:04 UTC"
std::string utc_minutes(std::string_view rfc3339_text);
/// "2026/01/02 16:04 CET", in the user's zone.
std::string local_minutes(std::string_view rfc3339_text);
/// "Jan 2, 2026 at 3:04pm (UTC)"
std::string upload_date(std::string_view rfc3339_text);

} // namespace client
