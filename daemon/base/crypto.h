#pragma once
// Digests and randomness through OpenSSL. Callers: images (fingerprints), api (ETags), operations (ids, secrets).

#include <memory>
#include <string>
#include <string_view>

namespace base {

/// A running SHA-256.
class Sha256 {
public:
    Sha256();
    ~Sha256();
    Sha256(Sha256&&) noexcept;
    Sha256& operator=(Sha256&&) noexcept;

    void update(std::string_view data);
    /// The digest in lower-case hex; nothing may be added afterwards.
    std::string finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// Of a whole text, in lower-case hex.
std::string sha256(std::string_view data);
/// Each byte as two lower-case digits.
std::string hex(std::string_view bytes);
/// Fit for secrets; throws schema::Error where the system has no randomness.
std::string random_bytes(size_t count);
/// `count` random bytes in hex: LXD's operation secrets are random_hex(32).
std::string random_hex(size_t count);
/// A random UUID (version 4), as operation ids are.
std::string uuid4();

} // namespace base
