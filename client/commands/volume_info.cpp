// lxc storage volume info: a volume's present state.

#include <fmt/format.h>

#include "client/commands/object.h"
#include "client/commands/volume.h"
#include "client/render/sort.h"
#include "client/render/table.h"
#include "client/settings.h"
#include "client/sizes.h"
#include "client/target.h"
#include "client/times.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {member_flag};

std::string text_or(const Json& object, std::string_view member, std::string_view otherwise) {
    const auto text = text_member(object, member);
    return text.empty() ? std::string(otherwise) : text;
}

int64_t number(const Json& value) {
    return value.is_number() ? static_cast<int64_t>(value.as_number()) : 0;
}

std::string date_or_blank(const Json& value) {
    return value.is_string() && is_set(value.as_string()) ? local_minutes(value.as_string()) : " ";
}

std::string yes_or_no(const Json& value) {
    return value == Json(true) ? "YES" : "NO";
}

std::string identity(const Json& volume, const Json& state) {
    auto out = fmt::format("Name: {}\n", text_member(volume, "name"));
    if (const auto words = text_member(volume, "description"); !words.empty()) {
        out += fmt::format("Description: {}\n", words);
    }
    out += fmt::format("Type: {}\n", text_or(volume, "type", "custom"));
    out += fmt::format("Content type: {}\n", text_or(volume, "content_type", "filesystem"));
    if (!state["usage"].is_object()) return out;
    out += fmt::format("Usage: {}\n", binary_byte_size(number(state["usage"]["used"])));
    const auto total = number(state["usage"]["total"]);
    return total > 0 ? out + fmt::format("Total: {}\n", binary_byte_size(total)) : out;
}

std::string snapshots(const Json& list) {
    if (!list.is_array() || list.as_array().empty()) return "";
    std::vector<Row> rows;
    for (const auto& snapshot : list.as_array()) {
        // LXD shows a time that a snapshot has, be it the zero time.
        const auto& expiry = snapshot["expires_at"];
        rows.push_back({base_name(text_member(snapshot, "name")), text_member(snapshot, "description"),
                        expiry.is_string() ? date_or_blank(expiry) : " "});
    }
    sort_rows(rows);
    return "\nSnapshots:\n" + table({"Name", "Description", "Expires at"}, rows);
}

std::string backups(const Json& list) {
    if (!list.is_array() || list.as_array().empty()) return "";
    std::vector<Row> rows;
    for (const auto& backup : list.as_array()) {
        rows.push_back({text_member(backup, "name"), date_or_blank(backup["created_at"]),
                        date_or_blank(backup["expires_at"]), yes_or_no(backup["volume_only"]),
                        yes_or_no(backup["optimized_storage"])});
    }
    return "\nBackups:\n" + table({"Name", "Taken at", "Expires at", "Volume Only", "Optimized Storage"}, rows);
}

int run(Session& session, Call& call) {
    const auto pool = session.named(call.arguments[0], "Missing storage pool name");
    const auto name = checked_volume_name(call.arguments[1]);
    if (is_snapshot(name.name) || name.type == "image") {
        throw schema::bad_request("Only instance or custom volumes are supported");
    }
    refuse_member(call);
    const auto url = volume_url(pool.name, name);
    const auto volume = pool.server.get(url).metadata;
    const auto state = pool.server.get(url + "/state").metadata;
    auto out = identity(volume, state) + snapshots(pool.server.get(url + "/snapshots?recursion=1").metadata);
    if (name.type == "custom") {
        if (const auto list = get_if_exists(pool.server, url + "/backups?recursion=1")) out += backups(*list);
    }
    print(out);
    return 0;
}

} // namespace

constinit const Command commands::volume_info{
    .name = "info",
    .arguments = "[<remote>:]<pool> <volume>",
    .summary = "Say how full a volume is, and what snapshots and backups it has",
    .examples = "lxc storage volume info default data\n"
                "    The space that \"data\" takes.\n\n"
                "lxc storage volume info default container/c1\n"
                "    The same of the root file system of c1.",
    .flags = flags,
    .least = 2,
    .most = 2,
    .run = run,
};

} // namespace client
