#include "daemon/http/entry.h"

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <stdexcept>

#define _TURN_OFF_PLATFORM_STRING // its macro U() breaks fmt
#include <cpprest/details/http_server.h>
#include <cpprest/details/http_server_api.h>
#include <cpprest/http_listener.h>
#include <pplx/threadpool.h>

#include "daemon/http/error_reply.h"
#include "daemon/http/target.h"
#include "schema/error.h"

namespace http {

namespace {

namespace rest = web::http;
using web::http::experimental::details::http_server_api;
using web::http::experimental::listener::details::http_listener_impl;

/// cpprest would start 40 threads. They run continuations of its tasks only: our handlers are elsewhere.
constexpr size_t cpprest_threads = 2;

/// What travels with an http_request, and with the http_response after reply().
struct Context : rest::details::_http_server_context {
    explicit Context(Exchange from_transport) : exchange(std::move(from_transport)) {}

    Exchange exchange;
    decltype(Response::body) body; // the answer's
};

/// cpprest keeps one server a process; listeners find each other here, by their URI.
class Listeners {
public:
    void add(http_listener_impl* listener) {
        const std::scoped_lock lock(mutex_);
        by_uri_[listener->uri().to_string()] = listener;
    }
    void remove(http_listener_impl* listener) {
        const std::scoped_lock lock(mutex_);
        by_uri_.erase(listener->uri().to_string());
    }
    http_listener_impl* find(const web::uri& uri) {
        const std::scoped_lock lock(mutex_);
        const auto found = by_uri_.find(uri.to_string());
        return found == by_uri_.end() ? nullptr : found->second;
    }

private:
    std::mutex mutex_;
    std::map<std::string, http_listener_impl*> by_uri_;
};

Listeners& listeners() {
    static Listeners all;
    return all;
}

std::mutex& registration_mutex() {
    static std::mutex mutex;
    return mutex;
}

/// Accepting and closing are the owner's business, so start and stop have nothing to do.
class Transport : public rest::experimental::details::http_server {
public:
    pplx::task<void> start() override { return pplx::task_from_result(); }
    pplx::task<void> stop() override { return pplx::task_from_result(); }
    pplx::task<void> register_listener(http_listener_impl* listener) override {
        listeners().add(listener);
        return pplx::task_from_result();
    }
    pplx::task<void> unregister_listener(http_listener_impl* listener) override {
        listeners().remove(listener);
        return pplx::task_from_result();
    }
    pplx::task<void> respond(rest::http_response response) override {
        auto& context = dynamic_cast<Context&>(*response._get_server_context());
        Response answer;
        answer.status = response.status_code();
        for (const auto& [name, value] : response.headers()) answer.headers.emplace(name, value);
        answer.body = std::move(context.body);
        context.exchange.answer(std::move(answer));
        return pplx::task_from_result();
    }
};

void start_cpprest_threads() {
    static std::once_flag once;
    std::call_once(once, [] {
        try {
            crossplat::threadpool::initialize_with_threads(cpprest_threads);
        } catch (const std::runtime_error&) { // Somebody was first: then there are more.
        }
    });
}

web::uri listener_uri() {
    static std::atomic<unsigned> next{0};
    return {"http://lightervisor/" + std::to_string(next++)};
}

web::uri request_uri(const std::string& target) {
    if (target.starts_with("//")) throw schema::bad_request("Invalid request target \"{}\"", target);
    try {
        return {target};
    } catch (const web::uri_exception&) {
        throw schema::bad_request("Invalid request target \"{}\"", target);
    }
}

Request plain_request(const rest::http_request& message, Context& context) {
    Request request;
    request.method = message.method();
    request.path = decoded_path(message.request_uri().path());
    request.query = decoded_query(message.request_uri().query());
    for (const auto& [name, value] : message.headers()) request.headers.emplace(name, value);
    request.peer = std::move(context.exchange.peer);
    request.body = std::move(context.exchange.body);
    request.stream = std::move(context.exchange.stream);
    return request;
}

void reply(const rest::http_request& message, Response response) {
    auto* context = dynamic_cast<Context*>(message._get_server_context());
    if (!context) return;
    context->body = std::move(response.body);
    rest::http_response reply(static_cast<rest::status_code>(response.status));
    for (auto& [name, value] : response.headers) reply.headers()[name] = std::move(value);
    message.reply(reply);
}

/// A late answer must not meet the transport's end: closing the last listener destroys it.
struct Gate {
    std::shared_mutex mutex;
    bool open = true;
};

} // namespace

struct Entry::State {
    rest::experimental::listener::http_listener listener{listener_uri()};
    http_listener_impl* open_listener = nullptr;
    Dispatch dispatch;
    std::shared_ptr<Gate> gate = std::make_shared<Gate>();

    void receive(const rest::http_request& message) const;
};

void Entry::State::receive(const rest::http_request& message) const {
    auto& context = dynamic_cast<Context&>(*message._get_server_context());
    try {
        auto request = plain_request(message, context);
        dispatch(std::move(request), [message, gate = gate](Response response) {
            const std::shared_lock lock(gate->mutex);
            if (gate->open) reply(message, std::move(response));
        });
    } catch (const schema::Error& error) {
        reply(message, error_reply(schema::http_status(error.kind()), error.what()));
    }
}

Entry::Entry(Dispatch dispatch) : state_(std::make_unique<State>()) {
    state_->dispatch = std::move(dispatch);
    start_cpprest_threads();
    const auto receive = [state = state_.get()](const rest::http_request& message) { state->receive(message); };
    state_->listener.support(receive);
    // cpprest answers these two itself where nobody else does.
    state_->listener.support(rest::methods::OPTIONS, receive);
    state_->listener.support(rest::methods::TRCE, receive);

    const std::scoped_lock lock(registration_mutex());
    if (!http_server_api::has_listener()) http_server_api::register_server_api(std::make_unique<Transport>());
    state_->listener.open().wait();
    state_->open_listener = listeners().find(state_->listener.uri());
    if (!state_->open_listener) throw schema::failure("Failed opening the HTTP listener: another server is registered");
}

Entry::~Entry() {
    {
        const std::scoped_lock lock(state_->gate->mutex);
        state_->gate->open = false;
    }
    const std::scoped_lock lock(registration_mutex());
    try {
        state_->listener.close().wait();
    } catch (const std::exception&) { // Nothing is left to undo.
    }
}

void Entry::submit(Exchange exchange) {
    auto uri = request_uri(exchange.target);
    const auto method = exchange.method;
    const auto headers = std::move(exchange.headers);
    auto message = rest::http_request::_create_request(std::make_unique<Context>(std::move(exchange)));
    message.set_method(method);
    message.set_request_uri(uri);
    for (const auto& [name, value] : headers) message.headers()[name] = value;
    state_->open_listener->handle_request(message);
}

} // namespace http
