#include "schema/instance_type.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "schema/error.h"

namespace schema {

namespace {

// More than any host has, and little enough to be counted in 64 bits as MiB.
constexpr float most = 1e12F;

std::optional<float> number(std::string_view text) {
    float value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || !(std::abs(value) <= most)) return {};
    return value;
}

struct Amounts {
    float processors = 0;
    float memory = 0; // GiB
};

Amounts amounts_of(const std::string& type) {
    Amounts amounts;
    std::string_view rest = type;
    while (true) {
        const auto field = rest.substr(0, rest.find('-'));
        if (field.size() < 2 || (field[0] != 'c' && field[0] != 'm'))
            throw bad_request("Provided instance type doesn't exist: {}", type);
        const auto amount = number(field.substr(1));
        if (!amount) throw bad_request("Bad custom instance type: {}", type);
        (field[0] == 'c' ? amounts.processors : amounts.memory) = *amount;
        if (field.size() == rest.size()) return amounts;
        rest.remove_prefix(field.size() + 1);
    }
}

} // namespace

Config limits_of_instance_type(const std::string& type) {
    const auto amounts = amounts_of(type);
    Config limits;
    if (amounts.processors > 0) {
        const auto whole = std::ceil(amounts.processors);
        const auto share = static_cast<int>(amounts.processors / whole * 100.0F);
        limits["limits.cpu"] = fmt::format("{}", static_cast<int64_t>(whole));
        if (share < 100) limits["limits.cpu.allowance"] = fmt::format("{}%", share);
    }
    if (amounts.memory > 0) limits["limits.memory"] = fmt::format("{}MB", static_cast<int64_t>(amounts.memory * 1024));
    return limits;
}

} // namespace schema
