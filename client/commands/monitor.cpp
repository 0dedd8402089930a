// lxc monitor: the server's events as they happen.

#include <algorithm>
#include <cstdio>

#include <unistd.h>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/event_text.h"
#include "client/render/table.h"
#include "client/session.h"
#include "client/shapes.h"
#include "client/terminal.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {
    {"all-projects", 0, FlagKind::toggle, "Show the events of all projects"},
    {"format", 'f', FlagKind::text, "Format (json|pretty|yaml)", "yaml"},
    {"loglevel", 0, FlagKind::text, "Least level of log messages (with the pretty format)"},
    {"pretty", 0, FlagKind::toggle, "The same as --format=pretty"},
    {"type", 0, FlagKind::texts, "Type of events to show"},
};

/// Members in the order of their names, at every depth.
Json sorted(const Json& value) {
    if (value.is_array()) {
        auto list = Json::empty_array();
        for (const auto& item : value.as_array()) list.push_back(sorted(item));
        return list;
    }
    if (!value.is_object()) return value;
    auto members = value.as_object();
    for (auto& [key, member] : members) member = sorted(member);
    std::sort(members.begin(), members.end(),
              [](const Json::Member& a, const Json::Member& b) { return a.first < b.first; });
    return members;
}

EventStyle style() {
    if (!is_terminal(STDOUT_FILENO)) return EventStyle::machine;
    return wants_colour() ? EventStyle::coloured : EventStyle::plain;
}

std::string rendered(const Json& event, std::string_view format, int least_level) {
    if (format == "pretty") return event_text(event, least_level, style());
    const auto plain = shaped(event, shapes::event);
    if (format == "json") return html_safe(sorted(plain).dump()) + "\n\n";
    return yaml(plain) + "\n\n";
}

int run(Session& session, Call& call) {
    auto format = call.flags.text("format");
    if (format != "json" && format != "pretty" && format != "yaml") {
        throw schema::bad_request("Invalid format: {}", format);
    }
    if (call.flags.on("pretty")) format = "pretty";
    const auto level = call.flags.text("loglevel");
    if (format != "pretty" && !level.empty()) {
        throw schema::bad_request("Log level filtering can only be used with pretty formatting");
    }
    const int least_level = level_rank(level.empty() ? "debug" : level);
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    const auto types = call.flags.texts("type");

    auto events = resource.server.connection().open_websocket(
        call.flags.on("all-projects") ? "/1.0/events?all-projects=true" : "/1.0/events");
    std::string message;
    while (events.receive(message)) {
        const auto event = Json::parse(message);
        const auto& type = event["type"];
        const bool wanted = types.empty() || std::any_of(types.begin(), types.end(),
                                                         [&](const std::string& name) { return type == Json(name); });
        if (!wanted) continue;
        print(rendered(event, format, least_level));
        std::fflush(stdout);
    }
    throw schema::failure("The server has closed the stream of events");
}

} // namespace

constinit const Command commands::monitor{
    .name = "monitor",
    .arguments = "[<remote>:]",
    .summary = "Show what happens on the server",
    .details = "Events of all types are shown unless --type says otherwise, until it is interrupted.",
    .examples = "lxc monitor --type=lifecycle\n"
                "    Show what becomes of instances and other objects.\n\n"
                "lxc monitor --pretty --type=logging --loglevel=info\n"
                "    Show the server's log, from its informational messages on, a line each.",
    .flags = flags,
    .most = 1,
    .run = run,
    .hidden = true,
};

} // namespace client
