#pragma once
// Bytes in JSON: names of files need not be UTF-8, texts of JSON must be. Callers: files.h.

#include <string>
#include <string_view>

namespace runner {

/// Each byte as the character of that number, in UTF-8.
inline std::string text_of(std::string_view bytes) {
    std::string text;
    text.reserve(bytes.size());
    for (const char raw : bytes) {
        const auto byte = static_cast<unsigned char>(raw);
        if (byte < 0x80U) {
            text += raw;
            continue;
        }
        text += static_cast<char>(0xC0U | byte >> 6U);
        text += static_cast<char>(0x80U | (byte & 0x3FU));
    }
    return text;
}

/// The reverse of text_of.
inline std::string bytes_of(std::string_view text) {
    std::string bytes;
    bytes.reserve(text.size());
    for (size_t index = 0; index < text.size(); ++index) {
        const auto lead = static_cast<unsigned char>(text[index]);
        if (lead < 0x80U || index + 1 == text.size()) {
            bytes += text[index];
            continue;
        }
        const auto tail = static_cast<unsigned char>(text[++index]);
        bytes += static_cast<char>((lead & 0x03U) << 6U | (tail & 0x3FU));
    }
    return bytes;
}

} // namespace runner
