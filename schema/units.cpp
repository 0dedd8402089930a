#include "schema/units.h"

#include <array>
#include <optional>

#include "schema/error.h"
#include "schema/values.h"

namespace schema {

namespace {

struct Unit {
    std::string_view suffix;
    int64_t factor;
};

constexpr int64_t power(int64_t base, int exponent) {
    int64_t result = 1;
    while (exponent-- > 0) result *= base;
    return result;
}

constexpr std::array byte_units = {
    Unit{"", 1},
    Unit{"B", 1},
    Unit{" bytes", 1},
    Unit{"kB", power(1000, 1)},
    Unit{"MB", power(1000, 2)},
    Unit{"GB", power(1000, 3)},
    Unit{"TB", power(1000, 4)},
    Unit{"PB", power(1000, 5)},
    Unit{"EB", power(1000, 6)},
    Unit{"KiB", power(1024, 1)},
    Unit{"MiB", power(1024, 2)},
    Unit{"GiB", power(1024, 3)},
    Unit{"TiB", power(1024, 4)},
    Unit{"PiB", power(1024, 5)},
    Unit{"EiB", power(1024, 6)},
};

constexpr std::array bit_units = {
    Unit{"", 1},
    Unit{"bit", 1},
    Unit{"kbit", power(1000, 1)},
    Unit{"Mbit", power(1000, 2)},
    Unit{"Gbit", power(1000, 3)},
    Unit{"Tbit", power(1000, 4)},
    Unit{"Pbit", power(1000, 5)},
    Unit{"Ebit", power(1000, 6)},
    Unit{"Kibit", power(1024, 1)},
    Unit{"Mibit", power(1024, 2)},
    Unit{"Gibit", power(1024, 3)},
    Unit{"Tibit", power(1024, 4)},
    Unit{"Pibit", power(1024, 5)},
    Unit{"Eibit", power(1024, 6)},
};

template <size_t N> std::optional<int64_t> factor_of(const std::array<Unit, N>& units, std::string_view suffix) {
    for (const auto& unit : units) {
        if (unit.suffix == suffix) return unit.factor;
    }
    return std::nullopt;
}

int64_t multiplied(int64_t number, int64_t factor) {
    int64_t result = 0;
    if (__builtin_mul_overflow(number, factor, &result)) {
        throw bad_request("Overflow multiplying {} with {}", number, factor);
    }
    return result;
}

/// Digits and what follows them.
struct Quantity {
    int64_t number;
    std::string_view suffix;
};

Quantity parse_quantity(std::string_view text) {
    const auto digits = text.find_first_not_of("0123456789");
    const auto number_text = text.substr(0, digits);
    if (number_text.empty()) throw bad_request("Invalid value: {}", text);
    const auto number = parse_integer(number_text);
    if (!number) throw bad_request("Invalid integer: {}", text);
    return {*number, digits == std::string_view::npos ? std::string_view{} : text.substr(digits)};
}

std::string format_scaled(int64_t bytes, int decimals, int step, const std::array<std::string_view, 6>& names) {
    if (bytes < step) return fmt::format("{}B", bytes);
    auto value = static_cast<double>(bytes) / step;
    size_t unit = 0;
    while (value >= step && unit + 1 < names.size()) {
        value /= step;
        ++unit;
    }
    return fmt::format("{:.{}f}{}", value, decimals, names[unit]);
}

} // namespace

int64_t parse_bytes(std::string_view text) {
    if (text.empty()) return 0;
    const auto [number, suffix] = parse_quantity(text);
    const auto factor = factor_of(byte_units, suffix);
    if (!factor) throw bad_request("Invalid value: {}", text);
    return multiplied(number, *factor);
}

int64_t parse_bits(std::string_view text) {
    if (text.empty()) return 0;
    const auto [number, suffix] = parse_quantity(text);
    const auto factor = factor_of(bit_units, suffix);
    if (!factor) throw bad_request("Unsupported suffix: {}", suffix);
    return multiplied(number, *factor);
}

int64_t parse_bytes_or_percent(std::string_view text, uint64_t total) {
    if (!text.ends_with('%')) return parse_bytes(text);
    text.remove_suffix(1);
    const auto percent = parse_integer(text);
    if (!percent || *percent < 0) throw bad_request("Invalid percentage: {}%", text);
    return multiplied(static_cast<int64_t>(total / 100), *percent);
}

std::string format_bytes(int64_t bytes, int decimals) {
    return format_scaled(bytes, decimals, 1000, {"kB", "MB", "GB", "TB", "PB", "EB"});
}

std::string format_bytes_iec(int64_t bytes, int decimals) {
    return format_scaled(bytes, decimals, 1024, {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"});
}

std::set<unsigned> parse_cpu_set(std::string_view text) {
    // Above any machine's count; keeps "0-4000000000" from filling the memory.
    constexpr int64_t highest = 65535;
    const auto cpu = [&](std::string_view number) {
        const auto value = parse_integer(number);
        if (!value || *value < 0 || *value > highest) throw bad_request("Invalid cpuset value: {}", text);
        return static_cast<unsigned>(*value);
    };
    std::set<unsigned> cpus;
    if (stripped(text).empty()) return cpus;
    for (const auto chunk : split(stripped(text), ',')) {
        const auto dash = chunk.find('-');
        if (dash == std::string_view::npos) {
            cpus.insert(cpu(chunk));
            continue;
        }
        const auto last = cpu(chunk.substr(dash + 1));
        for (auto i = cpu(chunk.substr(0, dash)); i <= last; ++i) cpus.insert(i);
    }
    return cpus;
}

std::string format_cpu_set(const std::set<unsigned>& cpus) {
    std::string text;
    for (auto it = cpus.begin(); it != cpus.end();) {
        const auto first = *it;
        auto last = first;
        for (++it; it != cpus.end() && *it == last + 1; ++it) last = *it;
        if (!text.empty()) text += ',';
        text += first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
    }
    return text;
}

} // namespace schema
