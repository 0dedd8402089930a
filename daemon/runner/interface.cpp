#include <stdexcept>

#include "daemon/runner/verbs.h"
#include "lxcwrap/container.h"

namespace runner {

int attach_interface(const Arguments& arguments) {
    if (arguments.size() != 4) throw std::invalid_argument("attach-interface: expected NAME LXCPATH HOST INSIDE");
    lxcwrap::Container container(arguments[0], arguments[1]);
    if (!container.attach_interface(arguments[2], arguments[3]))
        throw std::runtime_error("liblxc could not move the interface " + arguments[2]);
    return 0;
}

int detach_interface(const Arguments& arguments) {
    if (arguments.size() != 4) throw std::invalid_argument("detach-interface: expected NAME LXCPATH INSIDE HOST");
    lxcwrap::Container container(arguments[0], arguments[1]);
    if (!container.detach_interface(arguments[2], arguments[3]))
        throw std::runtime_error("liblxc could not move the interface " + arguments[2]);
    return 0;
}

} // namespace runner
