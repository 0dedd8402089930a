#pragma once
// What /1.0/events sends: one JSON text message for each event.

#include <optional>
#include <string>

#include "schema/json.h"

namespace schema {

/// Who asked for the change that a lifecycle event reports.
struct Requestor {
    std::string username; // of the peer's uid, or a certificate's fingerprint
    std::string protocol; // "unix" or "tls"
    std::string address;  // "@" for the unix socket, as LXD prints

    bool operator==(const Requestor&) const = default;
};

struct Event {
    std::string type; // "logging", "operation" or "lifecycle"
    Time timestamp;
    Json metadata;
    std::string location = "none";
    std::string project; // left out when empty
};

Json to_json(const Requestor& requestor);
Json to_json(const Event& event);
Event event_from(const Json& value);

} // namespace schema
