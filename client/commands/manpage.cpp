// lxc manpage: a page of documentation for every command, from the tables that --help is printed from.

#include <array>
#include <cerrno>
#include <system_error>

#include <fmt/format.h>

#include "client/commands/commands.h"
#include "client/dispatch.h"
#include "client/local_files.h"
#include "client/session.h"
#include "client/target.h"
#include "client/version.h"
#include "client/yaml_out.h"
#include "daemon/base/files.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr Flag flags[] = {{"format", 'f', FlagKind::text, "Format (man|md|rest|yaml)", "man"}};

std::string dotted(const CommandPath& path, std::string_view separator = ".") {
    return join(split(full_name(path), ' '), separator);
}

std::string synopsis(const CommandPath& path) {
    const auto& command = *path.back();
    if (!command.children.empty()) return full_name(path) + " [command]";
    const bool names_flags = command.arguments.find("[flags]") != std::string_view::npos;
    return fmt::format("{}{}{}{}", full_name(path), command.arguments.empty() ? "" : " ", command.arguments,
                       names_flags ? "" : " [flags]");
}

std::string flag_name(const Flag& flag) {
    auto name = flag.letter == 0 ? fmt::format("--{}", flag.name) : fmt::format("-{}, --{}", flag.letter, flag.name);
    if (!flag.bare.empty()) name += fmt::format("[=\"{}\"]", flag.bare);
    if (flag.kind != FlagKind::toggle && !flag.initial.empty()) name += fmt::format("=\"{}\"", flag.initial);
    return name;
}

/// The pages beside this one: its group's and its own commands'.
std::vector<std::string> see_also(const CommandPath& path, std::string_view separator = ".") {
    std::vector<std::string> pages;
    auto other = path;
    other.pop_back();
    if (!other.empty()) pages.push_back(dotted(other, separator));
    for (const auto* child : path.back()->children) {
        other = path;
        other.push_back(child);
        pages.push_back(dotted(other, separator));
    }
    return pages;
}

// --- man --------------------------------------------------------------------------------------------------------

/// Text as roff takes it: no command at the beginning of a line, dashes and backslashes that stay what they are.
std::string roff(std::string_view text) {
    std::string out;
    bool at_start = true;
    for (const char c : text) {
        if (at_start && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\') {
            out += "\\e";
        } else if (c == '-') {
            out += "\\-";
        } else {
            out += c;
        }
        at_start = c == '\n';
    }
    return out;
}

std::string man_flags(std::string_view heading, View<Flag> list) {
    if (list.empty()) return "";
    auto out = fmt::format(".SH {}\n", heading);
    for (const auto& flag : list) out += fmt::format(".TP\n\\fB{}\\fP\n{}\n", roff(flag_name(flag)), roff(flag.help));
    return out;
}

std::string man_page(const CommandPath& path) {
    const auto& command = *path.back();
    auto out = fmt::format(".TH \"{}\" \"1\" \"\" \"{}\" \"{}\"\n", roff(dotted(path)), version, "User commands");
    out += fmt::format(".SH NAME\n{} \\- {}\n", roff(dotted(path)), roff(command.summary));
    out += fmt::format(".SH SYNOPSIS\n.B {}\n", roff(synopsis(path)));
    out += fmt::format(".SH DESCRIPTION\n{}.\n", roff(command.summary));
    if (!command.details.empty()) out += fmt::format(".PP\n.nf\n{}\n.fi\n", roff(command.details));
    if (!command.aliases.empty()) {
        out += fmt::format(".PP\nIt may also be called {}.\n", roff(join(split(command.aliases, ','), ", ")));
    }
    if (!command.children.empty()) {
        out += ".SH COMMANDS\n";
        for (const auto* child : command.children) {
            if (!child->hidden) out += fmt::format(".TP\n\\fB{}\\fP\n{}\n", roff(child->name), roff(child->summary));
        }
    }
    out += man_flags("OPTIONS", command.flags) + man_flags("OPTIONS OF ALL COMMANDS", global_flags);
    if (!command.examples.empty()) out += fmt::format(".SH EXAMPLES\n.nf\n{}\n.fi\n", roff(command.examples));
    std::vector<std::string> references;
    for (const auto& page : see_also(path)) references.push_back(fmt::format("\\fB{}\\fP(1)", roff(page)));
    if (!references.empty()) out += fmt::format(".SH SEE ALSO\n{}\n", join(references, ", "));
    return out;
}

// --- Markdown, reStructuredText, YAML ---------------------------------------------------------------------------

std::string flag_lines(View<Flag> list) {
    std::string out;
    for (const auto& flag : list) out += fmt::format("    {}: {}\n", flag_name(flag), flag.help);
    return out;
}

std::string indented(std::string_view text) {
    std::string out;
    for (const auto& line : split(text, '\n')) out += line.empty() ? "\n" : "    " + line + "\n";
    return out;
}

/// The parts that Markdown and reStructuredText have in common; they differ in their headings and code marks.
using Heading = std::string (*)(std::string_view text, int level);
std::string marked_up(const CommandPath& path, Heading heading, std::string_view code, std::string_view link) {
    const auto& command = *path.back();
    auto out = heading(full_name(path), 1) + fmt::format("{}\n\n", command.summary);
    if (!command.details.empty()) out += fmt::format("{}{}\n", code, indented(command.details));
    out += heading("Synopsis", 2) + fmt::format("{}{}\n", code, indented(synopsis(path)));
    if (!command.examples.empty())
        out += heading("Examples", 2) + fmt::format("{}{}\n", code, indented(command.examples));
    if (!command.flags.empty()) out += heading("Options", 2) + fmt::format("{}{}\n", code, flag_lines(command.flags));
    out += heading("Options of all commands", 2) + fmt::format("{}{}\n", code, flag_lines(global_flags));
    const auto pages = see_also(path, "_");
    if (pages.empty()) return out;
    out += heading("See also", 2);
    for (const auto& page : pages) out += fmt::format(fmt::runtime(link), join(split(page, '_'), " "), page);
    return out;
}

std::string markdown(const CommandPath& path) {
    const Heading heading = [](std::string_view text, int level) {
        return fmt::format("{} {}\n\n", std::string(static_cast<size_t>(level), '#'), text);
    };
    return marked_up(path, heading, "", "* [{}]({}.md)\n");
}

std::string restructured(const CommandPath& path) {
    const Heading heading = [](std::string_view text, int level) {
        return fmt::format("{}\n{}\n\n", text, std::string(text.size(), level == 1 ? '=' : '-'));
    };
    return marked_up(path, heading, "::\n\n", "* :doc:`{} <{}>`\n");
}

Json flag_objects(View<Flag> list) {
    auto objects = Json::empty_array();
    for (const auto& flag : list) {
        auto object = Json::empty_object();
        object.set("name", std::string(flag.name));
        if (flag.letter != 0) object.set("shorthand", std::string(1, flag.letter));
        if (!flag.initial.empty()) object.set("default_value", std::string(flag.initial));
        object.set("usage", std::string(flag.help));
        objects.push_back(std::move(object));
    }
    return objects;
}

std::string yaml_page(const CommandPath& path) {
    const auto& command = *path.back();
    auto page = Json::empty_object();
    page.set("name", full_name(path)).set("synopsis", std::string(command.summary)).set("usage", synopsis(path));
    if (!command.details.empty()) page.set("description", std::string(command.details));
    if (!command.flags.empty()) page.set("options", flag_objects(command.flags));
    page.set("inherited_options", flag_objects(global_flags));
    if (!command.examples.empty()) page.set("example", std::string(command.examples));
    return page.set("see_also", see_also(path, " ")), yaml(page);
}

// --- all of them ------------------------------------------------------------------------------------------------

struct Format {
    std::string_view name;
    std::string_view separator; // between the words of a page's name
    std::string_view ending;
    std::string (*page)(const CommandPath&);
};
constexpr std::array<Format, 4> formats{{
    {"man", ".", ".1", man_page},
    {"md", "_", ".md", markdown},
    {"rest", "_", ".rst", restructured},
    {"yaml", "_", ".yaml", yaml_page},
}};

void write_pages(const CommandPath& path, const Format& format, const std::string& folder) {
    for (const auto* child : path.back()->children) {
        auto inner = path;
        inner.push_back(child);
        write_pages(inner, format, folder);
    }
    const auto file = join_path(folder, fmt::format("{}{}", dotted(path, format.separator), format.ending));
    try {
        base::replace_file(file, format.page(path), 0644);
    } catch (const std::system_error& error) { // It names the file that would have been renamed.
        errno = error.code().value();
        fail("open", file);
    }
}

int run(Session&, Call& call) {
    const auto wanted = call.flags.text("format");
    for (const auto& format : formats) {
        if (format.name != wanted) continue;
        write_pages({&root_command}, format, call.arguments[0]);
        return 0;
    }
    throw schema::bad_request("Invalid format: {}", wanted);
}

} // namespace

constinit const Command commands::manpage{
    .name = "manpage",
    .arguments = "<target folder>",
    .summary = "Write a manual page for every command",
    .examples = "lxc manpage /usr/local/share/man/man1\n    Write a page for every command into a folder.",
    .flags = flags,
    .least = 1,
    .most = 1,
    .run = run,
    .hidden = true,
};

} // namespace client
