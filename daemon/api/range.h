#pragma once
// Parts of downloads: the Range header, as Go's file server reads it. Called by bind for every answer.

#include "daemon/http/message.h"

namespace api {

/// Cuts a body whose answer says "Accept-Ranges: bytes" to the range that is asked for: 206, or 416 where it lies
/// outside. Several ranges at once, and those that hold only for an unchanged file (If-Range), get the whole body.
void serve_range(const http::Request& request, http::Response& response);

} // namespace api
