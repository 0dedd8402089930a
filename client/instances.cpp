#include "client/instances.h"

#include <cerrno>
#include <system_error>

#include <unistd.h>

#include "client/target.h"
#include "daemon/base/fd.h"

namespace client {

std::string instance_url(std::string_view name) {
    return "/1.0/instances/" + path_escape(name);
}

std::string instance_or_snapshot_url(std::string_view name) {
    if (!is_snapshot(name)) return instance_url(name);
    const auto [instance, snapshot] = split_snapshot(name);
    return instance_url(instance) + "/snapshots/" + path_escape(snapshot);
}

schema::Error state_failure(const schema::Error& error, std::string_view shown_name) {
    const std::string_view text = error.what();
    // The instance was in the wrong state to begin with: nothing was tried that a log could tell of.
    for (const std::string_view state : {"is already ", "isn't running", "is not running"}) {
        if (text.find(state) != std::string_view::npos) return error;
    }
    return schema::failure("{}\nTry `lxc info --show-log {}` for more info", text, shown_name);
}

std::string created_name(const schema::Json& operation) {
    for (const auto* kind : {"instances", "containers"}) {
        const auto& urls = operation["resources"][kind];
        if (urls.is_array() && !urls.as_array().empty()) return unescape(base_name(urls.as_array()[0].as_string()));
    }
    throw schema::failure("Didn't get any affected image, instance or snapshot from server");
}

std::string read_standard_input() {
    constexpr size_t limit = 64U << 20U;
    try {
        return base::read_to_end(STDIN_FILENO, limit);
    } catch (const std::system_error& error) {
        if (error.code().value() == EBADF) return {};
        throw;
    }
}

} // namespace client
