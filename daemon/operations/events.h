#pragma once
// The hub between those who report (operations, lifecycle, the log) and those who listen (/1.0/events, guests).

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "daemon/base/log.h"
#include "schema/api/event.h"
#include "schema/api/operation.h"

namespace operations {

class EventsHub {
public:
    /// Called with the rendered JSON text, on the reporter's thread, one event at a time and in order; must neither
    /// block nor report or log. False unsubscribes.
    using Listener = std::function<bool(const std::string& text)>;

    EventsHub();
    ~EventsHub();
    EventsHub(const EventsHub&) = delete;
    EventsHub& operator=(const EventsHub&) = delete;

    /// `types` of "logging", "operation", "lifecycle"; log records below `level` are left out. The listener is held
    /// until it returns false or the handle is destroyed (which does not wait for a call that has begun).
    std::shared_ptr<void> subscribe(std::set<std::string> types, base::LogLevel level, Listener listener);

    void operation(const schema::Operation& operation);
    void logging(const base::LogRecord& record);
    /// Whether anybody would get a log record of this level. Cheap: asked for each that might be written.
    bool listens_to_log(base::LogLevel level) const noexcept;
    /// `action` as LXD names it: "instance-started"; `source` the object's URL.
    void lifecycle(const std::string& action, const std::string& source, schema::Json context,
                   const std::optional<schema::Requestor>& requestor);

private:
    struct State;
    std::shared_ptr<State> state_;
};

} // namespace operations
