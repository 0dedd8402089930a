// lxd-runner: does what must not happen in the multi-threaded daemon, because liblxc forks or because it happens inside
// a container's namespaces. One verb a process; no shell, no state.

#include <cstdio>
#include <exception>
#include <string_view>
#include <utility>

#include "daemon/runner/verbs.h"

namespace {

using Verb = std::pair<std::string_view, int (*)(const runner::Arguments&)>;

constexpr Verb verbs[] = {
    {"start", runner::start},
    {"exec", runner::exec},
    {"files", runner::files},
    {"sftp", runner::serve_sftp},
    {"mount", runner::mount},
    {"try-id-map", runner::try_id_map},
    {"unmount", runner::unmount},
    {"attach-interface", runner::attach_interface},
    {"detach-interface", runner::detach_interface},
    {"stop-hook", runner::stop_hook},
};

} // namespace

int main(int argc, char** argv) {
    const std::string_view name = argc > 1 ? argv[1] : "";
    for (const auto& [verb, run] : verbs) {
        if (verb != name) continue;
        try {
            return run(runner::Arguments(argv + 2, argv + argc));
        } catch (const std::exception& error) {
            std::fprintf(stderr, "%s\n", error.what());
            return 1;
        }
    }
    std::fprintf(stderr, "lxd-runner is started by lxd; it has no verb \"%s\"\n", argc > 1 ? argv[1] : "");
    return 2;
}
