#pragma once
// Checks of values that are addresses, networks and VLANs, with LXD 5.0's texts; see checks.h. Used by the tables of
// device options.

#include <string>
#include <string_view>
#include <utility>

#include "schema/checks.h"

namespace schema {

bool is_ipv4(std::string_view text) noexcept;
bool is_ipv6(std::string_view text) noexcept; // not one that stands for an IPv4 address

/// "5" -> {5, 5}, "5-9" -> {5, 9}. Throws bad_request.
std::pair<int, int> parse_vlan_range(std::string_view text);

namespace checks {

void ipv4_address(std::string_view value);
void ipv6_address(std::string_view value);
void ipv4_network(std::string_view value); // "192.0.2.0/24"
void ipv6_network(std::string_view value);
void vlan(std::string_view value); // 0 to 4094
void gateway(std::string_view value);
void bits(std::string_view value); // "100Mbit"
void octal_mode(std::string_view value);

/// Throws bad_request `Item "VALUE": REASON`.
void each_item(std::string_view list, Check check);
template <Check check> void list_of(std::string_view value) {
    each_item(value, check);
}

/// "none" or what the check takes.
template <Check check> void or_none(std::string_view value) {
    if (value != "none") check(value);
}

} // namespace checks

} // namespace schema
