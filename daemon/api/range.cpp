#include "daemon/api/range.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <system_error>

#include <fmt/format.h>

namespace api {

namespace {

using Producer = std::shared_ptr<http::BodyProducer>;

/// The bytes after the first `skipped` ones, `length` of them.
class PartBody : public http::BodyProducer {
public:
    PartBody(Producer whole, uint64_t skipped, uint64_t length)
        : whole_(std::move(whole)), to_skip_(skipped), length_(length), left_(length) {}

    size_t read(char* buffer, size_t size) override {
        while (to_skip_ > 0) {
            const auto count = whole_->read(buffer, std::min<uint64_t>(size, to_skip_));
            if (count == 0) return 0;
            to_skip_ -= count;
        }
        const auto count = left_ == 0 ? 0 : whole_->read(buffer, std::min<uint64_t>(size, left_));
        left_ -= count;
        return count;
    }
    std::optional<uint64_t> length() const override { return length_; }

private:
    Producer whole_;
    uint64_t to_skip_;
    const uint64_t length_;
    uint64_t left_;
};

struct Range {
    uint64_t first = 0;
    uint64_t length = 0; // 0: outside the body, or unreadable
};

std::optional<uint64_t> number(std::string_view text) {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

/// "2-5", "2-" or "-4" of a body of `size` bytes.
Range parse(std::string_view text, uint64_t size) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return {};
    const auto first = number(text.substr(0, dash));
    const auto last = number(text.substr(dash + 1));
    if (dash == 0) {
        const auto length = std::min(last.value_or(0), size);
        return {size - length, length};
    }
    const bool open_ended = dash + 1 == text.size();
    if (!first || *first >= size || (!open_ended && (!last || *last < *first))) return {};
    return {*first, (open_ended ? size - 1 : std::min(*last, size - 1)) - *first + 1};
}

void refuse(http::Response& response, uint64_t size) {
    response = {};
    response.status = 416;
    response.headers["Content-Range"] = fmt::format("bytes */{}", size);
    response.headers["Content-Type"] = "text/plain; charset=utf-8";
    response.body = std::string("invalid range: failed to overlap\n");
}

} // namespace

void serve_range(const http::Request& request, http::Response& response) {
    constexpr std::string_view unit = "bytes=";
    const auto& wanted = request.header("Range");
    if (wanted.empty() || !request.header("If-Range").empty() || wanted.find(',') != std::string::npos) return;
    const auto* body = std::get_if<Producer>(&response.body);
    if (response.status != 200 || body == nullptr || !response.headers.contains("Accept-Ranges")) return;
    const auto size = (*body)->length();
    if (!size || *size == 0) return;
    const auto range = wanted.starts_with(unit) ? parse(std::string_view(wanted).substr(unit.size()), *size) : Range();
    if (range.length == 0) return refuse(response, *size);
    response.status = 206;
    response.headers["Content-Range"] =
        fmt::format("bytes {}-{}/{}", range.first, range.first + range.length - 1, *size);
    response.body = std::make_shared<PartBody>(*body, range.first, range.length);
}

} // namespace api
