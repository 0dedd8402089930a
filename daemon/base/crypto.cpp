#include "daemon/base/crypto.h"

#include <array>

#include <openssl/evp.h>
#include <openssl/rand.h>

#include "schema/error.h"

namespace base {

namespace {

void check(int result, std::string_view what) {
    if (result != 1) throw schema::failure("{} failed", what);
}

} // namespace

struct Sha256::State {
    struct Free {
        void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
    };
    std::unique_ptr<EVP_MD_CTX, Free> context{EVP_MD_CTX_new()};
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
    check(EVP_DigestInit_ex(state_->context.get(), EVP_sha256(), nullptr), "SHA-256");
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view data) {
    check(EVP_DigestUpdate(state_->context.get(), data.data(), data.size()), "SHA-256");
}

std::string Sha256::finish() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
    unsigned size = 0;
    check(EVP_DigestFinal_ex(state_->context.get(), digest.data(), &size), "SHA-256");
    return hex({reinterpret_cast<const char*>(digest.data()), size});
}

std::string sha256(std::string_view data) {
    Sha256 digest;
    digest.update(data);
    return digest.finish();
}

std::string hex(std::string_view bytes) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text;
    text.reserve(bytes.size() * 2);
    for (const auto byte : bytes) {
        const auto value = static_cast<unsigned char>(byte);
        text += digits[value >> 4U];
        text += digits[value & 15U];
    }
    return text;
}

std::string random_bytes(size_t count) {
    std::string bytes(count, '\0');
    check(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)), "Reading randomness");
    return bytes;
}

std::string random_hex(size_t count) {
    return hex(random_bytes(count));
}

std::string uuid4() {
    auto bytes = random_bytes(16);
    bytes[6] = static_cast<char>((static_cast<unsigned char>(bytes[6]) & 0x0fU) | 0x40U);
    bytes[8] = static_cast<char>((static_cast<unsigned char>(bytes[8]) & 0x3fU) | 0x80U);
    const auto text = hex(bytes);
    return text.substr(0, 8) + '-' + text.substr(8, 4) + '-' + text.substr(12, 4) + '-' + text.substr(16, 4) + '-' +
           text.substr(20);
}

} // namespace base
