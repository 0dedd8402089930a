// Every row of the tables of device options is shown here: its default, values that it takes and refuses, and whether
// it is live. What each has to show is in test/data/keys: device-TYPE.yaml, or device-TYPE-SUBTYPE.yaml where a type
// has kinds (device-nic-bridged.yaml), in the form of the keys' data (see key_table_test.cpp), where `items` is empty:
// what devices turn into depends on more than one option, and belongs to the tests of each type.

#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "schema/error.h"
#include "schema/keys/devices.h"
#include "test/unit/instance/key_data.h"

namespace schema {
namespace {

namespace fs = std::filesystem;

using instance::test::Data;
using instance::test::read_key_data;

const fs::path folder = fs::path(TEST_DATA) / "keys";

struct Row {
    DeviceType type;
    DeviceOption option;

    /// "nic bridged hwaddr"
    std::string name() const { return kind(" ") + " " + std::string(option.name); }
    std::string file() const { return "device-" + kind("-") + ".yaml"; }

private:
    std::string kind(const std::string& between) const {
        return std::string(type.type) + (type.subtype.empty() ? "" : between) + std::string(type.subtype);
    }
};

void PrintTo(const Row& row, std::ostream* out) {
    *out << row.name();
}

std::vector<Row> all_rows() {
    std::vector<Row> rows;
    for (const auto& type : device_types())
        for (const auto& option : type.options) rows.push_back({type, option});
    return rows;
}

/// File -> its data, of all options.
const std::map<std::string, Data>& files() {
    static const auto all = [] {
        std::map<std::string, Data> found;
        for (const auto& entry : fs::directory_iterator(folder)) {
            const auto name = entry.path().filename().string();
            if (name.starts_with("device-")) found[name] = read_key_data(entry.path());
        }
        return found;
    }();
    return all;
}

std::string refusal(const DeviceOption& option, const std::string& value) {
    try {
        option.check(value);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_request) << option.name;
        return error.what();
    }
    return {};
}

class DeviceOptionRow : public testing::TestWithParam<Row> {
protected:
    void SetUp() override {
        const auto file = files().find(GetParam().file());
        if (file != files().end() && file->second.contains(option.name)) data = &file->second.find(option.name)->second;
        ASSERT_NE(data, nullptr) << GetParam().name() << " has no test data. Add this to test/data/keys/"
                                 << GetParam().file() << " and fill it in:\n\n"
                                 << instance::test::blank_key_data(option.name, option.fallback, option.live);
    }

    const DeviceOption& option = GetParam().option;
    const instance::test::KeyData* data = nullptr;
};

TEST_P(DeviceOptionRow, HasItsDefaultAndLiveness) {
    EXPECT_EQ(option.fallback, data->fallback);
    EXPECT_EQ(option.live, data->live);
}

TEST_P(DeviceOptionRow, TakesGoodValuesAndRefusesBadOnes) {
    EXPECT_FALSE(data->accepted.empty()) << "no value is shown to be taken";
    for (const auto& value : data->accepted) EXPECT_EQ(refusal(option, value), "") << value;
    for (const auto& [value, text] : data->refused) EXPECT_EQ(refusal(option, value), text) << value;
    if (option.check != checks::any) {
        EXPECT_FALSE(data->refused.empty()) << "no value is shown to be refused";
    }
}

TEST_P(DeviceOptionRow, ChangesLiveAsTheTableSays) {
    const auto& type = GetParam().type;
    Device before = {{"type", std::string(type.type)}};
    if (!type.subtype.empty()) before[type.type == "gpu" ? "gputype" : "nictype"] = type.subtype;
    auto after = before;
    after[std::string(option.name)] = "1";
    EXPECT_EQ(may_change_live(before, after), option.live);
    EXPECT_EQ(may_change_live(after, before), option.live);
}

std::string test_name(const testing::TestParamInfo<Row>& parameter) {
    auto name = parameter.param.name();
    std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Table, DeviceOptionRow, testing::ValuesIn(all_rows()), test_name);

TEST(DeviceOptionData, IsOfOptionsThatThereAre) {
    const auto rows = all_rows();
    for (const auto& [file, data] : files())
        for (const auto& [name, one] : data)
            EXPECT_EQ(std::ranges::count_if(
                          rows, [&](const Row& row) { return row.file() == file && row.option.name == name; }),
                      1)
                << file << ": " << name;
}

} // namespace
} // namespace schema
