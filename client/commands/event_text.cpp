#include "client/commands/event_text.h"

#include <algorithm>
#include <array>
#include <map>

#include <fmt/format.h>

#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

std::string text(const Json& value) {
    return value.is_string() ? value.as_string() : std::string();
}

/// Go's default format: map[a:1 b:2], [x y].
std::string go_text(const Json& value) {
    if (value.is_string()) return value.as_string();
    if (value.is_null()) return "<nil>";
    std::string out;
    if (value.is_array()) {
        for (const auto& item : value.as_array()) out += (out.empty() ? "" : " ") + go_text(item);
        return "[" + out + "]";
    }
    if (value.is_object()) {
        auto members = value.as_object();
        std::sort(members.begin(), members.end(),
                  [](const Json::Member& a, const Json::Member& b) { return a.first < b.first; });
        for (const auto& [key, member] : members) out += (out.empty() ? "" : " ") + key + ":" + go_text(member);
        return "map[" + out + "]";
    }
    return value.dump();
}

/// "2026-01-02T03:04:05.06Z" -> "2026-01-02 03:04:05.06 +0000 UTC"
std::string go_time(std::string time) {
    if (const auto t = time.find('T'); t != std::string::npos) time[t] = ' ';
    if (time.ends_with('Z')) time.replace(time.size() - 1, 1, " +0000 UTC");
    return time;
}

std::string logfmt_value(const std::string& value) {
    const auto is_plain = [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-._/@^+").find(static_cast<char>(c)) != std::string_view::npos;
    };
    if (std::all_of(value.begin(), value.end(), is_plain)) return value;
    return Json(value).dump();
}

struct Record {
    std::string level = "info";
    std::string message;
    std::map<std::string, std::string> context;
};

void add_context(Record& record, const Json& context) {
    if (!context.is_object()) return;
    for (const auto& [key, value] : context.as_object()) record.context[key] = go_text(value);
}

Record logging(const Json& metadata) {
    Record record{text(metadata["level"]), text(metadata["message"]), {}};
    if (record.level == "dbug") record.level = "debug";
    if (record.level == "warn") record.level = "warning";
    add_context(record, metadata["context"]);
    return record;
}

Record lifecycle(const Json& metadata) {
    Record record;
    record.message = fmt::format("Action: {}, Source: {}", text(metadata["action"]), text(metadata["source"]));
    if (const auto& by = metadata["requestor"]; by.is_object()) {
        record.message +=
            fmt::format(", Requestor: {}/{} ({})", text(by["protocol"]), text(by["username"]), text(by["address"]));
    }
    add_context(record, metadata["context"]);
    return record;
}

Record operation(const Json& metadata) {
    Record record;
    record.message = fmt::format("ID: {}, Class: {}, Description: {}", text(metadata["id"]), text(metadata["class"]),
                                 text(metadata["description"]));
    const auto empty_for_null = [](const Json& value) { return value.is_null() ? "map[]" : go_text(value); };
    record.context = {
        {"CreatedAt", go_time(text(metadata["created_at"]))},
        {"UpdatedAt", go_time(text(metadata["updated_at"]))},
        {"Status", text(metadata["status"])},
        {"StatusCode", text(metadata["status"])},
        {"Resources", empty_for_null(metadata["resources"])},
        {"Metadata", empty_for_null(metadata["metadata"])},
        {"MayCancel", metadata["may_cancel"] == Json(true) ? "true" : "false"},
        {"Err", text(metadata["err"])},
        {"Location", text(metadata["location"])},
    };
    return record;
}

Record record_of(const Json& event) {
    const auto type = text(event["type"]);
    if (type == "logging") return logging(event["metadata"]);
    if (type == "lifecycle") return lifecycle(event["metadata"]);
    if (type == "operation") return operation(event["metadata"]);
    throw schema::bad_request("Not supported event type: {}", type);
}

std::string for_machines(const Record& record, const std::string& time) {
    std::string line = fmt::format("time={} level={}", logfmt_value(time), record.level);
    if (!record.message.empty()) line += fmt::format(" msg={}", logfmt_value(record.message));
    for (const auto& [key, value] : record.context) line += fmt::format(" {}={}", key, logfmt_value(value));
    return line + '\n';
}

constexpr int red = 31;
constexpr int yellow = 33;
constexpr int cyan = 36;
constexpr int grey = 37;

int colour_of(std::string_view level) {
    const auto rank = level_rank(level);
    if (rank <= level_rank("error")) return red;
    if (rank == level_rank("warning")) return yellow;
    return rank == level_rank("info") ? cyan : grey;
}

/// Levels and messages in columns.
std::string for_people(const Record& record, const std::string& time, bool coloured) {
    const auto shown = [&, colour = colour_of(record.level)](std::string_view word) {
        return coloured ? fmt::format("\033[{}m{}\033[0m", colour, word) : std::string(word);
    };
    auto level = record.level;
    std::transform(level.begin(), level.end(), level.begin(), [](unsigned char c) { return ::toupper(c); });
    auto line = fmt::format("{}[{}] {:<44} ", shown(fmt::format("{:<7}", level)), time, record.message);
    for (const auto& [key, value] : record.context) line += fmt::format(" {}={}", shown(key), logfmt_value(value));
    return line + '\n';
}

} // namespace

int level_rank(std::string_view level) {
    constexpr std::array<std::string_view, 7> levels{"panic", "fatal", "error", "warning", "info", "debug", "trace"};
    std::string lower(level);
    std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return ::tolower(c); });
    if (lower == "warn") lower = "warning";
    const auto found = std::find(levels.begin(), levels.end(), lower);
    if (found == levels.end()) throw schema::bad_request("not a valid logrus Level: \"{}\"", level);
    return static_cast<int>(found - levels.begin());
}

std::string event_text(const Json& event, int least_level, EventStyle style) {
    const auto record = record_of(event);
    if (level_rank(record.level) > least_level) return "";
    auto time = text(event["timestamp"]);
    if (const auto fraction = time.find('.'); fraction != std::string::npos) {
        const auto zone = time.find_first_not_of("0123456789", fraction + 1);
        time.erase(fraction, (zone == std::string::npos ? time.size() : zone) - fraction);
    }
    return style == EventStyle::machine ? for_machines(record, time)
                                        : for_people(record, time, style == EventStyle::coloured);
}

} // namespace client
