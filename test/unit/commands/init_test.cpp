#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sstream>

#include "daemon/commands/init_plan.h"
#include "schema/error.h"

namespace commands {

namespace {

using testing::HasSubstr;

InitFacts plain() {
    InitFacts facts;
    facts.drivers = {"btrfs", "dir", "overlay"};
    facts.lxd_dir = "/var/lib/lxd";
    facts.lxd_dir_size = int64_t{100} << 30;
    facts.is_interface = [](const std::string& name) { return name == "eth7" || name == "br0"; };
    facts.is_bridge = [](const std::string& name) { return name == "br0"; };
    facts.is_block_device = [](const std::string& path) { return path == "/dev/sdz"; };
    return facts;
}

InitOptions automatic() {
    InitOptions options;
    options.automatic = true;
    return options;
}

std::string plan(const InitOptions& options, const InitFacts& facts = plain()) {
    try {
        check_options(options);
        return automatic_preseed(options, facts).dump();
    } catch (const schema::Error& error) {
        return error.what();
    }
}

std::string answers(const std::string& lines, const InitFacts& facts = plain()) {
    std::istringstream in(lines);
    std::ostringstream out;
    return answered_preseed(facts, in, out).dump();
}

TEST(AutomaticInit, MakesADirPoolForTheDefaultProfile) {
    EXPECT_EQ(plan(automatic()),
              R"({"config":{},"storage_pools":[{"name":"default","driver":"dir","config":{}}],)"
              R"("profiles":[{"name":"default","devices":{"root":{"type":"disk","path":"/","pool":"default"}}}]})");
}

TEST(AutomaticInit, ChangesNothingTheSecondTime) {
    auto facts = plain();
    facts.pools = {"default"};
    facts.has_root_disk = true;
    EXPECT_EQ(plan(automatic(), facts), R"({"config":{}})");
}

TEST(AutomaticInit, TakesADeviceOrAFileOrWhatIsThere) {
    auto options = automatic();
    options.storage_backend = "btrfs";
    options.storage_pool = "there";
    EXPECT_THAT(plan(options), HasSubstr(R"({"name":"default","driver":"btrfs","config":{"source":"there"}})"));
    options.storage_loop = 7;
    EXPECT_THAT(plan(options), HasSubstr(R"({"name":"there","driver":"btrfs","config":{"size":"7GB"}})"));
    options.storage_loop = -1;
    options.storage_device = "/dev/sdz";
    EXPECT_THAT(plan(options), HasSubstr(R"({"name":"there","driver":"btrfs","config":{"source":"/dev/sdz"}})"));
}

struct Refusal {
    const char* name;
    void (*set)(InitOptions& options);
    const char* words;
};

class RefusedInit : public testing::TestWithParam<Refusal> {};

TEST_P(RefusedInit, SaysWhatDoesNotGoTogether) {
    auto options = automatic();
    GetParam().set(options);
    EXPECT_EQ(plan(options), GetParam().words);
}

INSTANTIATE_TEST_SUITE_P(
    Options, RefusedInit,
    testing::Values(
        Refusal{"AutoAndPreseed", [](auto& o) { o.preseed = true; }, "Can't use --auto and --preseed together"},
        Refusal{"FlagsWithoutAuto",
                [](auto& o) {
                    o.automatic = false;
                    o.storage_loop = 5;
                },
                "Configuration flags require --auto"},
        Refusal{"UnknownDriver", [](auto& o) { o.storage_backend = "floppy"; },
                "The requested backend 'floppy' isn't supported by lxd init"},
        Refusal{"MissingTools", [](auto& o) { o.storage_backend = "zfs"; },
                "The requested backend 'zfs' isn't available on your system (missing tools)"},
        Refusal{"LoopOfDir", [](auto& o) { o.storage_loop = 5; },
                "None of --storage-pool, --storage-create-device or --storage-create-loop may be used with the 'dir' "
                "backend"},
        Refusal{"LoopAndDevice",
                [](auto& o) {
                    o.storage_backend = "btrfs";
                    o.storage_loop = 5;
                    o.storage_device = "/dev/sdz";
                },
                "Only one of --storage-create-device or --storage-create-loop can be specified"},
        Refusal{"PortAlone", [](auto& o) { o.network_port = 1; },
                "--network-port can't be used without --network-address"}),
    [](const auto& one) { return one.param.name; });

TEST(AutomaticInit, RefusesStorageWhereThereIsSome) {
    auto facts = plain();
    facts.pools = {"default"};
    auto options = automatic();
    options.storage_backend = "dir";
    EXPECT_EQ(plan(options, facts), "Storage has already been configured");
}

TEST(ProposedDriver, CopiesOnWriteWhereItCan) {
    auto facts = plain();
    EXPECT_EQ(proposed_driver(facts), "overlay");
    facts.btrfs = true;
    EXPECT_EQ(proposed_driver(facts), "btrfs");
    facts.drivers = {"dir"};
    EXPECT_EQ(proposed_driver(facts), "dir");
}

TEST(InitQuestions, EmptyAnswersMakeWhatIsProposed) {
    EXPECT_EQ(answers("\n\n\n\n\n"),
              R"({"storage_pools":[{"name":"default","driver":"overlay","config":{}}],)"
              R"("profiles":[{"name":"default","devices":{"root":{"type":"disk","path":"/","pool":"default"}}}]})");
}

TEST(InitQuestions, AskAgainUntilAnAnswerWillDo) {
    const auto made = answers("maybe\nyes\nfast\nfloppy\nbtrfs\nyes\nno\n0\n12\nyes\neth9\nbr0\nno\n");
    EXPECT_THAT(made, HasSubstr(R"({"name":"fast","driver":"btrfs","config":{"size":"12GiB"}})"));
    EXPECT_THAT(made, HasSubstr(R"("eth0":{"type":"nic","nictype":"bridged","name":"eth0","parent":"br0"})"));
}

TEST(InitQuestions, ProposeASubvolumeOnBtrfs) {
    auto facts = plain();
    facts.btrfs = true;
    EXPECT_THAT(answers("\n\n\n\n\n\n", facts), HasSubstr(R"({"name":"default","driver":"btrfs","config":{}})"));
}

TEST(InitQuestions, EndWithTheAnswers) {
    EXPECT_THROW(answers("yes\n"), schema::Error);
}

} // namespace

} // namespace commands
