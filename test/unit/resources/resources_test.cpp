// Whole hosts, as pairs of files in test/data/resources: NAME.tree describes the kernel's files, NAME.json is what is
// told of them. With UPDATE_GOLDEN=1 in the environment the .json files are written instead; look at the difference
// before committing. test/system/resources.py shows that the real LXD tells the same.

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "daemon/resources/resources.h"
#include "test/fakes/temporary_folder.h"

namespace resources {
namespace {

namespace fs = std::filesystem;

const std::string data = std::string(TEST_DATA) + "/resources/";

std::string unescaped(std::string_view text) {
    std::string plain;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '\\') {
            plain += text[at];
            continue;
        }
        const char kind = text[++at];
        if (kind == 'x') {
            plain += static_cast<char>(std::stoi(std::string(text.substr(at + 1, 2)), nullptr, 16));
            at += 2;
        } else {
            plain += kind == 'n' ? '\n' : kind == 't' ? '\t' : kind;
        }
    }
    return plain;
}

void lay_out(const std::string& name, const std::string& root) {
    std::istringstream tree(fakes::read(data + name + ".tree"));
    for (std::string line; std::getline(tree, line);) {
        if (line.empty() || line.front() == '#') continue;
        const auto arrow = line.find(" -> ");
        const auto colon = (line + " ").find(": ");
        const fs::path path = root + line.substr(0, std::min(arrow, colon));
        fs::create_directories(path.parent_path());
        if (arrow != std::string::npos)
            fs::create_symlink(line.substr(arrow + 4), path);
        else if (line.back() != '/')
            fakes::write(path, unescaped(colon + 2 < line.size() ? line.substr(colon + 2) : ""));
    }
}

Probes fake_probes() {
    return {.kernel_version = "6.1.0",
            .architecture = "x86_64",
            .system_type = "physical",
            .block_size = [](const std::string& disk) { return disk == "nvme0n1" ? 512 : 0; },
            .describe_port =
                [](schema::resources::NetworkPort& port) {
                    port.link_detected = true;
                    port.link_speed = 40000;
                    port.supported_modes = {"40000baseSR4/Full"};
                    return true;
                },
            .firmware_version = [](const std::string& interface) { return interface + "-fw"; },
            .nvidia_info = [] { return std::string(); }};
}

class ResourcesGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(ResourcesGolden, AreAsRecorded) {
    const fakes::TemporaryFolder root;
    lay_out(GetParam(), root.path());
    const auto told = to_json(read_resources(Tree(root.path()), fake_probes())).pretty() + "\n";
    const auto expected = data + GetParam() + ".json";
    if (std::getenv("UPDATE_GOLDEN") != nullptr) fakes::write(expected, told);
    EXPECT_EQ(told, fakes::read(expected));
}

INSTANTIATE_TEST_SUITE_P(Hosts, ResourcesGolden, ::testing::Values("server", "arm"));

TEST(Resources, AHostWithoutAnyFilesHasNoHardware) {
    const fakes::TemporaryFolder root;
    const auto told = read_resources(Tree(root.path()), fake_probes());
    EXPECT_EQ(told.cpu.total + told.gpu.total + told.network.total + told.storage.total + told.usb.total, 0);
    EXPECT_FALSE(told.system.firmware);
}

TEST(Resources, TheNvidiaProgramNamesCardsByAddress) {
    const fakes::TemporaryFolder root;
    lay_out("server", root.path());
    fs::create_directories(root / "sys/bus/pci/drivers/nvidia");
    fs::remove(root / "sys/devices/pci0000:00/0000:00:02.0/driver");
    fs::create_symlink("../../../bus/pci/drivers/nvidia", root / "sys/devices/pci0000:00/0000:00:02.0/driver");
    auto probes = fake_probes();
    probes.nvidia_info = [] {
        return std::string("NVRM version,CUDA version\n450.102.04,11.0\n\n"
                           "Device Index,Device Minor,Model,Brand,GPU UUID,Bus Location,Architecture\n"
                           "0,0,\"Tesla V100, PCIe\",Tesla,GPU-6ddadebd,00000000:00:02.0,7.0\n");
    };
    const auto gpu = read_gpu(Tree(root.path()), probes, IdNames(""));
    ASSERT_TRUE(gpu.cards.at(0).nvidia);
    EXPECT_EQ(gpu.cards[0].nvidia->model, "Tesla V100, PCIe");
    EXPECT_EQ(gpu.cards[0].nvidia->cuda_version, "11.0");
    EXPECT_EQ(gpu.cards[0].nvidia->card_device, "195:0");
}

TEST(Resources, TheNvidiaDriverNamesCardsWithoutTheProgram) {
    const fakes::TemporaryFolder root;
    lay_out("server", root.path());
    fs::create_directories(root / "sys/bus/pci/drivers/nvidia");
    fs::remove(root / "sys/devices/pci0000:00/0000:00:02.0/driver");
    fs::create_symlink("../../../bus/pci/drivers/nvidia", root / "sys/devices/pci0000:00/0000:00:02.0/driver");
    fs::create_directories(root / "proc/driver/nvidia/gpus/0000:00:02.0");
    fakes::write(root / "proc/driver/nvidia/gpus/0000:00:02.0/information",
                 "Model: \t\t GeForce GT 730\nIRQ:   \t\t 30\nDevice Minor: \t 1\n");
    const auto gpu = read_gpu(Tree(root.path()), fake_probes(), IdNames(""));
    ASSERT_TRUE(gpu.cards.at(0).nvidia);
    EXPECT_EQ(gpu.cards[0].nvidia->brand, "GeForce");
    EXPECT_EQ(gpu.cards[0].nvidia->card_name, "nvidia1");
}

TEST(Vpd, ReadsNameAndKnownFields) {
    using namespace std::string_literals;
    const auto vpd = parse_vpd("\x82\x06\0XL710 \x90\x0c\0PN\x03"
                               "A-5QQ\x03xyz\x78"s);
    EXPECT_EQ(vpd.product_name, "XL710");
    EXPECT_EQ(vpd.entries, (std::map<std::string, std::string>{{"PN", "A-5"}}));
}

TEST(Vpd, GarbageEndsWithoutReadingPastTheEnd) {
    for (const std::string_view garbage :
         {std::string_view("\x82\xff\xffXL"), std::string_view("\x90\x03\0PN", 5), std::string_view("\x90"),
          std::string_view("\0\0\0", 3), std::string_view("\x91\x04\0VA\xffq", 7)})
        EXPECT_LE(parse_vpd(garbage).entries.size(), 1U);
}

TEST(DmiTables, GarbageNamesNoProcessor) {
    for (const std::string_view garbage :
         {std::string_view("\x04"), std::string_view("\x04\x03\0\0", 4), std::string_view("\x04\xff\0\0abc", 7),
          std::string_view("\x04\x04\0\0only\0one", 12), std::string_view("\x04\x04\0\0\0", 5)})
        EXPECT_EQ(parse_dmi_processor(garbage).vendor, "");
}

TEST(IdNames, KnowNothingOfGarbage) {
    const IdNames names("\t1041  an orphan\n\n#1af4  a comment\nno gap\n1af4  Red Hat\n\t1041\n\t\t1af4  below\n");
    EXPECT_EQ(names.vendor("1af4"), "Red Hat");
    EXPECT_EQ(names.product("1af4", "1041"), "");
    EXPECT_EQ(names.product("8086", "1041"), "");
}

} // namespace
} // namespace resources
