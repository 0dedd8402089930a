#pragma once
// A websocket as the rooms above the transport see it. Made by daemon/http; used by events, exec and later migration.

#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace base {

/// A websocket after the upgrade. All methods may be called from any thread; one reader at a time.
class WebSocket {
public:
    enum class Kind { text, binary };
    struct Message {
        Kind kind = Kind::binary;
        std::string data;
    };

    virtual ~WebSocket() = default;
    /// Blocks until a message is there; nothing once the socket is closed or lost. Pings are answered in between.
    virtual std::optional<Message> receive() = 0;
    /// Blocks while the peer is slow (at most ~256 KiB are queued). False once the socket is closed or lost.
    virtual bool send(Kind kind, std::string_view data) = 0;
    /// Never blocks: false (and the socket is dropped) when more than `backlog` bytes wait already, or it is closed.
    virtual bool send_or_drop(Kind kind, std::string_view data, size_t backlog) = 0;
    /// Reads and drops whatever comes from now on, holding no thread, so that pings are answered and a close is seen:
    /// for sockets that only send (events). Not together with receive().
    virtual void discard_input() = 0;
    /// Sends what is queued, then a close frame, and waits for neither. Idempotent; receive() then returns nothing.
    virtual void close() = 0;
    /// Whether the peer vanished without a close frame.
    virtual bool lost() const = 0;
    /// Calls back once, when the socket is closed or lost (at once if it is already), on some thread.
    virtual void on_closed(std::function<void()> callback) = 0;
};

} // namespace base
