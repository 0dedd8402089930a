#include "daemon/instance/action_log.h"

#include "schema/timestamp.h"

namespace instance {

namespace {

/// As Go prints a time: "2026-01-02 03:04:05.123 +0000 UTC".
std::string go_time(schema::Time time) {
    auto text = schema::rfc3339_since_1970(time);
    text.replace(text.find('T'), 1, " ");
    text.replace(text.find('Z'), 1, " +0000 UTC");
    return text;
}

} // namespace

base::Log::Context log_context(const state::InstanceRow& row, base::Log::Context particular) {
    particular.insert({{"created", go_time(row.created_at)},
                       {"ephemeral", row.put.ephemeral ? "true" : "false"},
                       {"instance", row.name},
                       {"instanceType", "container"},
                       {"project", "default"},
                       {"used", go_time(row.last_used_at)}});
    return particular;
}

void logged(base::Log& log, const ActionWords& words, base::Log::Context context, const std::function<void()>& act) {
    log.info(words.begins, context);
    try {
        act();
    } catch (const std::exception& error) {
        context["err"] = error.what();
        log.error(words.failed, std::move(context));
        throw;
    }
    log.info(words.done, std::move(context));
}

} // namespace instance
