#pragma once
// Starts runners as forks of one that is kept for that (daemon/runner/serve.h): they need not be loaded and linked
// anew, which is half of what a short command costs. The kept one begins with the first need, and anew where it was
// killed. Caller: LiblxcRuntime. Thread-safe.

#include <functional>
#include <mutex>
#include <optional>

#include "daemon/base/process.h"

namespace instance {

class KeptRunner {
public:
    /// `serve` is its command line, with the environment that all its forks have.
    explicit KeptRunner(base::Command serve) : serve_(std::move(serve)) {}

    /// As base::Process::spawn, of which it uses the arguments and the descriptors.
    base::Process spawn(const base::Command& command);
    std::function<base::Process(const base::Command&)> spawner() {
        return [this](const base::Command& command) { return spawn(command); };
    }

private:
    void begin();
    bool ask(const base::Command& command) const;
    std::optional<base::Process> answer() const;

    base::Command serve_;
    std::mutex mutex_;
    std::optional<base::Process> server_;
    base::Fd socket_;
};

} // namespace instance
