#include "schema/keys/reference.h"

#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>

namespace {

const std::string path = std::string(TEST_DATA) + "/../../doc/config-keys.md";

TEST(KeyReference, IsTheOneOfTheDocuments) {
    if (std::getenv("UPDATE_GOLDEN") != nullptr) std::ofstream(path) << schema::key_reference();
    std::ifstream file(path);
    std::stringstream text;
    text << file.rdbuf();
    EXPECT_TRUE(text.str() == schema::key_reference())
        << "doc/config-keys.md is not what the tables say: write it anew with `build/daemon/lxd keys > "
           "doc/config-keys.md`";
}

TEST(KeyReference, HasARowForEachKeyWithBarsEscaped) {
    const auto text = schema::key_reference();
    EXPECT_NE(text.find("| `limits.memory` | size | all | yes |"), std::string::npos);
    EXPECT_NE(text.find("### nic, nictype bridged"), std::string::npos);
}

} // namespace
