#pragma once
// Which bpf programs of the devices cgroup are loaded for a container. Pure; caller: the intercepted bpf().

#include <span>

struct bpf_insn;

namespace runner {

constexpr unsigned most_instructions = 65536;

/// Whether it computes with what it is given and its stack alone, as programs that allow and deny devices do: it calls
/// nothing, and names neither maps nor anything else of the kernel's by descriptors and ids, which would be looked up
/// among the host's.
bool is_plain_program(std::span<const bpf_insn> program);

} // namespace runner
