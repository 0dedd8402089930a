#include "client/sizes.h"

#include <array>
#include <charconv>

#include <fmt/format.h>

namespace client {

namespace {

constexpr std::array<std::string_view, 6> prefixes{"k", "M", "G", "T", "P", "E"};

std::string in_units(int64_t bytes, double step, std::string_view infix, int decimals = 2) {
    if (static_cast<double>(bytes) < step) return fmt::format("{}B", bytes);
    auto value = static_cast<double>(bytes);
    for (const auto prefix : prefixes) {
        value /= step;
        if (value < step || prefix == prefixes.back()) {
            return fmt::format("{:.{}f}{}{}B", value, decimals, prefix == "k" && !infix.empty() ? "K" : prefix, infix);
        }
    }
    return {};
}

} // namespace

std::string byte_size(int64_t bytes) {
    return in_units(bytes, 1000, "");
}

std::string binary_byte_size(int64_t bytes, int decimals) {
    return in_units(bytes, 1024, "i", decimals);
}

std::optional<int64_t> parse_byte_size(std::string_view text) {
    int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{}) return std::nullopt;
    const std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
    if (unit.empty() || unit == "B") return value;
    int64_t decimal = 1;
    int64_t binary = 1;
    for (const auto prefix : prefixes) {
        decimal *= 1000;
        binary *= 1024;
        if (unit == fmt::format("{}B", prefix)) return value * decimal;
        if (unit == fmt::format("{}iB", prefix == "k" ? "K" : prefix)) return value * binary;
    }
    return std::nullopt;
}

} // namespace client
