#include "daemon/http/feed_sender.h"

#include <utility>

#include <boost/asio/error.hpp>

namespace http {

void FeedSender::start(std::string head, Failed failed) {
    failed_ = std::move(failed);
    send(head);
}

bool FeedSender::send(std::string_view text) {
    const std::scoped_lock lock(mutex_);
    if (ended_) return false;
    if (waiting_.size() > backlog_) {
        ended_ = true;
        io_->post([self = shared_from_this()] { self->fail(boost::asio::error::no_buffer_space); });
        return false;
    }
    waiting_ += text;
    if (!std::exchange(awake_, true)) io_->post([self = shared_from_this()] { self->pump(); });
    return true;
}

void FeedSender::cancel() {
    stream_ = nullptr;
    failed_ = nullptr;
    const std::scoped_lock lock(mutex_);
    ended_ = true;
}

void FeedSender::pump() {
    if (!stream_ || writing_) return;
    {
        const std::scoped_lock lock(mutex_);
        out_ = std::exchange(waiting_, {});
        awake_ = !out_.empty();
    }
    if (out_.empty()) return;
    writing_ = true;
    stream_->write(Buffers(boost::asio::buffer(out_)), [self = shared_from_this()](ErrorCode error, size_t) {
        self->writing_ = false;
        if (error) return self->fail(error);
        self->pump();
    });
}

void FeedSender::fail(ErrorCode error) {
    if (const auto failed = std::exchange(failed_, nullptr)) failed(error);
}

} // namespace http
