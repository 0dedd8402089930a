#include "daemon/runner/device_program.h"

#include <linux/bpf.h>

namespace runner {

bool is_plain_program(std::span<const bpf_insn> program) {
    if (program.empty() || program.size() > most_instructions) return false;
    for (size_t index = 0; index < program.size(); ++index) {
        const auto& instruction = program[index];
        const unsigned mode = instruction.code & 0xe0U;
        switch (BPF_CLASS(instruction.code)) {
        case BPF_LD: // a number of 64 bits, in two instructions
            if (instruction.code != (BPF_LD | BPF_IMM | BPF_DW) || instruction.src_reg != 0) return false;
            if (++index == program.size() || program[index].code != 0) return false;
            break;
        case BPF_LDX:
        case BPF_ST:
        case BPF_STX: // not the atomic ones
            if (mode != BPF_MEM) return false;
            break;
        case BPF_JMP:
        case BPF_JMP32:
            if (BPF_OP(instruction.code) == BPF_CALL) return false;
            break;
        default: // arithmetic
            break;
        }
    }
    return true;
}

} // namespace runner
