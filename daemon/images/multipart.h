#pragma once
// Reads a multipart/form-data body part by part while it arrives, in constant memory. Used for split images.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "daemon/images/byte_source.h"

namespace images {

class MultipartReader {
public:
    /// The boundary is that of the Content-Type header. Throws bad_request where it is none.
    MultipartReader(ByteSource source, std::string_view boundary);

    struct Part {
        std::string name;
        std::string filename; // without folders
    };
    /// Skips what is left of the part before. Nothing after the last part. Throws bad_request on a malformed body.
    std::optional<Part> next_part();
    /// As ByteSource, for the part that next_part gave.
    size_t read(char* buffer, size_t size);

private:
    std::string_view buffered() const { return std::string_view(buffer_).substr(start_); }
    bool fill();
    void consume(size_t count) { start_ += count; }
    std::string take_line(size_t limit);
    Part read_headers();

    ByteSource source_;
    std::string delimiter_; // "\r\n--BOUNDARY"
    std::string buffer_;    // unread from start_ on
    size_t start_ = 0;
    bool at_delimiter_ = false; // the part's content is read; the delimiter is next
    bool finished_ = false;
};

} // namespace images
