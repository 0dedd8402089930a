#pragma once
// One request between the transport, which reads it and sends the answer, and the cpprest glue, which takes it through
// an http_listener to the handler.

#include <functional>
#include <memory>
#include <string>

#include "daemon/http/message.h"

namespace http {

using Answer = std::function<void(Response)>;

struct Exchange {
    std::string method;
    std::string target; // as received
    Headers headers;
    Peer peer;
    std::string body;
    std::shared_ptr<BodySource> stream;
    Answer answer; // any thread
};

} // namespace http
