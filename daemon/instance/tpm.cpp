#include "daemon/instance/tpm.h"

#include <cerrno>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/fd.h"
#include "daemon/base/files.h"
#include "daemon/base/process.h"
#include "daemon/instance/kernel_modules.h"
#include "schema/error.h"
#include "schema/values.h"

namespace instance {

namespace {

constexpr const char* program = "swtpm";
constexpr const char* proxy = "/dev/vtpmx";
constexpr unsigned most_devices = 65536; // the kernel's TPM_NUM_DEVICES: managers' minors follow those of devices
constexpr int patience_ms = 5000;

void check_environment() {
    if (base::find_program(program).empty())
        throw schema::failure("Failed to validate environment: Required tool '{}' is missing", program);
    if (base::exists(proxy)) return;
    constexpr const char* module = "tpm_vtpm_proxy";
    try {
        load_kernel_modules(module);
    } catch (const schema::Error& error) {
        throw schema::failure("Failed to validate environment: {}", error.what());
    }
    if (!base::exists(proxy))
        throw schema::failure("Failed to validate environment: Failed to load kernel module {:?}: the kernel has none",
                              module);
}

/// Nothing where the noted process has gone, or its number is another's by now.
base::Fd noted_process(const std::string& pid_file) {
    const auto pid = schema::parse_integer(base::trimmed(base::read_file_if_exists(pid_file).value_or("")));
    if (!pid || *pid <= 0) return {};
    base::Fd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, *pid, 0)));
    const auto name = base::read_file_if_exists(fmt::format("/proc/{}/comm", *pid)).value_or("");
    return base::trimmed(name) == program ? std::move(pidfd) : base::Fd();
}

bool end_with(const base::Fd& process, int signal) {
    ::syscall(SYS_pidfd_send_signal, process.get(), signal, nullptr, 0);
    pollfd end{process.get(), POLLIN, 0};
    return ::poll(&end, 1, patience_ms) > 0;
}

devices::DeviceNumbers manager_of(const TpmName& tpm) {
    const auto name = "tpmrm" + tpm.device.substr(std::string_view("tpm").size());
    const auto number = base::read_file_if_exists(fmt::format("/sys/class/tpmrm/{}/dev", name)).value_or("");
    unsigned major = tpm.major;
    unsigned minor = most_devices + tpm.minor;
    std::sscanf(number.c_str(), "%u:%u", &major, &minor);
    return {'c', major, minor};
}

} // namespace

std::optional<TpmName> parse_new_tpm(std::string_view text) {
    constexpr std::string_view before = "/dev/";
    const auto start = text.find(before);
    if (start == std::string_view::npos) return std::nullopt;
    const std::string rest(text.substr(start + before.size()));
    TpmName tpm;
    char name[32];
    if (std::sscanf(rest.c_str(), "%31[a-z0-9] (major/minor = %u/%u)", name, &tpm.major, &tpm.minor) != 3)
        return std::nullopt;
    tpm.device = name;
    return tpm.device.starts_with("tpm") ? std::optional(tpm) : std::nullopt;
}

devices::TpmNodes start_tpm(const std::string& state_folder, const std::string& pid_file) {
    check_environment();
    stop_tpm(pid_file);
    base::make_dir(state_folder, 0700);
    const auto said = base::run_or_throw({.argv = {program, "chardev", "--tpm2", "--tpmstate", "dir=" + state_folder,
                                                   "--vtpm-proxy", "--daemon", "--pid", "file=" + pid_file}});
    const auto tpm = parse_new_tpm(said);
    if (!tpm) {
        stop_tpm(pid_file);
        throw schema::failure("Failed to get TPM device information");
    }
    constexpr unsigned mode = 0660;
    return {{"/dev/" + tpm->device, {'c', tpm->major, tpm->minor}, mode},
            {"/dev/tpmrm" + tpm->device.substr(3), manager_of(*tpm), mode}};
}

void stop_tpm(const std::string& pid_file) {
    if (const auto process = noted_process(pid_file);
        process && !end_with(process, SIGTERM) && !end_with(process, SIGKILL))
        throw schema::failure("Failed to stop the TPM of {:?}", pid_file);
    if (::unlink(pid_file.c_str()) < 0 && errno != ENOENT)
        throw schema::failure("Failed to forget the TPM of {:?}", pid_file);
}

} // namespace instance
