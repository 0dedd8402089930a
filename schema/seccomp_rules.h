#pragma once
// The lines of a seccomp policy in liblxc's language, version 2: "SYSCALL [ACTION [[INDEX,VALUE,OPERATOR,MASK]...]]",
// sections "[ARCHITECTURE]" and comments. Read by the checks of security.syscalls.* and raw.seccomp; names and numbers
// of system calls come from libseccomp.

#include <cstdint>
#include <string>
#include <string_view>

namespace schema {

/// Throws bad_request with the number of the first line that liblxc would refuse, or whose system call no architecture
/// has (which liblxc passes over without a word).
void check_seccomp_rules(std::string_view text);
/// As above, for a whole policy: its first line is the version (1 or 2), its second says which list follows.
void check_seccomp_policy(std::string_view text);

/// The name of a system call by its number on an architecture (an AUDIT_ARCH_* value, as the kernel gives it to a
/// seccomp listener); empty where there is none.
std::string syscall_name(uint32_t architecture, int number);

} // namespace schema
