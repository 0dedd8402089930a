#pragma once
// Where bytes from outside enter the daemon, one function each. Run by libFuzzer (test/fuzz/run) and over the seeds in
// corpus/NAME by the unit suite. A function returns for every input: it may refuse, with schema::Error, but neither
// crash nor throw anything else.

#include <span>
#include <string_view>

namespace fuzz {

struct Target {
    std::string_view name;
    void (*run)(std::string_view input);
};

std::span<const Target> targets();
/// nullptr where there is none of that name.
const Target* find_target(std::string_view name);

} // namespace fuzz
