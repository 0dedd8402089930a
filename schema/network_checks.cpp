#include "schema/network_checks.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

#include <arpa/inet.h>

#include "schema/error.h"
#include "schema/units.h"
#include "schema/values.h"

namespace schema {

namespace {

template <class Address> std::optional<Address> parsed(int family, std::string_view text) {
    Address address{};
    if (inet_pton(family, std::string(text).c_str(), &address) != 1) return std::nullopt;
    return address;
}

bool bits_after_are_zero(const unsigned char* bytes, int length, int prefix) {
    for (int bit = prefix; bit < length * 8; ++bit)
        if ((bytes[bit / 8] & (0x80U >> (bit % 8))) != 0) return false;
    return true;
}

/// The address and prefix of a network. Throws what Go says of a bad one.
std::pair<std::string_view, int> network_parts(std::string_view value) {
    const auto slash = value.find('/');
    const auto address = value.substr(0, slash);
    const bool six = is_ipv6(address) || address.find(':') != std::string_view::npos;
    std::optional<int64_t> prefix;
    if (slash != std::string_view::npos) prefix = parse_integer(value.substr(slash + 1));
    if (!prefix || *prefix < 0 || *prefix > (six ? 128 : 32) || (!is_ipv4(address) && !is_ipv6(address)))
        throw bad_request("invalid CIDR address: {}", value);
    return {address, static_cast<int>(*prefix)};
}

} // namespace

bool is_ipv4(std::string_view text) noexcept {
    return parsed<in_addr>(AF_INET, text).has_value();
}

bool is_ipv6(std::string_view text) noexcept {
    const auto address = parsed<in6_addr>(AF_INET6, text);
    return address && !IN6_IS_ADDR_V4MAPPED(&*address);
}

std::pair<int, int> parse_vlan_range(std::string_view text) {
    const auto id_in = [](std::string_view part) {
        const auto id = parse_integer(part);
        return id && *id >= 0 && *id <= 4094 ? static_cast<int>(*id) : -1;
    };
    if (const int id = id_in(text); id >= 0) return {id, id};
    const auto ends = split(text, '-');
    if (ends.size() != 2) throw bad_request("Invalid VLAN range input: {}", text);
    const int first = id_in(ends[0]);
    const int last = id_in(ends[1]);
    if (first < 0 || last < 0) throw bad_request("Invalid VLAN range boundary. start:{}, end:{}", ends[0], ends[1]);
    if (first > last) throw bad_request("Invalid VLAN range boundary. start:{} is higher than end:{}", first, last);
    return {first, last};
}

namespace checks {

void ipv4_address(std::string_view value) {
    if (!is_ipv4(value)) throw bad_request("Not an IPv4 address {}", quoted(value));
}

void ipv6_address(std::string_view value) {
    if (!is_ipv6(value)) throw bad_request("Not an IPv6 address {}", quoted(value));
}

void ipv4_network(std::string_view value) {
    const auto [text, prefix] = network_parts(value);
    const auto address = parsed<in_addr>(AF_INET, text);
    if (!address) throw bad_request("Not an IPv4 network {}", quoted(value));
    if (!bits_after_are_zero(reinterpret_cast<const unsigned char*>(&*address), 4, prefix))
        throw bad_request("Not an IPv4 network address {}", quoted(value));
}

void ipv6_network(std::string_view value) {
    const auto [text, prefix] = network_parts(value);
    const auto address = parsed<in6_addr>(AF_INET6, text);
    if (!address) throw bad_request("Not an IPv6 network {}", quoted(value));
    if (!bits_after_are_zero(reinterpret_cast<const unsigned char*>(&*address), 16, prefix))
        throw bad_request("Not an IPv6 network address {}", quoted(value));
}

void vlan(std::string_view value) {
    const auto id = parse_integer(value);
    if (!id) throw bad_request("Invalid VLAN ID {}", quoted(value));
    if (*id < 0 || *id > 4094) throw bad_request("Out of VLAN ID range (0-4094) {}", quoted(value));
}

void gateway(std::string_view value) {
    if (value != "none" && value != "auto") throw bad_request("Invalid gateway: {}", value);
}

void bits(std::string_view value) {
    parse_bits(value);
}

void unix_id(std::string_view value) {
    const auto id = parse_integer(value);
    if (!id || *id < 0 || *id > UINT32_MAX) throw bad_request("Invalid value for a UNIX ID");
}

void octal_mode(std::string_view value) {
    uint32_t mode = 0;
    const auto result = std::from_chars(value.data(), value.data() + value.size(), mode, 8);
    if (result.ec != std::errc() || result.ptr != value.data() + value.size())
        throw bad_request("Invalid value for an octal file mode");
}

void each_item(std::string_view list, Check check) {
    for (const auto part : split(list, ',')) {
        const auto item = stripped(part);
        try {
            check(item);
        } catch (const Error& error) {
            throw bad_request("Item {}: {}", quoted(item), error.what());
        }
    }
}

} // namespace checks

} // namespace schema
