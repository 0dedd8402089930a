// lxd-runner: does what must not happen in the multi-threaded daemon, because liblxc forks or because it happens inside
// a container's namespaces. One verb a process; no shell, no state.

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <utility>

#include <sys/stat.h>

#include "daemon/runner/serve.h"
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
    {"uevent", runner::send_uevent},
    {"attach-interface", runner::attach_interface},
    {"detach-interface", runner::detach_interface},
    {"proxy", runner::proxy},
    {"stop-hook", runner::stop_hook},
    {"intercept", runner::intercept},
};

int run(const runner::Arguments& words) {
    const std::string_view name = words.empty() ? std::string_view() : words.front();
    for (const auto& [verb, run] : verbs)
        if (verb == name) return run(runner::Arguments(words.begin() + 1, words.end()));
    std::fprintf(stderr, "lxd-runner is started by lxd; it has no verb \"%s\"\n", std::string(name).c_str());
    return 2;
}

} // namespace

int main(int argc, char** argv) {
    ::umask(0022); // the daemon's own is stricter than what commands in containers expect
    try {
        runner::Arguments words(argv + 1, argv + argc);
        if (words == runner::Arguments{"serve"}) {
            auto asked = runner::serve();
            if (!asked) return 0;
            words = std::move(*asked);
        }
        return run(words);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
