#pragma once
// Writes tar archives byte by byte, so that tests can write what no honest program does.

#include <cstdio>
#include <cstring>
#include <string>

namespace storage {

class TarBuilder {
public:
    TarBuilder& file(const std::string& name, const std::string& content) {
        return entry(name, '0', "", content, 0644);
    }
    TarBuilder& folder(const std::string& name) { return entry(name, '5', "", "", 0755); }
    TarBuilder& symlink(const std::string& name, const std::string& text) { return entry(name, '2', text, "", 0777); }
    TarBuilder& hard_link(const std::string& name, const std::string& target) {
        return entry(name, '1', target, "", 0644);
    }
    TarBuilder& fifo(const std::string& name) { return entry(name, '6', "", "", 0600); }

    std::string bytes() const { return bytes_ + std::string(1024, '\0'); }

private:
    struct Header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, target[100], magic[8];
        char rest[247];
    };
    static_assert(sizeof(Header) == 512);

    TarBuilder& entry(const std::string& name, char type, const std::string& target, const std::string& content,
                      unsigned mode) {
        Header header;
        std::memset(&header, 0, sizeof header);
        std::strncpy(header.name, name.c_str(), sizeof header.name - 1);
        std::snprintf(header.mode, sizeof header.mode, "%07o", mode);
        std::snprintf(header.uid, sizeof header.uid, "%07o", 0U);
        std::snprintf(header.gid, sizeof header.gid, "%07o", 0U);
        std::snprintf(header.size, sizeof header.size, "%011o", static_cast<unsigned>(content.size()));
        std::snprintf(header.mtime, sizeof header.mtime, "%011o", 1000000000U);
        std::memset(header.checksum, ' ', sizeof header.checksum);
        header.type = type;
        std::strncpy(header.target, target.c_str(), sizeof header.target - 1);
        std::memcpy(header.magic, "ustar\00000", sizeof header.magic);
        unsigned sum = 0;
        for (size_t at = 0; at < sizeof header; ++at) sum += reinterpret_cast<const unsigned char*>(&header)[at];
        std::snprintf(header.checksum, sizeof header.checksum, "%06o", sum);
        bytes_.append(reinterpret_cast<const char*>(&header), sizeof header);
        bytes_ += content;
        bytes_.append((512 - content.size() % 512) % 512, '\0');
        return *this;
    }

    std::string bytes_;
};

} // namespace storage
