// lxc image: the images that instances are made from.

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/commands/image_files.h"
#include "client/commands/list_filter.h"
#include "client/images.h"
#include "client/objects.h"
#include "client/render/format_flag.h"
#include "client/render/sort.h"
#include "client/session.h"
#include "client/settings.h"
#include "client/shapes.h"
#include "client/target.h"
#include "client/times.h"
#include "client/yaml_out.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag list_flags[] = {
    {"columns", 'c', FlagKind::text, "Columns to show", "lfpdatsu"},
    format_flag,
};
constexpr Flag vm_flags[] = {{"vm", 0, FlagKind::toggle, "Look among the images of virtual machines"}};

constexpr size_t short_fingerprint = 12;

std::string upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return ::toupper(c); });
    return text;
}

bool is_true(const Json& value) {
    return value == Json(true);
}

std::string megabytes(const Json& image) {
    const double size = image["size"].is_number() ? image["size"].as_number() : 0;
    return fmt::format("{:.2f}MB", size / 1024.0 / 1024.0);
}

std::vector<std::string> alias_names(const Json& image) {
    std::vector<std::string> names;
    if (!image["aliases"].is_array()) return names;
    for (const auto& alias : image["aliases"].as_array()) names.push_back(text_member(alias, "name"));
    return names;
}

// --- list -------------------------------------------------------------------------------------------------------

std::string shortest_alias(const Json& image) {
    const auto names = alias_names(image);
    if (names.empty()) return "";
    const auto shortest =
        std::min_element(names.begin(), names.end(), [](const auto& a, const auto& b) { return a.size() < b.size(); });
    return names.size() == 1 ? *shortest : fmt::format("{} ({} more)", *shortest, names.size() - 1);
}

std::string all_aliases(const Json& image) {
    auto names = alias_names(image);
    std::sort(names.begin(), names.end());
    return join(names, "\n");
}

struct Letter {
    char letter;
    std::string_view name;
    std::string (*cell)(const Json&);
};
constexpr std::array<Letter, 10> letters{{
    {'l', "ALIAS", shortest_alias},
    {'L', "ALIASES", all_aliases},
    {'f', "FINGERPRINT", [](const Json& i) { return text_member(i, "fingerprint").substr(0, short_fingerprint); }},
    {'F', "FINGERPRINT", [](const Json& i) { return text_member(i, "fingerprint"); }},
    {'p', "PUBLIC", [](const Json& i) { return std::string(is_true(i["public"]) ? "yes" : "no"); }},
    {'d', "DESCRIPTION", [](const Json& i) { return text_member(i["properties"], "description"); }},
    {'a', "ARCHITECTURE", [](const Json& i) { return text_member(i, "architecture"); }},
    {'s', "SIZE", megabytes},
    {'u', "UPLOAD DATE", [](const Json& i) { return upload_date(text_member(i, "uploaded_at")); }},
    {'t', "TYPE",
     [](const Json& i) {
         const auto type = text_member(i, "type");
         return type.empty() ? "CONTAINER" : upper(type);
     }},
}};

std::vector<const Letter*> parse_letters(const std::string& wanted) {
    std::vector<const Letter*> columns;
    for (const auto& entry : split(wanted, ',')) {
        if (entry.empty()) {
            throw schema::bad_request("Empty column entry (redundant, leading or trailing command) in '{}'", wanted);
        }
        for (const char letter : entry) {
            const auto* found =
                std::find_if(letters.begin(), letters.end(), [&](const Letter& l) { return l.letter == letter; });
            if (found == letters.end()) {
                throw schema::bad_request("Unknown column shorthand char '{}' in '{}'", letter, entry);
            }
            columns.push_back(found);
        }
    }
    return columns;
}

std::string plain_text(const Json& value) {
    return value.is_string() ? value.as_string() : value.dump();
}

bool satisfies(const Json& image, const std::string& filter) {
    std::string key;
    std::string value;
    if (!split_pair(filter, key, value)) {
        const auto names = alias_names(image);
        const auto contains = [&](const std::string& text) { return text.find(filter) != std::string::npos; };
        return contains(text_member(image, "fingerprint")) || std::any_of(names.begin(), names.end(), contains);
    }
    if (const auto* member = image.find(key); member != nullptr && plain_text(*member) == value) return true;
    const auto& properties = image["properties"];
    return properties.is_object() &&
           std::any_of(properties.as_object().begin(), properties.as_object().end(), [&](const Json::Member& property) {
               return abbreviates(key, property.first) && matches(plain_text(property.second), value);
           });
}

/// A server that does not understand the filter is asked for everything, and all filters are applied here.
Json matching_images(Server& server, const std::vector<std::string>& filters) {
    std::vector<std::string> for_server;
    std::vector<std::string> for_client;
    divide_filters(filters, shapes::image, for_server, for_client);
    Json answer;
    try {
        const auto query = for_server.empty() ? "" : "&filter=" + query_escape(server_filter(for_server));
        answer = server.get("/1.0/images?recursion=1" + query).metadata;
    } catch (const schema::Error&) {
        if (for_server.empty()) throw;
        answer = server.get("/1.0/images?recursion=1").metadata;
        for_client = filters;
    }
    auto wanted = Json::empty_array();
    if (!answer.is_array()) return wanted;
    for (const auto& image : answer.as_array()) {
        const bool fits = std::all_of(for_client.begin(), for_client.end(),
                                      [&](const std::string& filter) { return satisfies(image, filter); });
        if (fits) wanted.push_back(shaped(image, shapes::image));
    }
    return wanted;
}

int run_list(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments.empty() ? "" : call.arguments[0]);
    std::vector<std::string> filters;
    if (!resource.name.empty()) filters.push_back(resource.name);
    if (call.arguments.size() > 1) filters.insert(filters.end(), call.arguments.begin() + 1, call.arguments.end());
    const auto columns = parse_letters(call.flags.text("columns"));

    Listing listing{{}, {}, matching_images(resource.server, filters), &shapes::images};
    for (const auto* column : columns) listing.header.emplace_back(column->name);
    for (const auto& image : listing.objects.as_array()) {
        Row row;
        for (const auto* column : columns) row.push_back(column->cell(image));
        listing.rows.push_back(std::move(row));
    }
    sort_rows(listing.rows);
    print(render(listing, call.flags.text("format")));
    return 0;
}

// --- info and show ----------------------------------------------------------------------------------------------

std::string date_or_never(std::string_view label, const Json& value) {
    const auto text = value.is_string() ? value.as_string() : std::string();
    return fmt::format("    {}: {}\n", label, is_set(text) ? utc_minutes(text) : "never");
}

std::string timestamps(const Json& image) {
    std::string out = "Timestamps:\n";
    if (is_set(text_member(image, "created_at"))) out += date_or_never("Created", image["created_at"]);
    out += fmt::format("    Uploaded: {}\n", utc_minutes(text_member(image, "uploaded_at")));
    return out + date_or_never("Expires", image["expires_at"]) + date_or_never("Last used", image["last_used_at"]);
}

std::string properties(const Json& image) {
    std::string out = "Properties:\n";
    if (!image["properties"].is_object()) return out;
    const auto sorted = shaped(image["properties"], shapes::text_map);
    for (const auto& [key, value] : sorted.as_object()) {
        out += fmt::format("    {}: {}\n", key, plain_text(value));
    }
    return out;
}

std::string aliases(const Json& image) {
    std::string out = "Aliases:\n";
    if (!image["aliases"].is_array()) return out;
    for (const auto& alias : image["aliases"].as_array()) {
        const auto description = text_member(alias, "description");
        out += fmt::format("    - {}{}\n", text_member(alias, "name"),
                           description.empty() ? "" : fmt::format(" ({})", description));
    }
    return out;
}

std::string update_source(const Json& source) {
    if (source.is_null()) return "";
    return fmt::format("Source:\n    Server: {}\n    Protocol: {}\n    Alias: {}\n", text_member(source, "server"),
                       text_member(source, "protocol"), text_member(source, "alias"));
}

std::string profiles(const Json& list) {
    if (!list.is_array() || list.as_array().empty()) return "Profiles: []\n";
    std::string out = "Profiles:\n";
    for (const auto& name : list.as_array()) out += fmt::format("    - {}\n", plain_text(name));
    return out;
}

Json found_image(const Resource& resource, const FlagValues& flags) {
    const std::string_view type = flags.on("vm") ? "virtual-machine" : "";
    return resource.server.get(image_url(image_fingerprint(resource.server, resource.name, type))).metadata;
}

int run_info(Session& session, Call& call) {
    const auto image = found_image(session.resource(call.arguments[0]), call.flags);
    const auto type = text_member(image, "type");
    std::string out =
        fmt::format("Fingerprint: {}\nSize: {}\nArchitecture: {}\nType: {}\nPublic: {}\n",
                    text_member(image, "fingerprint"), megabytes(image), text_member(image, "architecture"),
                    type.empty() ? "container" : type, is_true(image["public"]) ? "yes" : "no");
    out += timestamps(image) + properties(image) + aliases(image);
    out += fmt::format("Cached: {}\nAuto update: {}\n", is_true(image["cached"]) ? "yes" : "no",
                       is_true(image["auto_update"]) ? "enabled" : "disabled");
    print(out + update_source(image["update_source"]) + profiles(image["profiles"]));
    return 0;
}

int run_show(Session& session, Call& call) {
    const auto image = found_image(session.resource(call.arguments[0]), call.flags);
    print(yaml(shaped(image, shapes::image_put), &shapes::image_put));
    return 0;
}

// --- changes ----------------------------------------------------------------------------------------------------

Resource named_image(Session& session, const std::string& word) {
    return session.named(word, "Image identifier missing: " + word);
}

int run_delete(Session& session, Call& call) {
    for (const auto& word : call.arguments) {
        const auto resource = session.named(word, "Image identifier missing");
        const auto fingerprint = image_fingerprint(resource.server, resource.name);
        resource.server.wait(resource.server.del(image_url(fingerprint)));
    }
    return 0;
}

Object image_object(Session& session, const std::string& word) {
    const auto resource = named_image(session, word);
    return {resource.server, kinds::image, image_fingerprint(resource.server, resource.name)};
}

int run_edit(Session& session, Call& call) {
    image_object(session, call.arguments[0]).edit();
    return 0;
}

int run_get_property(Session& session, Call& call) {
    const auto image = found_image(session.resource(call.arguments[0]), call.flags);
    const auto* value = image["properties"].find(call.arguments[1]);
    if (value == nullptr) throw schema::not_found("Property not found");
    print(plain_text(*value) + "\n");
    return 0;
}

int set_property(Session& session, const Call& call, const std::string& value) {
    auto image = image_object(session, call.arguments[0]);
    object_member(image.load(), "properties").set(call.arguments[1], value);
    image.store();
    return 0;
}

int run_set_property(Session& session, Call& call) {
    return set_property(session, call, call.arguments[2]);
}

int run_unset_property(Session& session, Call& call) {
    return set_property(session, call, ""); // LXD's client leaves the property there, empty.
}

constinit const Command delete_command{
    .name = "delete",
    .aliases = "rm",
    .arguments = "[<remote>:]<image> [[<remote>:]<image>...]",
    .summary = "Delete images",
    .examples = "lxc image delete debian 5fb1c0e3\n    Remove two images, one by its alias, one by the beginning of "
                "its fingerprint.",
    .least = 1,
    .run = run_delete,
};
constinit const Command edit_command{
    .name = "edit",
    .arguments = "[<remote>:]<image>",
    .summary = "Change what an image says of itself, as YAML",
    .examples = "lxc image edit debian\n"
                "    Open the image's properties in an editor.\n\n"
                "lxc image edit debian < image.yaml\n"
                "    Replace them by the content of a file.",
    .least = 1,
    .most = 1,
    .run = run_edit,
};
constinit const Command get_property_command{
    .name = "get-property",
    .arguments = "[<remote>:]<image> <key>",
    .summary = "Print a property of an image",
    .examples = "lxc image get-property debian os\n    Print one property.",
    .least = 2,
    .most = 2,
    .run = run_get_property,
};
constinit const Command info_command{
    .name = "info",
    .arguments = "[<remote>:]<image>",
    .summary = "Describe an image",
    .examples = "lxc image info debian\n    Show the image's size, dates, aliases and properties.",
    .flags = vm_flags,
    .least = 1,
    .most = 1,
    .run = run_info,
};
constinit const Command list_command{
    .name = "list",
    .aliases = "ls",
    .arguments = "[<remote>:] [<filter>...]",
    .summary = "List images",
    .details =
        R"(A filter is key=value with a property or a member of the image, or a part of a fingerprint or an alias.

Columns:
  l - Shortest alias, and how many more there are   d - Description
  L - All aliases                                   a - Architecture
  f - Fingerprint, its first 12 digits              s - Size
  F - Fingerprint                                   u - Date of upload
  p - Is it public?                                 t - Type)",
    .examples = "lxc image list os=debian -c lfs --format csv\n    Alias, fingerprint and size of the images of one "
                "distribution.",
    .flags = list_flags,
    .run = run_list,
};
constinit const Command set_property_command{
    .name = "set-property",
    .arguments = "[<remote>:]<image> <key> <value>",
    .summary = "Change a property of an image",
    .examples = "lxc image set-property debian description \"Our own Debian\"\n    Change the words that lists show.",
    .least = 3,
    .most = 3,
    .run = run_set_property,
};
constinit const Command show_command{
    .name = "show",
    .arguments = "[<remote>:]<image>",
    .summary = "Print an image's properties as YAML",
    .examples = "lxc image show debian > image.yaml\n    Keep the properties in a file, for \"lxc image edit\".",
    .flags = vm_flags,
    .least = 1,
    .most = 1,
    .run = run_show,
};
constinit const Command unset_property_command{
    .name = "unset-property",
    .arguments = "[<remote>:]<image> <key>",
    .summary = "Empty a property of an image",
    .examples = "lxc image unset-property debian description\n    Empty the description.",
    .least = 2,
    .most = 2,
    .run = run_unset_property,
};

constinit const Command* const children[] = {
    &commands::image_alias, &commands::image_copy,   &delete_command,        &edit_command, &commands::image_export,
    &get_property_command,  &commands::image_import, &info_command,          &list_command, &commands::image_refresh,
    &set_property_command,  &show_command,           &unset_property_command};

} // namespace

constinit const Command commands::image{
    .name = "image",
    .summary = "What instances are made from",
    .details =
        "Instances are made from images. An image is known by its fingerprint (the SHA-256 hash of its files), by\n"
        "any beginning of it that no other has, and by its aliases.",
    .children = children,
};

} // namespace client
