#include "daemon/api/handlers/handlers.h"

#include <memory>
#include <mutex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "daemon/api/respond.h"
#include "schema/error.h"

namespace api {

namespace {

/// What may wait for a slow listener before it is dropped.
constexpr size_t backlog = 4U << 20U;

std::set<std::string> wanted_types(const http::Request& request) {
    const auto& text = request.parameter("type");
    if (text.empty()) return {"logging", "operation", "lifecycle"};
    std::set<std::string> types;
    std::istringstream words(text);
    for (std::string word; std::getline(words, word, ',');) {
        if (word != "logging" && word != "operation" && word != "lifecycle" && word != "network-acl")
            throw schema::bad_request("{:?} isn't a supported event type", word);
        types.insert(word);
    }
    return types;
}

/// The way of events to one client. It is subscribed before the client is answered, because a client asks for its
/// operation's state as soon as it is: what happens after that question must not be missed. The socket comes later.
class Feed {
public:
    bool take(const std::string& text) {
        const std::scoped_lock lock(mutex_);
        if (socket_) return send(text);
        early_bytes_ += text.size();
        early_.push_back(text);
        return early_bytes_ <= backlog;
    }
    void connect(std::shared_ptr<base::WebSocket> socket) {
        const std::scoped_lock lock(mutex_);
        socket_ = std::move(socket);
        for (const auto& text : early_) send(text);
        early_.clear();
    }

private:
    bool send(const std::string& text) { return socket_->send_or_drop(base::WebSocket::Kind::text, text, backlog); }

    std::mutex mutex_;
    std::shared_ptr<base::WebSocket> socket_;
    std::vector<std::string> early_;
    size_t early_bytes_ = 0;
};

} // namespace

http::Response events_get(Context& context, const http::Request& request) {
    if (request.parameter("all-projects") == "true" && !request.parameter("project").empty())
        throw schema::bad_request("Cannot specify a project when requesting all projects");
    const auto feed = std::make_shared<Feed>();
    // Goes with this answer when the upgrade fails, and else with the client, without a thread waiting for that.
    const auto subscription = std::make_shared<std::shared_ptr<void>>(context.events.subscribe(
        wanted_types(request), base::LogLevel::debug, [feed](const std::string& text) { return feed->take(text); }));
    http::Response response;
    response.status = 101;
    response.body = http::Response::Upgrade{[feed, subscription](const std::shared_ptr<base::WebSocket>& socket) {
        feed->connect(socket);
        socket->on_closed([subscription] { subscription->reset(); });
        socket->discard_input();
    }};
    return response;
}

} // namespace api
