#include "client/completion.h"

#include <algorithm>
#include <array>

#include "client/target.h"

namespace client {

namespace {

struct Name {
    std::string_view placeholder; // as usage texts have it
    Subject subject;
};
constexpr std::array<Name, 33> names{{
    {"alias", Subject::alias},
    {"backup file", Subject::file},
    {"destination", Subject::instance},
    {"device", Subject::device},
    {"directory", Subject::file},
    {"driver", Subject::driver},
    {"filter", Subject::nothing},
    {"fingerprint", Subject::image},
    {"image", Subject::image},
    {"image alias", Subject::image_alias},
    {"instance", Subject::instance},
    {"key", Subject::key},
    {"name", Subject::nothing},
    {"new-name", Subject::nothing},
    {"old alias", Subject::alias},
    {"operation", Subject::operation},
    {"pool", Subject::pool},
    {"profile", Subject::profile},
    {"profiles", Subject::profiles},
    {"remote", Subject::remote},
    {"rootfs tarball", Subject::file},
    {"shell", Subject::shell},
    {"snapshot", Subject::snapshot},
    {"source", Subject::instance},
    {"source path", Subject::file},
    {"tarball", Subject::file},
    {"target", Subject::file},
    {"target folder", Subject::file},
    {"target path", Subject::file},
    {"template", Subject::template_file},
    {"type", Subject::device_type},
    {"value", Subject::nothing},
    {"volume", Subject::volume},
}};

/// What the values of flags name, whatever the command.
constexpr std::array<Name, 4> flag_values{{
    {"config", Subject::setting},
    {"profile", Subject::profile},
    {"storage", Subject::pool},
    {"mode", Subject::nothing},
}};

/// One argument of a usage text: "[[<remote>:]<image>...]".
Subject subject_of(std::string_view token) {
    if (token.find("<key>=") != std::string_view::npos || token.find("key=value") != std::string_view::npos) {
        return Subject::setting;
    }
    if (token.find("<instance>/<path>") != std::string_view::npos) return Subject::instance_path;
    if (token.find("<instance>[/<path>]") != std::string_view::npos) return Subject::instance_path;
    if (token.find("<pool>/<volume>") != std::string_view::npos) return Subject::pool_volume;
    std::string_view name;
    for (auto open = token.find('<'); open != std::string_view::npos; open = token.find('<', open + 1)) {
        const auto found = token.substr(open + 1, token.find('>', open) - open - 1);
        if (name.empty() || name == "remote") name = found; // "<tarball>|<directory>|<URL>": the first counts.
    }
    const auto row = std::find_if(names.begin(), names.end(), [&](const Name& n) { return n.placeholder == name; });
    if (row == names.end()) return Subject::nothing;
    if (token.find("[/<snapshot>]") == std::string_view::npos) return row->subject;
    return row->subject == Subject::volume ? Subject::volume_or_snapshot : Subject::instance_or_snapshot;
}

/// Divides at spaces that stand outside of all brackets.
std::vector<std::string_view> tokens(std::string_view usage) {
    std::vector<std::string_view> found;
    int depth = 0;
    size_t begin = 0;
    for (size_t i = 0; i <= usage.size(); ++i) {
        const char c = i < usage.size() ? usage[i] : ' ';
        if (c == '[' || c == '<') ++depth;
        if (c == ']' || c == '>') --depth;
        if (c != ' ' || (depth > 0 && i < usage.size())) continue;
        if (i > begin) found.push_back(usage.substr(begin, i - begin));
        begin = i + 1;
    }
    return found;
}

const Flag* find_flag(const Command& command, View<Flag> global, std::string_view name, char letter) {
    for (const auto& flags : {command.flags, global}) {
        for (const auto& flag : flags) {
            if (name.empty() ? flag.letter == letter && letter != 0 : flag.name == name) return &flag;
        }
    }
    return nullptr;
}

bool takes_value(const Flag& flag) {
    return flag.kind != FlagKind::toggle && flag.bare.empty();
}

/// The flag whose value the next word is; nullptr where it stands for itself.
const Flag* awaiting_value(const Command& command, View<Flag> global, std::string_view word) {
    const bool is_long = word.starts_with("--");
    if (word.find('=') != std::string_view::npos) return nullptr;
    if (is_long) {
        const auto* flag = find_flag(command, global, word.substr(2), 0);
        return flag != nullptr && takes_value(*flag) ? flag : nullptr;
    }
    for (size_t i = 1; i < word.size(); ++i) {
        const auto* flag = find_flag(command, global, {}, word[i]);
        if (flag == nullptr) return nullptr;
        if (takes_value(*flag)) return i + 1 == word.size() ? flag : nullptr;
    }
    return nullptr;
}

/// The choices in a flag's help: "Format (csv|json|table)".
std::vector<std::string> choices(const Flag& flag) {
    const auto open = flag.help.find('(');
    const auto close = flag.help.find(')', open);
    if (open == std::string_view::npos || close == std::string_view::npos) return {};
    const auto inner = flag.help.substr(open + 1, close - open - 1);
    if (inner.find('|') == std::string_view::npos) return {};
    return split(inner, '|');
}

/// Walks a line's words.
class Walk {
public:
    Walk(const Command& root, View<Flag> global, const std::vector<std::string>& words) : global_(global) {
        result_.path.push_back(&root);
        for (size_t i = 0; i + 1 < words.size(); ++i) pass(words[i]);
        finish(words.empty() ? std::string() : words.back());
    }

    Completion take() { return std::move(result_); }

private:
    const Command& command() const { return *result_.path.back(); }

    void pass(const std::string& word) {
        if (awaited_ != nullptr) {
            awaited_ = nullptr;
        } else if (word == "--" && !flags_ended_) {
            flags_ended_ = true;
        } else if (word.size() > 1 && word[0] == '-' && !flags_ended_) {
            awaited_ = awaiting_value(command(), global_, word);
        } else if (const auto* child = find_child(word); child != nullptr && result_.arguments.empty()) {
            result_.path.push_back(child);
        } else {
            result_.arguments.push_back(word);
        }
    }

    const Command* find_child(std::string_view word) const {
        for (const auto* child : command().children) {
            if (answers_to(*child, word)) return child;
        }
        return nullptr;
    }

    void finish(const std::string& typed) {
        result_.typed = typed;
        const auto equals = typed.find('=');
        if (awaited_ != nullptr) {
            offer_value(*awaited_);
        } else if (typed.starts_with("--") && equals != std::string::npos && !flags_ended_) {
            const auto* flag = find_flag(command(), global_, std::string_view(typed).substr(2, equals - 2), 0);
            if (flag == nullptr) return;
            result_.before = typed.substr(0, equals + 1);
            result_.typed = typed.substr(equals + 1);
            offer_value(*flag);
        } else if (typed.starts_with('-') && !flags_ended_) {
            for (const auto& flag : command().flags) offer("--" + std::string(flag.name), flag.help);
            for (const auto& flag : global_) offer("--" + std::string(flag.name), flag.help);
        } else if (!command().children.empty()) {
            if (!result_.arguments.empty()) return; // Not a command that there is.
            for (const auto* child : command().children) {
                if (!child->hidden || !typed.empty()) offer(std::string(child->name), child->summary);
            }
            if (result_.path.size() == 1) result_.subject = Subject::alias;
        } else {
            const auto wanted = arguments_of(command().arguments);
            const auto place = result_.arguments.size();
            if (place < wanted.subjects.size()) {
                result_.subject = wanted.subjects[place];
            } else if (wanted.repeats && !wanted.subjects.empty()) {
                result_.subject = wanted.subjects.back();
            }
            // Below a group the word means what the group is about: image aliases, not those of commands.
            if (result_.subject == Subject::alias && result_.path.size() > 3) result_.subject = Subject::image_alias;
        }
    }

    void offer(const std::string& word, std::string_view words) {
        if (word.starts_with(result_.typed)) result_.candidates.push_back({word, std::string(words)});
    }

    void offer_value(const Flag& flag) {
        for (const auto& choice : choices(flag)) {
            if (choice.starts_with(result_.typed)) result_.candidates.push_back({result_.before + choice, ""});
        }
        for (const auto& [name, subject] : flag_values) {
            if (flag.name == name) result_.subject = subject;
        }
    }

    View<Flag> global_;
    const Flag* awaited_ = nullptr;
    bool flags_ended_ = false;
    Completion result_;
};

} // namespace

Arguments arguments_of(std::string_view usage) {
    Arguments arguments;
    const auto all = tokens(usage);
    for (size_t i = 0; i < all.size(); ++i) {
        const auto token = all[i];
        if (token == "[flags]" || token == "[--]") continue;
        // "[<remote>:] <backup file>": most likely the file is meant.
        if (token == "[<remote>:]" && i + 1 < all.size() && subject_of(all[i + 1]) == Subject::file) continue;
        // "c1/file [c1/file...] target": whoever has typed one most likely goes on to the last.
        if (token.starts_with("[[") && i + 1 < all.size() && i > 0 && token.find("...") != std::string_view::npos)
            continue;
        arguments.subjects.push_back(subject_of(token));
        arguments.repeats = token.find("...") != std::string_view::npos;
    }
    return arguments;
}

Completion completion(const Command& root, View<Flag> global_flags, const std::vector<std::string>& words) {
    return Walk(root, global_flags, words).take();
}

} // namespace client
