#pragma once
// An image as a download; both APIs offer it.

#include <optional>

#include "daemon/api/context.h"
#include "schema/api/image.h"

namespace api {

/// The image's file or files, or the part that the request asks for; reported as an event.
http::Response exported(Context& context, const schema::Image& image, const http::Request& request,
                        const std::optional<schema::Requestor>& requestor);

} // namespace api
