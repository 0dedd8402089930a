#include "daemon/instance/client_sockets.h"

#include <algorithm>

#include "daemon/base/crypto.h"
#include "schema/error.h"

namespace instance {

using base::WebSocket;

namespace {

std::map<std::string, std::string> secrets_of(const std::vector<std::string>& names) {
    std::map<std::string, std::string> secrets;
    for (const auto& name : names) secrets[name] = base::random_hex(32);
    return secrets;
}

} // namespace

ClientSockets::ClientSockets(const std::vector<std::string>& names) : secrets_(secrets_of(names)) {}

void ClientSockets::connect(const std::string& secret, std::shared_ptr<WebSocket> socket) {
    const auto known =
        std::find_if(secrets_.begin(), secrets_.end(), [&](const auto& row) { return row.second == secret; });
    if (known == secrets_.end()) throw schema::forbidden("not authorized");
    const std::scoped_lock lock(mutex_);
    if (sockets_.contains(known->first)) throw schema::bad_request("Websocket number already connected");
    if (!socket) return;
    if (ended_) return socket->close();
    sockets_[known->first] = std::move(socket);
    changed_.notify_all();
}

void ClientSockets::wait_for(const std::vector<std::string>& names, const base::CancelToken& cancel) {
    const auto wake = cancel.on_cancel([this] {
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    const bool complete = changed_.wait_for(lock, connect_timeout, [&] {
        return cancel.cancelled() ||
               std::all_of(names.begin(), names.end(), [&](const auto& name) { return sockets_.contains(name); });
    });
    cancel.check();
    if (!complete) throw schema::failure("Timed out waiting for websockets to connect");
}

std::shared_ptr<WebSocket> ClientSockets::await(const std::string& name) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return ended_ || sockets_.contains(name); });
    const auto found = sockets_.find(name);
    return found == sockets_.end() ? nullptr : found->second;
}

std::shared_ptr<WebSocket> ClientSockets::find(const std::string& name) const {
    const std::scoped_lock lock(mutex_);
    const auto found = sockets_.find(name);
    return found == sockets_.end() ? nullptr : found->second;
}

void ClientSockets::end() {
    const std::scoped_lock lock(mutex_);
    ended_ = true;
    changed_.notify_all();
}

void ClientSockets::hang_up() {
    end();
    std::map<std::string, std::shared_ptr<WebSocket>> sockets;
    {
        const std::scoped_lock lock(mutex_);
        sockets = sockets_;
    }
    for (auto& [name, socket] : sockets)
        if (socket) socket->close();
}

void ClientSockets::forget() {
    const std::scoped_lock lock(mutex_);
    for (auto& [name, socket] : sockets_) socket.reset();
}

} // namespace instance
