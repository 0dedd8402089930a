#pragma once
// Sends a produced body: pieces are made on a worker, one ahead of the one being written, so that a stalled client
// holds no thread. Used by the connection, on its io thread.

#include <functional>
#include <memory>
#include <string>

#include "daemon/http/core.h"
#include "daemon/http/response_head.h"
#include "daemon/http/stream.h"

namespace http {

class BodySender : public std::enable_shared_from_this<BodySender> {
public:
    using Done = std::function<void(ErrorCode)>;

    BodySender(std::shared_ptr<Core> core, std::shared_ptr<IoThread> io, Stream& stream,
               std::shared_ptr<BodyProducer> producer)
        : core_(std::move(core)), io_(std::move(io)), stream_(&stream), producer_(std::move(producer)) {}

    /// `done` when all is written, or with an error when the producer failed, gave another length than it said, or the
    /// peer is gone: then the connection must be closed.
    void start(std::string head, const Framing& framing, Done done);
    /// The stream is closed: nothing more is written and `done` not called.
    void cancel();

private:
    struct Piece {
        std::string data;
        bool failed = false;
    };

    void fetch();
    void on_piece(Piece piece);
    void pump();
    std::string framed(std::string data) const;
    void finish(ErrorCode error);

    std::shared_ptr<Core> core_;
    std::shared_ptr<IoThread> io_;
    Stream* stream_; // null once cancelled
    std::shared_ptr<BodyProducer> producer_;
    Framing framing_;
    Done done_;
    uint64_t sent_ = 0;
    std::string out_;
    std::string ready_;
    bool has_ready_ = false;
    bool fetching_ = false;
    bool writing_ = false;
    bool complete_ = false;
};

} // namespace http
