#include "daemon/images/templates/value.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>

#include <fmt/format.h>

namespace images::templates {

namespace {

std::optional<double> parsed(const std::string& text) {
    const bool numeric = !text.empty() && text.find_first_not_of("0123456789+-.eE") == std::string::npos;
    if (!numeric) return {};
    char* end = nullptr;
    const double number = std::strtod(text.c_str(), &end);
    if (*end != '\0' || !std::isfinite(number)) return {};
    return number;
}

/// Towards zero; what does not fit becomes the nearest that does.
int64_t whole(double number) {
    constexpr double limit = 9.2e18;
    if (std::isnan(number)) return 0;
    return static_cast<int64_t>(std::clamp(number, -limit, limit));
}

} // namespace

std::string Value::text() const {
    if (is_string()) return std::get<std::string>(value_);
    if (is_bool()) return std::get<bool>(value_) ? "True" : "False";
    if (is_integer()) return std::to_string(std::get<int64_t>(value_));
    if (is_float()) return fmt::format("{:f}", std::get<double>(value_));
    // What Go's reflection calls them, as LXD's templates have always shown.
    if (list() != nullptr) return "<[]string Value>";
    if (map() != nullptr) return "<map[string]string Value>";
    if (function() != nullptr) return "<func Value>";
    return {};
}

int64_t Value::integer() const {
    if (is_integer()) return std::get<int64_t>(value_);
    return whole(number());
}

double Value::number() const {
    if (is_float()) return std::get<double>(value_);
    if (is_integer()) return static_cast<double>(std::get<int64_t>(value_));
    return is_string() ? parsed(std::get<std::string>(value_)).value_or(0) : 0;
}

bool Value::is_true() const {
    if (is_bool()) return std::get<bool>(value_);
    if (is_number()) return number() != 0;
    return size() > 0;
}

size_t Value::size() const {
    if (is_string()) return characters(std::get<std::string>(value_)).size();
    if (const auto* members = list()) return members->size();
    if (const auto* members = map()) return members->size();
    return 0;
}

bool Value::equals(const Value& other) const {
    if (value_.index() != other.value_.index()) return false;
    if (is_bool()) return std::get<bool>(value_) == std::get<bool>(other.value_);
    if (is_integer()) return integer() == other.integer();
    if (is_float()) return number() == other.number();
    if (is_string()) return std::get<std::string>(value_) == std::get<std::string>(other.value_);
    return is_nothing();
}

bool Value::contains(const Value& part) const {
    if (is_string()) {
        const auto text = part.text();
        return text.empty() || position_of(std::get<std::string>(value_), text) != std::string::npos;
    }
    if (const auto* members = list())
        return std::ranges::any_of(*members, [&](const Value& member) { return member.equals(part); });
    const auto* members = map();
    return members != nullptr && members->contains(part.text());
}

size_t position_of(std::string_view text, std::string_view part, size_t from) {
    const auto rest = text.substr(std::min(from, text.size()));
    const auto* found = static_cast<const char*>(::memmem(rest.data(), rest.size(), part.data(), part.size()));
    return found == nullptr ? std::string_view::npos : static_cast<size_t>(found - text.data());
}

std::vector<std::string_view> characters(std::string_view text) {
    const auto continues = [&](size_t at) {
        return at < text.size() && (static_cast<uint8_t>(text[at]) & 0xC0U) == 0x80;
    };
    std::vector<std::string_view> found;
    for (size_t at = 0; at < text.size();) {
        size_t length = 1;
        if ((static_cast<uint8_t>(text[at]) & 0xC0U) == 0xC0)
            while (length < 4 && continues(at + length)) ++length;
        found.push_back(text.substr(at, length));
        at += length;
    }
    return found;
}

} // namespace images::templates
