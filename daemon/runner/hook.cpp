#include <cstdlib>
#include <stdexcept>
#include <string_view>

#include "daemon/base/files.h"
#include "daemon/runner/verbs.h"

namespace runner {

int stop_hook(const Arguments& arguments) {
    if (arguments.empty()) throw std::invalid_argument("stop-hook: no file was named");
    const char* value = std::getenv("LXC_TARGET");
    const std::string_view target = value != nullptr ? value : "stop";
    base::write_file(arguments[0], target);
    // A failing hook turns a reboot into a stop: the daemon starts the container anew, with its configuration of then.
    return target == "reboot" ? 1 : 0;
}

} // namespace runner
