#pragma once
// Sends a response body that somebody adds to now and then, until the connection ends. Made by the connection.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "daemon/http/core.h"
#include "daemon/http/stream.h"

namespace http {

class FeedSender : public std::enable_shared_from_this<FeedSender> {
public:
    using Failed = std::function<void(ErrorCode)>;

    /// `stream` is used until cancel().
    FeedSender(std::shared_ptr<IoThread> io, Stream& stream, size_t backlog)
        : io_(std::move(io)), backlog_(backlog), stream_(&stream) {}

    /// On the io thread. `failed` is called there, once, when no more can be sent.
    void start(std::string head, Failed failed);
    /// See Response::Feed::Send.
    bool send(std::string_view text);
    /// On the io thread: the stream is going.
    void cancel();

private:
    void pump();
    void fail(ErrorCode error);

    std::shared_ptr<IoThread> io_;
    const size_t backlog_;
    Stream* stream_; // the io thread's, as all before the mutex
    Failed failed_;
    std::string out_; // being written
    bool writing_ = false;

    std::mutex mutex_; // of what follows
    std::string waiting_;
    bool awake_ = false; // the io thread will look at what waits
    bool ended_ = false;
};

} // namespace http
