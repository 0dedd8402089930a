#pragma once
// A Stream as Beast wants one, for the websocket.

#include <memory>
#include <string>

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core/role.hpp>
#include <boost/beast/websocket/teardown.hpp>

#include "daemon/http/stream.h"

namespace http {

class BeastStream {
public:
    using executor_type = boost::asio::io_context::executor_type;

    /// `input` comes before what the stream brings.
    BeastStream(std::unique_ptr<Stream> stream, std::string input)
        : stream_(std::move(stream)), input_(std::move(input)) {}

    executor_type get_executor() noexcept { return stream_->context().get_executor(); }
    Stream& stream() noexcept { return *stream_; }

    template <class MutableBuffers, class Handler>
    auto async_read_some(const MutableBuffers& buffers, Handler&& handler) {
        const auto start = [this](auto actual, const MutableBuffers& into) { read(into, std::move(actual)); };
        return boost::asio::async_initiate<Handler, void(ErrorCode, size_t)>(start, handler, buffers);
    }
    template <class ConstBuffers, class Handler> auto async_write_some(const ConstBuffers& buffers, Handler&& handler) {
        const auto start = [this](auto actual, const ConstBuffers& from) {
            stream_->write(Buffers(from), shared(std::move(actual)));
        };
        return boost::asio::async_initiate<Handler, void(ErrorCode, size_t)>(start, handler, buffers);
    }

private:
    /// Beast's handlers can only be moved.
    template <class Handler> static Stream::Moved shared(Handler handler) {
        auto kept = std::make_shared<Handler>(std::move(handler));
        return [kept](ErrorCode error, size_t count) { (*kept)(error, count); };
    }

    template <class MutableBuffers, class Handler> void read(const MutableBuffers& into, Handler handler) {
        if (input_.empty()) return stream_->read_some(first(into), shared(std::move(handler)));
        const auto count = boost::asio::buffer_copy(into, boost::asio::buffer(input_));
        input_.erase(0, count);
        boost::asio::post(stream_->context(), [done = shared(std::move(handler)), count] { done({}, count); });
    }

    template <class MutableBuffers> static boost::asio::mutable_buffer first(const MutableBuffers& buffers) {
        const auto last = boost::asio::buffer_sequence_end(buffers);
        for (auto part = boost::asio::buffer_sequence_begin(buffers); part != last; ++part)
            if (boost::asio::mutable_buffer(*part).size() > 0) return *part;
        return {};
    }

    std::unique_ptr<Stream> stream_;
    std::string input_;
};

inline void beast_close_socket(BeastStream& stream) {
    stream.stream().close();
}

/// After both close frames.
template <class Handler> void async_teardown(boost::beast::role_type, BeastStream& stream, Handler&& handler) {
    auto kept = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
    stream.stream().shutdown([kept](ErrorCode error) { (*kept)(error); });
}

} // namespace http
