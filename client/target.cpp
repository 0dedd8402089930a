#include "client/target.h"

#include <fmt/format.h>

namespace client {

namespace {

bool is_unreserved(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.' || c == '~';
}

std::string escape(std::string_view text, std::string_view also_plain) {
    std::string escaped;
    for (const unsigned char c : text) {
        if (is_unreserved(c) || also_plain.find(static_cast<char>(c)) != std::string_view::npos) {
            escaped += static_cast<char>(c);
        } else {
            escaped += fmt::format("%{:02X}", c);
        }
    }
    return escaped;
}

int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

} // namespace

Target split_target(std::string_view text) {
    const auto colon = text.find(':');
    if (colon == std::string_view::npos) return {"", std::string(text)};
    return {std::string(text.substr(0, colon)), std::string(text.substr(colon + 1))};
}

bool is_snapshot(std::string_view name) {
    return name.find('/') != std::string_view::npos;
}

std::pair<std::string, std::string> split_snapshot(std::string_view name) {
    const auto slash = name.find('/');
    if (slash == std::string_view::npos) return {std::string(name), ""};
    return {std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))};
}

std::string path_escape(std::string_view text) {
    return escape(text, "$&+=:@");
}

std::string query_escape(std::string_view text) {
    return escape(text, "");
}

std::string unescape(std::string_view text) {
    std::string plain;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 && hex_digit(text[i + 2]) >= 0) {
            plain += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
            i += 2;
        } else {
            plain += text[i];
        }
    }
    return plain;
}

std::vector<std::string> split(std::string_view text, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const auto end = text.find(separator);
        parts.emplace_back(text.substr(0, end));
        if (end == std::string_view::npos) return parts;
        text.remove_prefix(end + 1);
    }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
    return fmt::format("{}", fmt::join(parts, separator));
}

bool split_pair(std::string_view text, std::string& key, std::string& value) {
    const auto equals = text.find('=');
    if (equals == std::string_view::npos) return false;
    key = text.substr(0, equals);
    value = text.substr(equals + 1);
    return true;
}

std::string base_name(std::string_view path) {
    if (path.empty()) return ".";
    while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
    if (path == "/") return "/";
    const auto slash = path.rfind('/');
    return std::string(slash == std::string_view::npos ? path : path.substr(slash + 1));
}

std::string dir_name(std::string_view path) {
    const auto slash = path.rfind('/');
    return clean_path(slash == std::string_view::npos ? std::string_view("") : path.substr(0, slash + 1));
}

std::string clean_path(std::string_view path) {
    if (path.empty()) return ".";
    const bool rooted = path.front() == '/';
    std::vector<std::string> kept;
    for (auto& part : split(path, '/')) {
        if (part.empty() || part == ".") continue;
        if (part == ".." && !kept.empty() && kept.back() != "..") {
            kept.pop_back();
        } else if (part != ".." || !rooted) {
            kept.push_back(std::move(part));
        }
    }
    const auto cleaned = (rooted ? "/" : "") + join(kept, "/");
    return cleaned.empty() ? "." : cleaned;
}

std::string join_path(std::string_view folder, std::string_view name) {
    if (folder.empty()) return clean_path(name);
    if (name.empty()) return clean_path(folder);
    return clean_path(fmt::format("{}/{}", folder, name));
}

} // namespace client
