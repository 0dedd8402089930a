#include "daemon/storage/commands.h"

#include <fmt/ranges.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/storage/layout.h"
#include "daemon/storage/zvol_device.h"
#include "schema/error.h"
#include "schema/values.h"

namespace storage {

namespace {

/// Without udev nobody makes the nodes of LVM's devices but LVM itself, which has to be told.
std::vector<std::string> environment() {
    if (base::exists("/run/udev/control")) return {};
    std::vector<std::string> variables{"DM_DISABLE_UDEV=1"};
    for (auto** variable = environ; *variable != nullptr; ++variable) variables.emplace_back(*variable);
    return variables;
}

class HostCommands : public Commands {
public:
    base::Output run(const Words& words, const base::CancelToken& cancel, int in, int out) override {
        if (base::find_program(words.front()).empty())
            throw schema::failure("Required tool {} is missing", schema::quoted(words.front()));
        base::Command command{.argv = words, .environment = environment()};
        if (in >= 0) command.fds.emplace_back(in, 0);
        return base::run(std::move(command), cancel, [out](const base::Command& whole) {
            auto changed = whole;
            if (out >= 0) changed.fds.emplace_back(out, 1); // in place of the pipe that is read here
            return base::Process::spawn(changed);
        });
    }
    void mount(const std::string& source, const std::string& target, const std::string& type,
               const MountOptions& options) override {
        mount_filesystem(source, target, type, options);
    }
    void unmount(const std::string& target) override { unmount_filesystem(target); }
    bool is_mounted(const std::string& target) override { return layout::is_mount_point(target); }
    std::string zvol_device(const std::string& dataset) override { return storage::zvol_device(dataset); }
};

} // namespace

std::string failure_text(const Words& words, const base::Output& output) {
    const auto said = base::trimmed(output.err);
    return fmt::format("Failed to run: {}: exit status {}{}", fmt::join(words, " "), output.exit.code,
                       said.empty() ? "" : fmt::format(" ({})", said));
}

std::string Commands::must(const Words& words, const base::CancelToken& cancel) {
    auto output = run(words, cancel);
    if (!output.exit.ok()) throw schema::failure("{}", failure_text(words, output));
    return std::move(output.out);
}

std::optional<std::string> Commands::ask(const Words& words, int absent) {
    auto output = run(words);
    if (output.exit.code == absent) return {};
    if (!output.exit.ok()) throw schema::failure("{}", failure_text(words, output));
    return std::move(output.out);
}

std::shared_ptr<Commands> host_commands() {
    return std::make_shared<HostCommands>();
}

} // namespace storage
