#include "daemon/base/parent.h"

#include <cstdio>

#include <fmt/format.h>

#include "daemon/base/files.h"

namespace base {

pid_t parent_of(pid_t pid) {
    const auto stat = read_file_if_exists(fmt::format("/proc/{}/stat", pid));
    if (!stat) return 0;
    pid_t parent = 0;
    char state = 0;
    std::sscanf(stat->c_str() + stat->rfind(')') + 1, " %c %d", &state, &parent);
    return parent;
}

} // namespace base
