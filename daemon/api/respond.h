#pragma once
// LXD's reply envelope: sync, async and error, status codes, Location and ETag. Used by every handler.

#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/http/message.h"
#include "daemon/operations/operation.h"
#include "schema/error.h"
#include "schema/json.h"

namespace api {

/// 200 with the value in `metadata`.
http::Response sync(schema::Json metadata);
/// As sync, with the tag of what the object lets a client write.
http::Response sync(schema::Json metadata, const schema::Json& writable);
/// 200 with a list in `metadata`, whose elements are JSON texts already: long lists are rendered by several threads.
http::Response sync_list(const std::vector<std::string>& elements);
/// 200 with `{}` in `metadata`: a change was made.
http::Response done();
/// 201 with the Location of what was made.
http::Response created(const std::string& location);
/// 202 with the operation.
http::Response async(const operations::Operation& operation);
http::Response error(schema::ErrorKind kind, std::string_view text);
/// Turns whatever was thrown into an error reply; the one place where exceptions become HTTP.
http::Response error(const std::exception_ptr& thrown);

/// SHA-256 of the value's JSON text, in hex.
std::string etag(const schema::Json& writable);
/// Throws precondition_failed when If-Match is there and is not the tag of `writable`; quotes are optional.
void check_etag(const http::Request& request, const schema::Json& writable);

} // namespace api
