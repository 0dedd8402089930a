// Whole translations, as pairs of files in test/data/lxc_config: NAME.yaml (host, configuration, devices) and
// NAME.conf. With UPDATE_GOLDEN=1 in the environment the .conf files are written instead; look at the difference before
// committing.

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <yaml-cpp/yaml.h>

#include "daemon/instance/lxc_config.h"
#include "test/unit/instance/hosts.h"

namespace instance {
namespace {

namespace fs = std::filesystem;

const fs::path folder = fs::path(TEST_DATA) / "lxc_config";

std::string content(const fs::path& path) {
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    return text.str();
}

base::HostFacts host(const std::string& name) {
    if (name == "v1") return test::v1_host();
    if (name == "hybrid") return test::hybrid_host();
    return test::v2_host();
}

std::string translated(const fs::path& input) {
    const auto yaml = YAML::Load(content(input));
    schema::Config config;
    for (const auto& member : yaml["config"]) config[member.first.as<std::string>()] = member.second.as<std::string>();
    const auto subject = test::subject(config);
    Items devices = {{"lxc.rootfs.path", "dir:/var/lib/lxd/storage-pools/default/containers/c1/rootfs", "device root"}};
    return to_text(lxc_config(subject, host(yaml["host"].as<std::string>()), devices));
}

class LxcConfigGolden : public ::testing::TestWithParam<std::string> {};

TEST_P(LxcConfigGolden, IsAsRecorded) {
    const auto expected = folder / (GetParam() + ".conf");
    const auto text = translated(folder / (GetParam() + ".yaml"));
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(expected) << text;
    EXPECT_EQ(text, content(expected));
}

std::vector<std::string> names() {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".yaml") found.push_back(entry.path().stem());
    }
    std::sort(found.begin(), found.end());
    return found;
}

INSTANTIATE_TEST_SUITE_P(Files, LxcConfigGolden, ::testing::ValuesIn(names()),
                         [](const auto& parameter) { return parameter.param; });

} // namespace
} // namespace instance
