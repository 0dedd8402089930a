#include "daemon/resources/tree.h"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <system_error>

#include "daemon/base/files.h"

namespace resources {

bool Tree::has(const std::string& path) const {
    std::error_code ignored;
    return std::filesystem::symlink_status(root_ + path, ignored).type() != std::filesystem::file_type::not_found;
}

bool Tree::is_folder(const std::string& path) const {
    std::error_code ignored;
    return std::filesystem::is_directory(root_ + path, ignored);
}

std::string Tree::bytes(const std::string& path) const {
    try {
        return base::read_file(root_ + path);
    } catch (const std::system_error&) {
        return {};
    }
}

std::string Tree::text(const std::string& path) const {
    return std::string(stripped(bytes(path)));
}

std::optional<int64_t> Tree::number(const std::string& path, int base) const {
    return parse_number(text(path), base);
}

std::vector<std::string> Tree::list(const std::string& path) const {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator entry(root_ + path, error), end; !error && entry != end;
         entry.increment(error))
        names.push_back(entry->path().filename().string());
    std::ranges::sort(names);
    return names;
}

std::string Tree::link_target(const std::string& path) const {
    std::error_code error;
    return std::filesystem::read_symlink(root_ + path, error).string();
}

std::string Tree::resolved(const std::string& path) const {
    std::error_code error;
    const auto real = std::filesystem::canonical(root_ + path, error).string();
    if (error) return {};
    if (root_.empty()) return real;
    const auto root = std::filesystem::canonical(root_, error).string();
    return real.starts_with(root) ? real.substr(root.size()) : std::string();
}

std::string base_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

std::string folder_of(const std::string& path) {
    const auto slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

std::string_view stripped(std::string_view text) {
    constexpr std::string_view white = " \t\r\n";
    const auto first = text.find_first_not_of(white);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(white) - first + 1);
}

std::optional<int64_t> parse_number(std::string_view text, int base) {
    if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
    if (error != std::errc() || end != text.data() + text.size()) return {};
    return value;
}

std::vector<std::string_view> lines(std::string_view text) {
    std::vector<std::string_view> found;
    while (!text.empty()) {
        const auto end = std::min(text.find('\n'), text.size());
        found.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return found;
}

} // namespace resources
