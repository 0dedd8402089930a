#pragma once
// The kernel's files (/sys, /proc, /run/udev ...), read below a root folder, so that tests can lay out a host of their
// own. Hardware comes and goes while it is read: what is missing or unreadable reads as empty, never as an error.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace resources {

class Tree {
public:
    /// An empty root is the host itself.
    explicit Tree(std::string root = {}) : root_(std::move(root)) {}

    /// Also a link that leads nowhere.
    bool has(const std::string& path) const;
    bool is_folder(const std::string& path) const;
    /// Without white space at its ends.
    std::string text(const std::string& path) const;
    /// As it is.
    std::string bytes(const std::string& path) const;
    std::optional<int64_t> number(const std::string& path, int base = 10) const;
    /// The names in a folder, sorted as texts.
    std::vector<std::string> list(const std::string& path) const;
    /// What a link says; empty where it is none.
    std::string link_target(const std::string& path) const;
    /// The path that all links on the way lead to; empty where there is none.
    std::string resolved(const std::string& path) const;

private:
    std::string root_;
};

/// A path with names below it.
template <class... Names> std::string below(std::string path, const Names&... names) {
    (path.append("/").append(names), ...);
    return path;
}
/// The part behind the last slash.
std::string base_name(const std::string& path);
/// The part before it.
std::string folder_of(const std::string& path);
std::string_view stripped(std::string_view text);
/// Nothing where the whole text is no number of this base. "0x" in front is passed over in base 16.
std::optional<int64_t> parse_number(std::string_view text, int base = 10);
/// The lines of a text, without their ends.
std::vector<std::string_view> lines(std::string_view text);
std::vector<std::string_view> lines(std::string&& text) = delete; // they would point into a text that is gone

} // namespace resources
