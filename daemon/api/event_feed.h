#pragma once
// Events as an answer: over a websocket where the client asks for one, else as lines of a body without an end, as LXD
// sends them. Used by /1.0/events of both APIs.

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "daemon/http/message.h"

namespace api {

/// False once nobody listens any more.
using TakeEvent = std::function<bool(const std::string& text)>;
/// Begins to hand events over; what it returns ends that when it is let go of.
using Subscribe = std::function<std::shared_ptr<void>(TakeEvent)>;

/// A listener who has more than `backlog` bytes to read is dropped.
http::Response event_feed(const http::Request& request, size_t backlog, const Subscribe& subscribe);

/// The words of `type`; nothing where it is missing.
std::set<std::string> wanted_types(const http::Request& request);

} // namespace api
