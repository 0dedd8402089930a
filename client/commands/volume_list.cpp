// lxc storage volume list: the volumes of a pool.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/commands/list_filter.h"
#include "client/commands/volume.h"
#include "client/extensions.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/render/table.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/sizes.h"
#include "client/target.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr std::string_view default_columns = "etndcuL";

constexpr Flag flags[] = {
    {"all-projects", 0, FlagKind::toggle, "List the volumes of all projects"},
    {"columns", 'c', FlagKind::text, "Columns", default_columns},
    format_flag,
};

/// What is asked for each volume once one of its columns needs it.
using Volume = std::pair<const Json&, const Resource&>;

std::string type_cell(const Volume& volume) {
    const auto type = text_member(volume.first, "type");
    return is_snapshot(text_member(volume.first, "name")) ? type + " (snapshot)" : type;
}

std::string content_type_cell(const Volume& volume) {
    const auto type = text_member(volume.first, "content_type");
    return type.empty() ? "filesystem" : type;
}

std::string users_cell(const Volume& volume) {
    const auto& users = volume.first["used_by"];
    return std::to_string(users.is_array() ? users.as_array().size() : 0);
}

std::string usage_cell(const Volume& volume) {
    const VolumeName name{text_member(volume.first, "type"), text_member(volume.first, "name")};
    if (is_snapshot(name.name) || name.type == "image") return "";
    const auto state = volume.second.server.get(volume_url(volume.second.name, name) + "/state").metadata;
    if (!state["usage"].is_object()) return "";
    const auto& used = state["usage"]["used"];
    return binary_byte_size(used.is_number() ? static_cast<int64_t>(used.as_number()) : 0);
}

struct Letter {
    char letter;
    std::string_view name;
    std::string (*cell)(const Volume&);
};
constexpr std::array<Letter, 7> letters{{
    {'c', "CONTENT-TYPE", content_type_cell},
    {'d', "DESCRIPTION", [](const Volume& v) { return text_member(v.first, "description"); }},
    {'e', "PROJECT", [](const Volume& v) { return text_member(v.first, "project"); }},
    {'n', "NAME", [](const Volume& v) { return text_member(v.first, "name"); }},
    {'t', "TYPE", type_cell},
    {'u', "USED BY", users_cell},
    {'U', "USAGE", usage_cell},
}};

std::vector<Letter> parse_columns(std::string columns, bool all_projects) {
    if (columns != default_columns && columns.find('L') != std::string::npos) {
        throw schema::bad_request("Can't specify column L when not clustered");
    }
    std::erase(columns, 'L');
    if (!all_projects) std::erase(columns, 'e');
    std::vector<Letter> found;
    for (const auto& entry : split(columns, ',')) {
        if (entry.empty()) {
            throw schema::bad_request("Empty column entry (redundant, leading or trailing command) in '{}'", columns);
        }
        for (const char c : entry) {
            const auto letter =
                std::find_if(letters.begin(), letters.end(), [&](const Letter& l) { return l.letter == c; });
            if (letter == letters.end()) {
                throw schema::bad_request("Unknown column shorthand char '{}' in '{}'", c, entry);
            }
            found.push_back(*letter);
        }
    }
    return found;
}

/// By the first column, whose second word does not count where the first is the same, then by the second: with type and
/// name in front a volume's snapshots follow it.
bool comes_before(const Row& a, const Row& b) {
    if (a[0].substr(0, a[0].find(' ')) != b[0].substr(0, b[0].find(' '))) return natural_less(a[0], b[0]);
    if (a[1].empty() || b[1].empty()) return !a[1].empty();
    return natural_less(a[1], b[1]);
}

/// Only key=value filters; other words say nothing.
std::string query(const std::vector<std::string>& words, bool all_projects) {
    std::vector<std::string> filters;
    std::copy_if(words.begin(), words.end(), std::back_inserter(filters),
                 [](const auto& word) { return word.find('=') != std::string::npos; });
    std::string text = "?recursion=1";
    if (!filters.empty()) text += "&filter=" + query_escape(server_filter(filters));
    if (all_projects) text += "&all-projects=true";
    return text;
}

int run(Session& session, Call& call) {
    const auto pool = named_pool(session, call);
    const bool all_projects = call.flags.on("all-projects");
    if (all_projects) require_extension(pool.server, "storage_volumes_all_projects");
    const auto url = fmt::format("/1.0/storage-pools/{}/volumes", path_escape(pool.name));
    const std::vector<std::string> words(call.arguments.begin() + 1, call.arguments.end());
    const auto volumes = shaped(pool.server.get(url + query(words, all_projects)).metadata, shapes::volumes);
    const auto columns = parse_columns(call.flags.text("columns"), all_projects);

    Listing listing{{}, {}, volumes, &shapes::volumes};
    for (const auto& column : columns) listing.header.emplace_back(column.name);
    if (volumes.is_array() && !prints_objects(call.flags.text("format"))) {
        for (const auto& volume : volumes.as_array()) {
            Row row;
            for (const auto& column : columns) row.push_back(column.cell({volume, pool}));
            listing.rows.push_back(std::move(row));
        }
    }
    if (columns.size() > 1) std::stable_sort(listing.rows.begin(), listing.rows.end(), comes_before);
    print(render(listing, call.flags.text("format")));
    return 0;
}

} // namespace

constinit const Command commands::volume_list{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:]<pool> [<filter>...]",
    .summary = "List storage volumes",
    .details = "Filters are key=value, with the members of volumes as keys: type=custom.\n\n"
               "The columns are letters:\n\n"
               "    c - Content type (block or filesystem)\n"
               "    d - Description\n"
               "    e - Project, with --all-projects\n"
               "    n - Name\n"
               "    t - Type (container, custom, image or virtual-machine)\n"
               "    u - By how much it is used\n"
               "    U - Space that it takes",
    .examples = "lxc storage volume list default type=custom -c nuU\n"
                "    Your own volumes in the pool \"default\", whether they are used, and the space that they take.",
    .flags = flags,
    .least = 1,
    .run = run,
};

} // namespace client
