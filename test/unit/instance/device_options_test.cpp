// Every option of every device type, by the word that its row has for its values: each word has values that must be
// taken and some that must not. A row with a new word, or one whose check takes anything, fails until it is told here
// what it takes.

#include <map>

#include <gtest/gtest.h>

#include "schema/error.h"
#include "schema/keys/devices.h"

namespace schema {
namespace {

/// Values that no check of the word may refuse, and one that all must.
struct Samples {
    std::vector<std::string> good;
    std::string bad;
};
const std::map<std::string, Samples, std::less<>> samples = {
    {"bool", {{"", "true", "FALSE", "yes", "0"}, "maybe"}},
    {"integer", {{""}, "soon"}},
    {"size", {{"", "1GiB"}, "lots"}},
    {"string", {{}, std::string("a\nlxc.init.cmd = /evil")}},
};

std::string refusal(const DeviceOption& option, const std::string& value) {
    try {
        option.check(value);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_request) << option.name;
        return error.what();
    }
    return {};
}

TEST(DeviceOptionRows, TakeAndRefuseWhatTheirWordSays) {
    for (const auto& type : device_types()) {
        for (const auto& option : type.options) {
            const auto name = std::string(type.type).append(" ").append(type.subtype).append(" ").append(option.name);
            const auto found = samples.find(option.type);
            ASSERT_NE(found, samples.end()) << name << ": add samples of \"" << option.type << "\" to this test";
            for (const auto& good : found->second.good) EXPECT_EQ(refusal(option, good), "") << name << "=" << good;
            if (option.check == checks::any) continue;
            EXPECT_NE(refusal(option, found->second.bad), "") << name << "=" << found->second.bad;
        }
    }
}

TEST(DeviceOptionRows, AreLiveAsTheTableSays) {
    for (const auto& type : device_types()) {
        Device before = {{"type", std::string(type.type)}};
        if (!type.subtype.empty()) before["nictype"] = type.subtype;
        for (const auto& option : type.options) {
            auto after = before;
            after[std::string(option.name)] = "1";
            EXPECT_EQ(may_change_live(before, after), option.live)
                << type.type << " " << type.subtype << " " << option.name;
            EXPECT_EQ(may_change_live(after, before), option.live)
                << type.type << " " << type.subtype << " " << option.name;
        }
    }
}

} // namespace
} // namespace schema
