#pragma once
// The way in: every request passes a cpprest http_listener, whose server is our transport. Owned by the server.

#include <functional>
#include <memory>

#include "daemon/http/exchange.h"

namespace http {

class Entry {
public:
    /// Called on the transport's thread for every request; the answer may be given at once or later, on any thread.
    using Dispatch = std::function<void(Request, Answer)>;

    /// Opens a listener; the first one in the process registers our transport with cpprest.
    explicit Entry(Dispatch dispatch);
    /// Closes it. Answers that come later are dropped.
    ~Entry();
    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;

    /// Hands a request to the listener. Throws bad_request when its target is no URL.
    void submit(Exchange exchange);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace http
