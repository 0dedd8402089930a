#include <fstream>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "schema/limits.h"

namespace {

TEST(Limits, TheReadmeShowsEachAsItIs) {
    std::stringstream readme;
    readme << std::ifstream(README).rdbuf();
    for (const auto& limit : schema::limits::all) {
        const auto row = fmt::format("| {} | {}{}{} | {} |\n", limit.name, limit.value, limit.unit.empty() ? "" : " ",
                                     limit.unit, limit.past_it);
        EXPECT_NE(readme.str().find(row), std::string::npos) << row;
    }
}

TEST(Limits, NamesAreUnique) {
    std::set<std::string_view> names;
    for (const auto& limit : schema::limits::all) EXPECT_TRUE(names.insert(limit.name).second) << limit.name;
}

} // namespace
