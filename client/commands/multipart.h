#pragma once
// A multipart/form-data body taken apart while it streams by: how a split image comes from the server.

#include <functional>
#include <string>
#include <string_view>

#include "client/connection.h"

namespace client {

/// The value of a parameter of a header: "boundary" of "multipart/form-data; boundary=abc". Empty where it is missing.
std::string header_parameter(std::string_view header, std::string_view name);

class MultipartReader {
public:
    struct Part {
        std::string name;
        std::string filename;
    };
    /// Asked at the beginning of each part for what takes its content.
    using OpenPart = std::function<Sink(const Part&)>;

    MultipartReader(std::string_view boundary, OpenPart open)
        : delimiter_("\r\n--" + std::string(boundary)), pending_("\r\n"), open_(std::move(open)) {}

    void feed(std::string_view data);
    /// Throws unless the closing boundary was seen.
    void finish() const;

private:
    enum class State { preamble, after_delimiter, headers, content, done };
    bool step();
    bool skip_to_delimiter(bool deliver);

    std::string delimiter_;
    std::string pending_;
    OpenPart open_;
    Sink sink_;
    State state_ = State::preamble;
};

} // namespace client
