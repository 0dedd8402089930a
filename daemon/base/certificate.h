#pragma once
// Self-signed certificates as LXD makes them: ECDSA P-384, ten years, organisation linuxcontainers.org. The daemon has
// server.crt and server.key, the client client.crt and client.key; others know them by their fingerprint.

#include <string>

namespace base {

struct Certificate {
    std::string certificate_pem;
    std::string key_pem;
};

enum class CertificateUse { server, client };

/// For "user@host". A server's is also for the names `host`, 127.0.0.1 and ::1. Throws schema::failure.
Certificate generate_certificate(CertificateUse use, const std::string& user, const std::string& host);
/// Reads the two files; makes them for this user and host where one is missing (modes 0644 and 0600). Throws.
Certificate find_or_generate_certificate(const std::string& certificate_path, const std::string& key_path,
                                         CertificateUse use);
/// SHA-256 of the DER form in lower-case hex. Throws bad_request on what is no certificate.
std::string certificate_fingerprint(const std::string& certificate_pem);

} // namespace base
