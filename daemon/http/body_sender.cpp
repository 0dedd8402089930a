#include "daemon/http/body_sender.h"

#include <boost/asio/error.hpp>
#include <fmt/format.h>

namespace http {

namespace {

/// Each piece goes from thread to thread and back, which small ones would make the larger part of the work.
constexpr size_t piece_size = 256U << 10U;

} // namespace

void BodySender::start(std::string head, const Framing& framing, Done done) {
    framing_ = framing;
    done_ = std::move(done);
    ready_ = std::move(head);
    has_ready_ = true;
    fetch();
    pump();
}

void BodySender::cancel() {
    stream_ = nullptr;
    done_ = nullptr;
}

void BodySender::fetch() {
    fetching_ = true;
    core_->run([self = shared_from_this()] {
        Piece piece;
        try {
            piece.data.resize(piece_size);
            piece.data.resize(self->producer_->read(piece.data.data(), piece.data.size()));
        } catch (...) { // The client sees it by the cut body.
            piece.failed = true;
        }
        self->io_->post([self, piece = std::move(piece)]() mutable { self->on_piece(std::move(piece)); });
    });
}

void BodySender::on_piece(Piece piece) {
    fetching_ = false;
    if (!stream_) return;
    sent_ += piece.data.size();
    complete_ = piece.data.empty();
    const bool too_long = framing_.length && sent_ > *framing_.length;
    const bool too_short = complete_ && framing_.length && sent_ < *framing_.length;
    if (piece.failed || too_long || too_short) return finish(boost::asio::error::fault);
    if (ready_.empty())
        ready_ = framed(std::move(piece.data));
    else
        ready_ += framed(std::move(piece.data));
    has_ready_ = true;
    pump();
}

std::string BodySender::framed(std::string data) const {
    if (!framing_.chunked) return data;
    if (data.empty()) return "0\r\n\r\n";
    return fmt::format("{:x}\r\n{}\r\n", data.size(), data);
}

void BodySender::pump() {
    if (!stream_ || writing_ || !has_ready_) return;
    has_ready_ = false;
    out_ = std::exchange(ready_, {});
    if (out_.empty()) return finish({}); // the end of a body whose end needs no bytes
    if (!complete_ && !fetching_) fetch();
    writing_ = true;
    stream_->write(Buffers(boost::asio::buffer(out_)), [self = shared_from_this()](ErrorCode error, size_t) {
        self->writing_ = false;
        if (error) return self->finish(error);
        if (self->complete_ && !self->has_ready_) return self->finish({});
        self->pump();
    });
}

void BodySender::finish(ErrorCode error) {
    const auto done = std::exchange(done_, nullptr);
    stream_ = nullptr;
    if (done) done(error);
}

} // namespace http
