#include "schema/seccomp_rules.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <optional>

#include <seccomp.h>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

using namespace std::string_view_literals;

constexpr std::array architectures = {
    "all"sv,    "x86"sv,      "x32"sv,         "x86_64"sv, "arm"sv,    "arm64"sv,
    "ppc"sv,    "ppc64"sv,    "ppc64le"sv,     "mips"sv,   "mips64"sv, "mips64n32"sv,
    "mipsel"sv, "mipsel64"sv, "mipsel64n32"sv, "s390"sv,   "s390x"sv,  "loongarch64"sv,
};
constexpr std::array operators = {
    "SCMP_CMP_NE"sv,
    "SCMP_CMP_LT"sv,
    "SCMP_CMP_LE"sv,
    "SCMP_CMP_EQ"sv,
    "SCMP_CMP_GE"sv,
    "SCMP_CMP_GT"sv,
    "SCMP_CMP_MASKED_EQ"sv,
    "!="sv,
    "<"sv,
    "<="sv,
    "=="sv,
    ">="sv,
    ">"sv,
    "&="sv,
};
constexpr std::array lists = {"allowlist"sv, "denylist"sv, "whitelist"sv, "blacklist"sv};
constexpr std::array plain_actions = {"kill"sv, "allow"sv, "trap"sv, "notify"sv};
/// Names of entry points of the kernel that policies of LXD's list (deny_compat); no library knows them.
constexpr std::array entry_points = {"compat_sys_"sv, "stub_x32_"sv};
constexpr size_t most_arguments = 6;

template <class List> bool among(const List& list, std::string_view text) {
    return std::ranges::find(list, text) != list.end();
}

template <class Number> std::optional<Number> whole_number(std::string_view text, int base = 10) {
    Number number{};
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return number;
}

/// As C writes them: 12, 0xc or 014.
bool is_c_number(std::string_view text) {
    if (text.starts_with("0x") || text.starts_with("0X")) return whole_number<uint64_t>(text.substr(2), 16).has_value();
    return whole_number<uint64_t>(text, text.size() > 1 && text.starts_with('0') ? 8 : 10).has_value();
}

bool is_known_syscall(std::string_view name) {
    if (name == "reject_force_umount") return true;
    if (std::ranges::any_of(entry_points, [&](auto prefix) { return name.starts_with(prefix); })) return true;
    return seccomp_syscall_resolve_name(std::string(name).c_str()) != __NR_SCMP_ERROR;
}

/// Takes a line apart; what is wrong with it is told with its number.
class Line {
public:
    Line(std::string_view text, size_t number) : text_(text), number_(number) {}

    template <class... Parts> [[noreturn]] void refuse(fmt::format_string<Parts...> words, Parts&&... parts) const {
        throw bad_request("Invalid seccomp policy: line {}: {}", number_,
                          fmt::format(words, std::forward<Parts>(parts)...));
    }

    void check_rule() const {
        if (text_.empty() || text_.front() == '#') return;
        if (text_.front() == '[') return check_section();
        const auto space = std::min(text_.find(' '), text_.size());
        const auto name = text_.substr(0, space);
        if (!is_known_syscall(name)) refuse("unknown system call {}", quoted(name));
        check_action(stripped(text_.substr(space)));
    }
    void check_list() const {
        const auto space = std::min(text_.find(' '), text_.size());
        if (!among(lists, text_.substr(0, space)))
            refuse("{} is neither \"allowlist\" nor \"denylist\"", quoted(text_.substr(0, space)));
        check_action(stripped(text_.substr(space)));
    }
    void check_number() const {
        if (!text_.empty() && text_.front() != '#' && !whole_number<int>(stripped(text_)))
            refuse("{} is no number of a system call", quoted(text_));
    }

private:
    void check_section() const {
        const auto end = text_.find(']');
        std::string name(text_.substr(1, end == text_.npos ? text_.npos : end - 1));
        std::ranges::transform(name, name.begin(),
                               [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
        if (end != text_.size() - 1 || !among(architectures, name)) refuse("unknown architecture {}", quoted(text_));
    }
    void check_action(std::string_view rest) const {
        if (rest.empty() || rest.front() == '#') return;
        const auto bracket = std::min(rest.find('['), rest.size());
        const auto words = stripped(rest.substr(0, bracket));
        const auto word = words.substr(0, std::min(words.find(' '), words.size()));
        const auto value = stripped(words.substr(word.size()));
        if (word == "errno") {
            const auto code = whole_number<int>(value.substr(0, std::min(value.find(' '), value.size())));
            // The kernel takes no more than MAX_ERRNO.
            if (!code || *code < 0 || *code > 4095) refuse("{} is no error number", quoted(value));
        } else if (!among(plain_actions, word)) {
            refuse("unknown action {}", quoted(word));
        }
        check_arguments(rest.substr(bracket));
    }
    void check_arguments(std::string_view rest) const {
        size_t count = 0;
        for (rest = stripped(rest); !rest.empty(); rest = stripped(rest)) {
            const auto end = rest.find(']');
            if (rest.front() != '[' || end == rest.npos || ++count > most_arguments)
                refuse("{} is no condition on an argument", quoted(rest));
            check_argument(rest.substr(1, end - 1));
            rest.remove_prefix(end + 1);
        }
    }
    void check_argument(std::string_view inside) const {
        const auto parts = split(inside, ',');
        const bool fits = (parts.size() == 3 || parts.size() == 4) &&
                          whole_number<unsigned>(parts[0]).value_or(most_arguments) < most_arguments &&
                          is_c_number(parts[1]) && among(operators, parts[2]) &&
                          (parts.size() == 3 || is_c_number(parts[3]));
        if (!fits) refuse("\"[{}]\" is no condition on an argument", inside);
    }

    std::string_view text_;
    size_t number_;
};

/// Calls back for each line from the `first`.
template <class Check> void each_line(std::string_view text, size_t first, Check check) {
    const auto lines = split(text, '\n');
    for (size_t index = first; index < lines.size(); ++index) check(Line(lines[index], index + 1));
}

} // namespace

void check_seccomp_rules(std::string_view text) {
    each_line(text, 0, [](const Line& line) { line.check_rule(); });
}

void check_seccomp_policy(std::string_view text) {
    const auto lines = split(text, '\n');
    const auto version = whole_number<int>(stripped(lines[0]));
    if (version != 1 && version != 2) Line(lines[0], 1).refuse("{} is no version (1 or 2)", quoted(lines[0]));
    if (lines.size() < 2) Line("", 2).refuse("the kind of list is missing");
    Line(lines[1], 2).check_list();
    const auto denies = lines[1].starts_with("deny") || lines[1].starts_with("black");
    if (version == 1 && denies) Line(lines[1], 2).refuse("version 1 has no \"denylist\"");
    each_line(text, 2, [&](const Line& line) { version == 1 ? line.check_number() : line.check_rule(); });
}

std::string syscall_name(uint32_t architecture, int number) {
    if (architecture == SCMP_ARCH_NATIVE) return ""; // to the library: ours, whichever that is
#ifdef SCMP_ARCH_X32
    // The kernel gives x32 calls as the 64-bit architecture's, with a bit in their numbers.
    constexpr int x32_bit = 0x40000000;
    if (architecture == SCMP_ARCH_X86_64 && (number & x32_bit) != 0) architecture = SCMP_ARCH_X32;
#endif
    const std::unique_ptr<char, decltype(&std::free)> name(seccomp_syscall_resolve_num_arch(architecture, number),
                                                           std::free);
    return name ? name.get() : "";
}

} // namespace schema
