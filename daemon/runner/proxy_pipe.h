#pragma once
// What carries bytes between two sockets: pipes that the kernel moves pages through, lent to whom has something under
// way. Part of the proxy.

#include <optional>
#include <vector>

#include "daemon/base/fd.h"

namespace runner {

class PipePool {
public:
    /// An empty pipe; nothing where there is none to be had.
    std::optional<base::Pipe> take();
    /// It must be empty.
    void give_back(base::Pipe pipe);

private:
    std::vector<base::Pipe> spare_;
};

} // namespace runner
