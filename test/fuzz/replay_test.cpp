// Every seed through its target, so that what fuzzing once found stays found.

#include <filesystem>

#include <gtest/gtest.h>

#include "test/fakes/temporary_folder.h"
#include "test/fuzz/targets.h"

namespace {

namespace fs = std::filesystem;

const fs::path corpus = FUZZ_CORPUS;

TEST(Fuzz, EveryTargetTakesItsSeedsAndNothing) {
    for (const auto& target : fuzz::targets()) {
        SCOPED_TRACE(target.name);
        target.run("");
        size_t seeds = 0;
        for (const auto& entry : fs::directory_iterator(corpus / target.name)) {
            target.run(fakes::read(entry.path()));
            ++seeds;
        }
        EXPECT_GT(seeds, 0U);
    }
}

TEST(Fuzz, EveryFolderOfSeedsHasItsTarget) {
    for (const auto& entry : fs::directory_iterator(corpus))
        EXPECT_NE(fuzz::find_target(entry.path().filename().string()), nullptr) << entry.path();
}

} // namespace
