// unix-char and unix-block.

#include <fmt/format.h>

#include "daemon/devices/types.h"
#include "schema/error.h"
#include "schema/values.h"

namespace devices {

namespace {

constexpr unsigned usual_mode = 0660;

unsigned number(const std::string& text) {
    return static_cast<unsigned>(schema::parse_integer(text).value_or(0));
}

} // namespace

const std::string& UnixNode::source() const {
    return option("source").empty() ? option("path") : option("source");
}

const std::string& UnixNode::path() const {
    return option("path").empty() ? option("source") : option("path");
}

bool UnixNode::is_required() const {
    return option("required").empty() || schema::is_true(option("required"));
}

void UnixNode::check() const {
    NodeDevice::check();
    if (source().empty())
        throw schema::bad_request(R"(Unix device entry is missing the required "source" or "path" property)");
}

std::vector<Node> UnixNode::nodes(const Owner&, DeviceHost& host, bool starts) const {
    const char kind = option("type") == "unix-block" ? 'b' : 'c';
    const bool major = !option("major").empty();
    const bool minor = !option("minor").empty();
    auto found = host.nodes().find_node(source());
    if (found && found->numbers.kind != kind)
        throw schema::bad_request("Path specified is not a {} device", option("type"));
    if (found ? major != minor : starts && (major || minor) && major != minor)
        throw schema::bad_request("Both major and minor must be supplied for device: {}", source());
    if (!found && !(major && minor)) {
        if (!starts || !is_required()) return {};
        throw schema::bad_request(
            "The required device path doesn't exist and the major and minor settings are not specified");
    }
    if (!found) found = FoundNode{source(), {}, 0};
    if (major) found->numbers = {kind, number(option("major")), number(option("minor"))};
    found->mode = usual_mode;
    return {{path(), *found}};
}

Followed UnixNode::follows() const {
    if (is_required()) return {};
    return {.paths = {source()}};
}

} // namespace devices
