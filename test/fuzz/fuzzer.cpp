// libFuzzer's way in: the target is named in the environment, FUZZ_TARGET.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>

#include "test/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const auto* target = [] {
        const char* name = std::getenv("FUZZ_TARGET"); // NOLINT(concurrency-mt-unsafe): before any thread
        const auto* found = fuzz::find_target(name != nullptr ? name : "");
        if (found == nullptr) {
            std::fputs("FUZZ_TARGET names none of:", stderr);
            for (const auto& row : fuzz::targets()) fmt::print(stderr, " {}", row.name);
            std::fputs("\n", stderr);
            std::exit(2); // NOLINT(concurrency-mt-unsafe)
        }
        return found;
    }();
    target->run({reinterpret_cast<const char*>(data), size});
    return 0;
}
