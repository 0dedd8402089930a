#include "daemon/instance/kernel_modules.h"

#include <sstream>
#include <string>

#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "schema/error.h"

namespace instance {

void load_kernel_modules(std::string_view list) {
    std::istringstream words{std::string(list)};
    for (std::string word; std::getline(words, word, ',');) {
        const auto start = word.find_first_not_of(" \t\n");
        if (start == std::string::npos) continue;
        const std::string module(base::trimmed(std::string_view(word).substr(start)));
        if (base::exists("/sys/module/" + module) || !base::exists("/proc/modules")) continue;
        // "--" ends the options: the name is the user's.
        const auto output = base::run({.argv = {"modprobe", "-b", "--", module}});
        if (!output.exit.ok())
            throw schema::failure("Failed to load kernel module {:?}: {}", module, base::trimmed(output.err));
    }
}

} // namespace instance
