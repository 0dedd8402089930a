#include "client/commands/multipart.h"

#include <algorithm>

#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

std::string lowered(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return ::tolower(c); });
    return lower;
}

constexpr size_t longest_head = 64U << 10U;

} // namespace

std::string header_parameter(std::string_view header, std::string_view name) {
    for (auto& part : split(header, ';')) {
        std::string key;
        std::string value;
        if (!split_pair(part, key, value)) continue;
        key.erase(0, key.find_first_not_of(' ') == std::string::npos ? key.size() : key.find_first_not_of(' '));
        if (lowered(key) != name) continue;
        if (value.size() >= 2 && value.front() == '"') {
            const auto end = value.find('"', 1);
            return value.substr(1, end == std::string::npos ? end : end - 1);
        }
        return value;
    }
    return "";
}

void MultipartReader::feed(std::string_view data) {
    pending_ += data;
    while (step()) {
    }
}

void MultipartReader::finish() const {
    if (state_ != State::done) throw schema::failure("Invalid multipart image: it ends too early");
}

/// Hands on (or drops) what cannot be part of a delimiter any more; true once the delimiter has been passed.
bool MultipartReader::skip_to_delimiter(bool deliver) {
    const auto found = pending_.find(delimiter_);
    const auto certain = found != std::string::npos            ? found
                         : pending_.size() > delimiter_.size() ? pending_.size() - delimiter_.size()
                                                               : 0;
    if (deliver && sink_ && certain > 0) sink_(std::string_view(pending_).substr(0, certain));
    pending_.erase(0, found != std::string::npos ? certain + delimiter_.size() : certain);
    return found != std::string::npos;
}

/// Advances by one state where the data suffices for it.
bool MultipartReader::step() {
    switch (state_) {
    case State::preamble:
    case State::content:
        if (!skip_to_delimiter(state_ == State::content)) return false;
        state_ = State::after_delimiter;
        return true;
    case State::after_delimiter:
        if (pending_.size() < 2) return false;
        state_ = pending_.starts_with("--") ? State::done : State::headers;
        pending_.erase(0, 2);
        return state_ != State::done;
    case State::headers: {
        const auto end = pending_.find("\r\n\r\n");
        if (end == std::string::npos) {
            if (pending_.size() > longest_head) throw schema::failure("Invalid multipart image: a head without end");
            return false;
        }
        Part part;
        for (const auto& line : split(std::string_view(pending_).substr(0, end), '\n')) {
            if (!lowered(line).starts_with("content-disposition:")) continue;
            auto value = line;
            if (value.ends_with('\r')) value.pop_back();
            part = {header_parameter(value, "name"), header_parameter(value, "filename")};
        }
        pending_.erase(0, end + 4);
        sink_ = open_(part);
        state_ = State::content;
        return true;
    }
    case State::done:
        pending_.clear();
        return false;
    }
    return false;
}

} // namespace client
