#include "daemon/api/event_feed.h"

#include <mutex>
#include <sstream>
#include <vector>

namespace api {

namespace {

/// The way of events to one client. It is subscribed before the client is answered, because a client asks for its
/// operation's state as soon as it is: what happens after that question must not be missed. The socket comes later.
class Feed {
public:
    explicit Feed(size_t backlog) : backlog_(backlog) {}

    bool take(const std::string& text) {
        const std::scoped_lock lock(mutex_);
        if (socket_) return send(text);
        early_bytes_ += text.size();
        early_.push_back(text);
        return early_bytes_ <= backlog_;
    }
    void connect(std::shared_ptr<base::WebSocket> socket) {
        const std::scoped_lock lock(mutex_);
        socket_ = std::move(socket);
        for (const auto& text : early_) send(text);
        early_.clear();
    }

private:
    bool send(const std::string& text) {
        return socket_->send_or_drop(base::WebSocket::Kind::text, text + "\n", backlog_);
    }

    const size_t backlog_;
    std::mutex mutex_;
    std::shared_ptr<base::WebSocket> socket_;
    std::vector<std::string> early_;
    size_t early_bytes_ = 0;
};

http::Response over_websocket(size_t backlog, const Subscribe& subscribe) {
    const auto feed = std::make_shared<Feed>(backlog);
    // Goes with this answer when the upgrade fails, and else with the client, without a thread waiting for that.
    const auto subscription = std::make_shared<std::shared_ptr<void>>(
        subscribe([feed](const std::string& text) { return feed->take(text); }));
    http::Response response;
    response.status = 101;
    response.body = http::Response::Upgrade{[feed, subscription](const std::shared_ptr<base::WebSocket>& socket) {
        feed->connect(socket);
        socket->on_closed([subscription] { subscription->reset(); });
        socket->discard_input();
    }};
    return response;
}

http::Response over_lines(size_t backlog, const Subscribe& subscribe) {
    http::Response response;
    response.headers["Content-Type"] = "application/json";
    response.headers["X-Content-Type-Options"] = "nosniff";
    response.body = http::Response::Feed{
        backlog, [subscribe](http::Response::Feed::Send send) {
            return subscribe([send = std::move(send)](const std::string& text) { return send(text + "\n"); });
        }};
    return response;
}

} // namespace

http::Response event_feed(const http::Request& request, size_t backlog, const Subscribe& subscribe) {
    if (request.header("Upgrade") == "websocket") return over_websocket(backlog, subscribe);
    return over_lines(backlog, subscribe);
}

std::set<std::string> wanted_types(const http::Request& request) {
    std::set<std::string> types;
    std::istringstream words(request.parameter("type"));
    for (std::string word; std::getline(words, word, ',');) types.insert(word);
    return types;
}

} // namespace api
