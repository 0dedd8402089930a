#include "client/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "client/target.h"

namespace client {

namespace {

std::string indented(std::string_view text, std::string_view margin) {
    std::string out;
    for (const auto& line : split(text, '\n')) {
        if (!line.empty()) out += margin;
        out += line;
        out += '\n';
    }
    return out;
}

std::string described_name(const Flag& flag) {
    auto name =
        flag.letter == 0 ? fmt::format("      --{}", flag.name) : fmt::format("  -{}, --{}", flag.letter, flag.name);
    if (!flag.bare.empty()) name += fmt::format("[=\"{}\"]", flag.bare);
    return name;
}

std::string described_default(const Flag& flag) {
    if (flag.initial.empty() || flag.kind == FlagKind::id) return "";
    return flag.kind == FlagKind::number ? fmt::format(" (default {})", flag.initial)
                                         : fmt::format(" (default \"{}\")", flag.initial);
}

std::string flags_text(View<Flag> flags) {
    std::vector<const Flag*> sorted;
    size_t width = 0;
    for (const auto& flag : flags) {
        sorted.push_back(&flag);
        width = std::max(width, described_name(flag).size());
    }
    std::sort(sorted.begin(), sorted.end(), [](const Flag* a, const Flag* b) { return a->name < b->name; });
    std::string out;
    for (const auto* flag : sorted) {
        out += fmt::format("{:<{}}   {}{}\n", described_name(*flag), width, flag->help, described_default(*flag));
    }
    return out;
}

std::string commands_text(const Command& command, bool with_hidden, bool with_nested, size_t depth) {
    std::vector<const Command*> sorted;
    size_t width = 11;
    for (const auto* child : command.children) {
        if (child->hidden && !with_hidden) continue;
        sorted.push_back(child);
        width = std::max(width, child->name.size());
    }
    std::sort(sorted.begin(), sorted.end(), [](const Command* a, const Command* b) { return a->name < b->name; });
    std::string out;
    for (const auto* child : sorted) {
        out += fmt::format("{}{:<{}} {}\n", std::string(2 * depth, ' '), child->name, width, child->summary);
        if (with_nested) out += commands_text(*child, with_hidden, with_nested, depth + 1);
    }
    return out;
}

} // namespace

bool answers_to(const Command& command, std::string_view name) {
    if (command.name == name) return true;
    if (command.aliases.empty()) return false;
    const auto aliases = split(command.aliases, ',');
    return std::find(aliases.begin(), aliases.end(), name) != aliases.end();
}

std::string full_name(const CommandPath& path) {
    std::string name;
    for (const auto* command : path) {
        if (!name.empty()) name += ' ';
        name += command->name;
    }
    return name;
}

std::string usage_text(const CommandPath& path, View<Flag> global_flags, bool with_hidden, bool with_nested) {
    const auto& command = *path.back();
    const auto name = full_name(path);
    const bool is_root = path.size() == 1;
    std::string out = "Usage:\n";
    if (!is_root) {
        const bool names_flags = command.arguments.find("[flags]") != std::string_view::npos;
        out += fmt::format("  {}{}{}{}\n", name, command.arguments.empty() ? "" : " ", command.arguments,
                           names_flags ? "" : " [flags]");
    }
    if (!command.children.empty()) out += fmt::format("  {} [command]\n", name);
    if (!command.aliases.empty()) {
        out += fmt::format("\nAliases:\n  {}, {}\n", command.name, join(split(command.aliases, ','), ", "));
    }
    if (!command.examples.empty()) out += "\nExamples:\n" + indented(command.examples, "  ");
    if (!command.children.empty()) {
        out += "\nAvailable Commands:\n" + commands_text(command, with_hidden, with_nested, 1);
    }
    if (!command.flags.empty()) out += "\nFlags:\n" + flags_text(command.flags);
    out += (is_root ? "\nFlags:\n" : "\nGlobal Flags:\n") + flags_text(global_flags);
    if (!command.children.empty()) {
        out += fmt::format("\nUse \"{} [command] --help\" for more information about a command.\n", name);
    }
    return out;
}

std::string help_text(const CommandPath& path, View<Flag> global_flags, bool with_hidden, bool with_nested) {
    const auto& command = *path.back();
    std::string out = "Description:\n" + indented(command.summary, "  ");
    if (!command.details.empty()) out += '\n' + indented(command.details, "  ");
    return out + '\n' + usage_text(path, global_flags, with_hidden, with_nested);
}

} // namespace client
