#include "daemon/resources/probes.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>

#include "daemon/base/fd.h"
#include "daemon/base/process.h"
#include "daemon/resources/ethtool.h"

namespace resources {

namespace {

int64_t block_size(const std::string& disk) {
    const base::Fd device(::open(("/dev/" + disk).c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    unsigned size = 0;
    if (!device || ::ioctl(device.get(), BLKPBSZGET, &size) < 0) return 0;
    return size;
}

std::string nvidia_info() {
    if (base::find_program("nvidia-container-cli").empty()) return {};
    const auto done = base::run({.argv = {"nvidia-container-cli", "info", "--csv"}});
    return done.exit.ok() ? done.out : std::string();
}

std::string detect_system_type() {
    if (base::find_program("systemd-detect-virt").empty()) return "unknown";
    const auto is = [](const char* kind) { return base::run({.argv = {"systemd-detect-virt", kind}}).exit.ok(); };
    if (is("--container")) return "container";
    return is("--vm") ? "virtual-machine" : "physical";
}

} // namespace

Probes host_probes() {
    static const std::string system_type = detect_system_type();
    utsname host{};
    ::uname(&host);
    return {.kernel_version = static_cast<const char*>(host.release),
            .architecture = static_cast<const char*>(host.machine),
            .system_type = system_type,
            .block_size = block_size,
            .describe_port = describe_port,
            .firmware_version = firmware_version,
            .nvidia_info = nvidia_info};
}

} // namespace resources
