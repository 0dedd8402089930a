#pragma once
// What targets say about an input. Callers: the files of targets.

#include <cstdio>
#include <cstdlib>

#include "schema/error.h"

namespace fuzz {

/// Ends the process where a claim does not hold: a finding.
inline void require(bool condition, const char* claim) {
    if (condition) return;
    std::fprintf(stderr, "not so: %s\n", claim);
    std::abort();
}

/// Runs what may refuse.
template <class Function> void may_refuse(Function function) {
    try {
        function();
    } catch (const schema::Error&) { // refused
    }
}

} // namespace fuzz
