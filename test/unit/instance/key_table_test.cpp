// Every row of the tables of keys is shown here: its default, values that it takes and refuses, whether it is live, and
// the items of lxc.container.conf that it turns into on cgroup v1, hybrid and v2. What each has to show is in
// test/data/keys: instance-WORD.yaml for the instance keys that begin with WORD, server.yaml for the server's.
//
// A new row needs a block there. The test that misses it prints one to begin with; then
//   - `accepted` lists values that must be taken, and `refused` values with the text of their refusal,
//     that may end in "..." for words of a library;
//   - `same as unset` lists values that say what holds anyway (limits.cpu.priority=10);
//   - `items` has an entry for each setting whose translation is to be seen: `set` names a key of the row with its
//   value
//     and whatever else must be set for it to matter. Its lines are filled in by running this with UPDATE_GOLDEN=1 in
//     the environment: read them before you commit. `items: []` says that the key is no matter of lxc items, and
//     belongs to a key of daemon_keys().
// A live key must make a write on a running container for each setting, or be named by a row of live_hooks().

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "daemon/instance/facets/list.h"
#include "daemon/instance/live_hooks.h"
#include "daemon/instance/live_update.h"
#include "daemon/instance/lxc_config.h"
#include "schema/error.h"
#include "schema/keys/instance.h"
#include "schema/keys/pattern.h"
#include "schema/keys/server.h"
#include "schema/values.h"
#include "test/unit/instance/hosts.h"
#include "test/unit/instance/key_data.h"

namespace schema {

void PrintTo(const InstanceKey& row, std::ostream* out) {
    *out << row.name;
}
void PrintTo(const ServerKey& row, std::ostream* out) {
    *out << row.name;
}

} // namespace schema

namespace instance {
namespace {

using namespace test;

const std::string folder = std::string(TEST_DATA) + "/keys";

/// Where a key's block belongs: "instance-limits.yaml".
std::string file_of(std::string_view key) {
    return "instance-" + std::string(key.substr(0, key.find('.'))) + ".yaml";
}

/// File -> its data, of all instance keys.
std::map<std::string, Data> files() {
    std::map<std::string, Data> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        const auto name = entry.path().filename().string();
        if (name.starts_with("instance-")) found[name] = read_key_data(entry.path());
    }
    return found;
}

/// Null where there is none.
const KeyData* data_of(std::string_view key) {
    static const auto all = files();
    const auto file = all.find(file_of(key));
    if (file == all.end()) return nullptr;
    const auto data = file->second.find(key);
    return data == file->second.end() ? nullptr : &data->second;
}

std::vector<std::string> owners_of(std::string_view key) {
    std::vector<std::string> owners;
    for (const auto* facet : facets())
        for (const auto owned : facet->keys)
            if (owned == key) owners.emplace_back(facet->name);
    for (const auto owned : daemon_keys())
        if (owned == key) owners.emplace_back("daemon");
    return owners;
}

/// A key that the row names: itself, or with a name for the star.
std::string example_of(std::string_view row) {
    std::string key(row);
    if (const auto star = key.find('*'); star != std::string::npos) key.replace(star, 1, "nofile");
    return key;
}

template <class Attempt> std::string refusal(Attempt attempt) {
    try {
        attempt();
    } catch (const schema::Error& error) {
        return error.what();
    }
    return {};
}

/// Libraries have words of their own, which follow where a wanted text ends in "...".
std::string begun(const std::string& text, const std::string& wanted) {
    if (!wanted.ends_with("...") || text.size() < wanted.size()) return text;
    return text.substr(0, wanted.size() - 3) + "...";
}

std::string refusal_of_instance(const schema::Config& config) {
    return refusal([&] { schema::check_instance_config(config, schema::ConfigOwner::instance); });
}

Items translated(const schema::Config& config, const base::HostFacts& host) {
    return lxc_config(subject(config), host, {});
}

/// The lines that are in one and not in the other, with how often.
std::vector<std::string> difference(const Items& before, const Items& after) {
    const auto lines_of = [](const Items& items) {
        std::vector<std::string> lines;
        for (const auto& item : items) lines.push_back(item.key + " = " + item.value);
        return lines;
    };
    auto gone = lines_of(before);
    std::vector<std::string> lines;
    for (const auto& line : lines_of(after)) {
        const auto kept = std::ranges::find(gone, line);
        if (kept == gone.end())
            lines.push_back("+ " + line);
        else
            gone.erase(kept);
    }
    std::ranges::transform(gone, std::back_inserter(lines), [](const std::string& line) { return "- " + line; });
    return lines;
}

/// The key of a setting that is of the row.
std::string key_of(const Translation& one, std::string_view row) {
    for (const auto& [key, value] : one.set)
        if (const auto* found = schema::find_instance_key(key); found != nullptr && found->name == row) return key;
    throw std::runtime_error(fmt::format("a setting of {} sets no key of that row", row));
}

schema::Config without(schema::Config config, const std::string& key) {
    config.erase(key);
    return config;
}

class InstanceKeyRow : public testing::TestWithParam<schema::InstanceKey> {
protected:
    void SetUp() override {
        ASSERT_NE(data_of(row.name), nullptr)
            << "the key " << row.name << " has no test data. Add this to test/data/keys/" << file_of(row.name)
            << " and fill it in; the head of key_table_test.cpp says how:\n\n"
            << blank_key_data(row.name, row.fallback, row.live);
        data = data_of(row.name);
    }

    const schema::InstanceKey& row = GetParam();
    const KeyData* data = nullptr;
};

TEST_P(InstanceKeyRow, HasItsDefaultAndLiveness) {
    EXPECT_EQ(row.fallback, data->fallback);
    EXPECT_EQ(row.live, data->live);
}

TEST_P(InstanceKeyRow, TakesGoodValuesAndRefusesBadOnes) {
    const auto key = example_of(row.name);
    EXPECT_FALSE(data->accepted.empty()) << "no value is shown to be taken";
    for (const auto& value : data->accepted) EXPECT_EQ(refusal_of_instance({{key, value}}), "") << key << "=" << value;
    for (const auto& [value, text] : data->refused)
        EXPECT_EQ(begun(refusal_of_instance({{key, value}}), text), text) << key << "=" << value;
    if (row.check != schema::checks::any) {
        EXPECT_FALSE(data->refused.empty()) << "no value is shown to be refused";
    }
}

TEST_P(InstanceKeyRow, HasOneOwnerWhoTurnsItIntoItemsOrDoesNot) {
    const auto owners = owners_of(row.name);
    ASSERT_EQ(owners.size(), 1U) << "a facet names it among its keys, or daemon_keys() does";
    EXPECT_EQ(data->translations.empty(), owners.front() == "daemon");
    for (const auto& value : data->accepted) {
        if (owners.front() != "daemon") break;
        const schema::Config config{{example_of(row.name), value}};
        for (const auto& host : hosts()) EXPECT_EQ(translated(config, host.facts), translated({}, host.facts)) << value;
    }
}

TEST_P(InstanceKeyRow, TurnsIntoTheItemsThatAreRecorded) {
    for (const auto& one : data->translations) {
        EXPECT_EQ(refusal_of_instance(one.set), "");
        for (const auto& host : hosts())
            EXPECT_EQ(difference(translated(without(one.set, key_of(one, row.name)), host.facts),
                                 translated(one.set, host.facts)),
                      one.lines.at(host.name))
                << testing::PrintToString(one.set) << " on " << host.name;
    }
}

TEST_P(InstanceKeyRow, HasAValueForWhatHoldsAnyway) {
    for (const auto& value : data->same_as_unset) {
        const auto key = example_of(row.name);
        EXPECT_EQ(refusal_of_instance({{key, value}}), "") << value;
        for (const auto& host : hosts())
            EXPECT_EQ(translated({{key, value}}, host.facts), translated({}, host.facts)) << value;
    }
}

bool has_hook(std::string_view row) {
    return std::ranges::any_of(
        live_hooks(), [&](const LiveHook& hook) { return std::ranges::find(hook.keys, row) != hook.keys.end(); });
}

/// Cgroup v1 knows them all; swappiness has no counterpart on v2.
TEST_P(InstanceKeyRow, IsWrittenToARunningContainerIfItIsLive) {
    if (has_hook(row.name)) {
        // Of nesting the profile alone is: what it mounts comes with the next start.
        EXPECT_EQ(row.live, row.name != "security.nesting");
        return;
    }
    for (const auto& one : data->translations) {
        const auto unset = without(one.set, key_of(one, row.name));
        if (difference(translated(unset, v1_host()), translated(one.set, v1_host())).empty()) continue;
        EXPECT_EQ(!live_update(subject(unset), subject(one.set), v1_host()).empty(), row.live);
        EXPECT_EQ(!live_update(subject(one.set), subject(unset), v1_host()).empty(), row.live) << "when it is unset";
    }
}

std::string test_name(std::string_view key) {
    std::string name(key);
    std::ranges::replace_if(name, [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(Table, InstanceKeyRow, testing::ValuesIn(schema::instance_keys()),
                         [](const auto& parameter) { return test_name(parameter.param.name); });

TEST(KeyData, IsOfKeysThatThereAre) {
    for (const auto& [file, data] : files()) {
        for (const auto& [key, one] : data) {
            const auto* row = schema::find_instance_key(key);
            EXPECT_TRUE(row != nullptr && row->name == key) << file << ": the table has no row " << key;
            EXPECT_EQ(file_of(key), file) << key;
        }
    }
}

TEST(KeyOwners, OwnWhatIsInTheTable) {
    const auto in_table = [](std::string_view key) {
        const auto* row = schema::find_instance_key(key);
        return row != nullptr && row->name == key;
    };
    for (const auto* facet : facets())
        for (const auto key : facet->keys) EXPECT_TRUE(in_table(key)) << key;
    for (const auto key : daemon_keys()) EXPECT_TRUE(in_table(key)) << key;
}

class ServerKeyRow : public testing::TestWithParam<schema::ServerKey> {};

TEST_P(ServerKeyRow, HasItsDefaultAndTakesGoodValuesOnly) {
    const auto& row = GetParam();
    static const auto all = read_key_data(folder + "/server.yaml");
    const auto found = all.find(row.name);
    ASSERT_NE(found, all.end()) << "the server's key " << row.name
                                << " has no test data. Add this to test/data/keys/server.yaml and fill it in:\n\n"
                                << blank_key_data(row.name, row.fallback, true);
    const auto& data = found->second;
    EXPECT_EQ(row.fallback, data.fallback);
    EXPECT_FALSE(data.accepted.empty());
    const auto key = example_of(row.name);
    for (const auto& value : data.accepted)
        EXPECT_EQ(refusal([&] { schema::check_server_config({{key, value}}); }), "") << value;
    for (const auto& [value, text] : data.refused)
        EXPECT_EQ(refusal([&] { schema::check_server_config({{key, value}}); }), text) << value;
    if (row.check != schema::checks::any) {
        EXPECT_FALSE(data.refused.empty()) << "no value is shown to be refused";
    }
}

INSTANTIATE_TEST_SUITE_P(Table, ServerKeyRow, testing::ValuesIn(schema::server_keys()),
                         [](const auto& parameter) { return test_name(parameter.param.name); });

TEST(KeyData, OfTheServerIsOfKeysThatThereAre) {
    for (const auto& [key, one] : read_key_data(folder + "/server.yaml")) {
        const auto* row = schema::find_server_key(key);
        EXPECT_TRUE(row != nullptr && row->name == key) << "the table has no row " << key;
    }
}

/// Fills in what the settings turn into now, where that is asked for.
class FillInRecords : public testing::Environment {
public:
    void SetUp() override {
        if (std::getenv("UPDATE_GOLDEN") == nullptr) return;
        for (auto& [file, data] : files()) {
            for (auto& [row, one] : data)
                for (auto& translation : one.translations)
                    for (const auto& host : hosts())
                        translation.lines[host.name] =
                            difference(translated(without(translation.set, key_of(translation, row)), host.facts),
                                       translated(translation.set, host.facts));
            write_key_data(fmt::format("{}/{}", folder, file), data);
        }
    }
};
const auto* const fill_in = testing::AddGlobalTestEnvironment(new FillInRecords);

} // namespace
} // namespace instance
