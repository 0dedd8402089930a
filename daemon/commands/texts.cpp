// Commands that print what there is to know of the configuration.

#include <fmt/format.h>

#include "daemon/commands/commands.h"
#include "daemon/http/local_request.h"
#include "schema/keys/reference.h"
#include "schema/names.h"

namespace commands {

int keys() {
    fmt::print("{}", schema::key_reference());
    return 0;
}

int lxc_conf(const state::Paths& paths, const std::string& instance) {
    schema::check_instance_name(instance); // which is part of a path
    const auto text =
        http::local_request(paths.socket(), "GET", fmt::format("/internal/instances/{}/lxc-conf", instance));
    fmt::print("{}", text.as_string());
    return 0;
}

} // namespace commands
