#pragma once
// What the server's side of TLS is set to. Used by the server for each TLS listener.

#include <memory>

#include "daemon/http/server.h"

struct ssl_ctx_st;

namespace http {

/// TLS 1.2 and 1.3; a client certificate is asked for, not demanded, and taken unverified: whom to trust is decided by
/// comparing it with the stored ones. Throws schema::failure on a broken certificate or key.
std::shared_ptr<ssl_ctx_st> tls_settings(const TlsIdentity& identity);

} // namespace http
