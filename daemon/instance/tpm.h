#pragma once
// TPMs for containers: swtpm behind the kernel's proxy (/dev/vtpmx). Each is a process that outlives the daemon. Called
// by node_host.

#include <optional>
#include <string>
#include <string_view>

#include "daemon/devices/node_host.h"

namespace instance {

/// Starts the emulator, whose state is kept in `state_folder`, and notes its process in `pid_file`; one that runs by
/// that note is ended before. Throws `Failed to validate environment: ...` where the host lacks a part.
devices::TpmNodes start_tpm(const std::string& state_folder, const std::string& pid_file);
/// Ends it and forgets the note; not an error when there is none.
void stop_tpm(const std::string& pid_file);

struct TpmName {
    std::string device; // "tpm1"
    unsigned major = 0;
    unsigned minor = 0;
};
/// What swtpm says: "New TPM device: /dev/tpm1 (major/minor = 253/1)"; pure.
std::optional<TpmName> parse_new_tpm(std::string_view text);

} // namespace instance
