#pragma once
// A request body on its way from the connection, which pushes, to a handler, which pulls: bounded, so that a slow
// handler slows the sender.

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>

#include "daemon/http/message.h"

namespace http {

class BodyQueue : public BodySource {
public:
    /// `wanted` is called on the reader's thread whenever more should be pushed.
    explicit BodyQueue(std::function<void()> wanted) : wanted_(std::move(wanted)) {}

    size_t read(char* buffer, size_t size) override;

    // The connection's side; none of it blocks.

    /// Adds a piece, after which has_room() says whether more is wanted now.
    void push(std::string piece);
    bool has_room() const;
    /// The body is complete.
    void finish();
    /// The peer is gone, or the request was answered before its body was read.
    void fail();

private:
    enum class State { open, complete, broken };

    void end(State state);

    std::function<void()> wanted_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::string data_;
    size_t taken_ = 0; // of data_
    State state_ = State::open;
};

} // namespace http
