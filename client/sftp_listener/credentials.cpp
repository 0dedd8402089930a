#include "client/sftp_listener/credentials.h"

#include "daemon/base/crypto.h"

namespace client {

namespace {

constexpr std::string_view alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

bool same(std::string_view wanted, std::string_view given) {
    // Digests have one length, and what a guess shares with a digest tells nothing of the word.
    const auto a = base::sha256(wanted);
    const auto b = base::sha256(given);
    volatile unsigned difference = 0;
    for (size_t i = 0; i < a.size(); ++i) {
        difference = difference | (static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]));
    }
    return difference == 0;
}

} // namespace

std::string random_word(size_t length) {
    // Bytes from here on would make the first letters of the alphabet likelier.
    constexpr size_t fair = 256 - 256 % alphabet.size();
    std::string word;
    while (word.size() < length) {
        for (const char c : base::random_bytes(length)) {
            const auto byte = static_cast<unsigned char>(c);
            if (byte < fair && word.size() < length) word += alphabet[byte % alphabet.size()];
        }
    }
    return word;
}

bool Credentials::match(std::string_view given_user, std::string_view given_password) const {
    const bool known = same(user, given_user);
    const bool proven = same(password, given_password);
    return known && proven;
}

} // namespace client
