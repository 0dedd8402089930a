#pragma once
// The API extensions that GET /1.0 announces, each with the test that shows it. Clients decide by this list what they
// ask for, so it holds what works and no more. test/system/extensions.py reads the table and runs the tests.

#include <span>
#include <string_view>

namespace schema {

struct ApiExtension {
    std::string_view name; // LXD's
    std::string_view test; // a function of test/system/extensions.py
};

/// In LXD's order, which is that of their invention.
std::span<const ApiExtension> api_extensions() noexcept;

} // namespace schema
