#pragma once
// Writes tar archives byte by byte, so that tests can write what no honest program does.

#include <cstdio>
#include <cstring>
#include <functional>
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

    /// GNU's way: an entry before the one whose name it is.
    TarBuilder& long_name(const std::string& name) { return entry("././@LongLink", 'L', "", name + '\0', 0644); }

    /// A file that is all hole, in GNU's notation.
    TarBuilder& hole(const std::string& name, unsigned size) {
        return entry(name, 'S', "", "", 0644, [size](Header& header) {
            std::memcpy(header.magic, "ustar  ", sizeof header.magic);
            std::snprintf(header.rest + 121, 12, "%011o", size); // its one piece begins at the end
            std::snprintf(header.rest + 133, 12, "%011o", 0U);   // and is empty
            std::snprintf(header.rest + 218, 12, "%011o", size);
        });
    }

    std::string bytes() const { return bytes_ + std::string(1024, '\0'); }

private:
    struct Header {
        char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, target[100], magic[8];
        char rest[247];
    };
    static_assert(sizeof(Header) == 512);

    TarBuilder& entry(const std::string& name, char type, const std::string& target, const std::string& content,
                      unsigned mode, const std::function<void(Header&)>& more = {}) {
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
        if (more) more(header);
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
