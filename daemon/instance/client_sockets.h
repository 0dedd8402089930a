#pragma once
// The websockets that a client connects to an operation, each by its secret. Callers: exec and console.

#include <chrono>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/web_socket.h"
#include "schema/json.h"

namespace instance {

class ClientSockets {
public:
    /// How long the client may take to connect what is waited for.
    static constexpr std::chrono::seconds connect_timeout{5};

    explicit ClientSockets(const std::vector<std::string>& names);

    /// {name: secret}: the `fds` of the operation's metadata.
    schema::Json fds() const { return {secrets_}; }
    /// See operations::Operation::connect: without a socket the secret is only checked.
    void connect(const std::string& secret, std::shared_ptr<base::WebSocket> socket);
    /// Blocks until these are connected. Throws when they are not in time, or on a cancel.
    void wait_for(const std::vector<std::string>& names, const base::CancelToken& cancel);
    /// Blocks until this one is connected; nothing once end() was called without it.
    std::shared_ptr<base::WebSocket> await(const std::string& name);
    /// Nothing where it is not connected.
    std::shared_ptr<base::WebSocket> find(const std::string& name) const;
    /// Nobody waits any more, and who connects now is closed at once.
    void end();
    /// end(), and closes them all.
    void hang_up();
    /// Lets go of them, with their buffers: an operation is remembered when it has ended. After hang_up, once nobody
    /// uses what find() and await() gave.
    void forget();

private:
    const std::map<std::string, std::string> secrets_; // name -> secret
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::map<std::string, std::shared_ptr<base::WebSocket>> sockets_; // forgotten ones are null
    bool ended_ = false;
};

} // namespace instance
