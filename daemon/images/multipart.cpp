#include "daemon/images/multipart.h"

#include <algorithm>
#include <cstring>

#include "daemon/images/media_type.h"
#include "schema/error.h"
#include "schema/limits.h"

namespace images {

namespace {

constexpr size_t chunk = 128 << 10;
constexpr size_t header_limit = schema::limits::multipart_head.value; // all lines together

schema::Error malformed(std::string_view what) {
    return schema::bad_request("Invalid multipart body: {}", what);
}

bool names_disposition(std::string_view line) {
    constexpr std::string_view name = "content-disposition:";
    return line.size() >= name.size() &&
           std::ranges::equal(line.substr(0, name.size()), name, [](char have, char want) {
               return have == want || (have >= 'A' && have <= 'Z' && have - 'A' + 'a' == want);
           });
}

} // namespace

MultipartReader::MultipartReader(ByteSource source, std::string_view boundary)
    : source_(std::move(source)), delimiter_("\r\n--" + std::string(boundary)),
      buffer_("\r\n") /* so that the first delimiter looks like all others */ {
    if (boundary.empty() || boundary.size() > 70) throw malformed("no usable boundary");
}

/// Reads more behind what is buffered; false at the end of the body.
bool MultipartReader::fill() {
    buffer_.erase(0, start_);
    start_ = 0;
    const auto kept = buffer_.size();
    buffer_.resize(kept + chunk);
    const auto count = source_(buffer_.data() + kept, chunk);
    buffer_.resize(kept + count);
    return count > 0;
}

size_t MultipartReader::read(char* buffer, size_t size) {
    if (at_delimiter_ || finished_) return 0;
    for (;;) {
        const auto unread = buffered();
        const auto found = unread.find(delimiter_);
        if (found == 0) {
            at_delimiter_ = true;
            return 0;
        }
        // The last bytes could be the start of a delimiter.
        const auto safe = found != unread.npos                 ? found
                          : unread.size() >= delimiter_.size() ? unread.size() - delimiter_.size() + 1
                                                               : 0;
        if (safe > 0) {
            const auto count = std::min(safe, size);
            std::memcpy(buffer, unread.data(), count);
            consume(count);
            return count;
        }
        if (!fill()) throw malformed("unexpected EOF");
    }
}

std::string MultipartReader::take_line(size_t limit) {
    for (;;) {
        const auto unread = buffered();
        const auto end = unread.find("\r\n");
        if (end != unread.npos) {
            std::string line(unread.substr(0, end));
            consume(end + 2);
            if (line.size() > limit) throw malformed("part headers are too long");
            return line;
        }
        if (unread.size() > limit) throw malformed("part headers are too long");
        if (!fill()) throw malformed("unexpected EOF");
    }
}

MultipartReader::Part MultipartReader::read_headers() {
    Part part;
    size_t left = header_limit;
    for (;;) {
        const auto line = take_line(left);
        if (line.empty()) return part;
        left -= std::min(left, line.size() + 2);
        if (!names_disposition(line)) continue;
        auto disposition = parse_media_type(std::string_view(line).substr(line.find(':') + 1));
        part.name = disposition.parameters["name"];
        const auto& filename = disposition.parameters["filename"];
        const auto slash = filename.rfind('/');
        part.filename = slash == std::string::npos ? filename : filename.substr(slash + 1);
    }
}

std::optional<MultipartReader::Part> MultipartReader::next_part() {
    std::string rest(chunk, '\0');
    while (read(rest.data(), rest.size()) > 0) {
    }
    if (finished_) return {};
    consume(delimiter_.size());
    at_delimiter_ = false;
    while (buffered().size() < 2)
        if (!fill()) throw malformed("unexpected EOF");
    if (buffered().starts_with("--")) {
        finished_ = true;
        return {};
    }
    if (take_line(header_limit).find_first_not_of(" \t") != std::string::npos) throw malformed("bad boundary line");
    return read_headers();
}

} // namespace images
