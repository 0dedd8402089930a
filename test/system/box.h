#pragma once
// What the system tests of the container engine share: a busybox root file system and a runtime in a folder of their
// own.

#include <string>
#include <utility>
#include <vector>

#include "daemon/instance/runtime.h"
#include "daemon/state/paths.h"

namespace box {

/// Nothing where containers can be run here, or why they cannot.
std::string missing();

/// A folder below /tmp with a root file system, removed at the end; containers that still run are killed first.
class Box {
public:
    explicit Box(bool privileged);
    ~Box();
    Box(const Box&) = delete;
    Box& operator=(const Box&) = delete;

    instance::Runtime& runtime() { return *runtime_; }
    const state::Paths& paths() const { return paths_; }
    const std::string& name() const { return name_; }
    std::string rootfs() const { return paths_.container(name_) + "/rootfs"; }
    std::string path(const std::string& inside) const { return rootfs() + inside; }

    std::vector<instance::LxcItem> items() const;
    instance::Running start();
    /// Kills it and waits for its monitor.
    void stop();

    struct Result {
        int code = 0;
        std::string out;
        std::string err;
    };
    /// Runs a command to its end; `request` may bring more than the command.
    Result run(std::vector<std::string> command, instance::ExecRequest request = {}, const std::string& input = "");

private:
    bool privileged_;
    std::string name_;
    state::Paths paths_;
    std::unique_ptr<instance::Runtime> runtime_;
};

/// Waits for a process that is not ours to end; false after ten seconds.
bool await_end(pid_t pid);

} // namespace box
