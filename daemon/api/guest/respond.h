#pragma once
// The forms of the guest API's answers.

#include <string>
#include <string_view>

#include "daemon/http/message.h"
#include "schema/json.h"

namespace api::guest {

http::Response json(const schema::Json& value);
/// A value as it is.
http::Response raw(std::string text);
http::Response error(int status, std::string_view text);

} // namespace api::guest
