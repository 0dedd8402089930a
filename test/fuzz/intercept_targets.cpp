// What containers and their monitors send: intercepted system calls, with the memory that they point to.

#include <algorithm>
#include <cstring>
#include <vector>

#include <linux/bpf.h>
#include <linux/seccomp.h>

#include "daemon/intercept/decision.h"
#include "daemon/runner/device_program.h"
#include "test/fuzz/claims.h"
#include "test/fuzz/rooms.h"

namespace fuzz {

namespace {

/// A program, as bytes.
void device_program(std::string_view bytes) {
    std::vector<bpf_insn> program(bytes.size() / sizeof(bpf_insn));
    if (program.empty()) return;
    std::memcpy(program.data(), bytes.data(), program.size() * sizeof(bpf_insn));
    if (!runner::is_plain_program(program)) return;
    const auto calls = [](const bpf_insn& one) { return one.code == (BPF_JMP | BPF_CALL); };
    require(std::ranges::none_of(program, calls), "a program that is loaded calls nothing");
}

} // namespace

/// A packet, whose end is the caller's memory at once: any address is an offset into it.
void intercepted_calls(std::string_view input) {
    device_program(input);
    const auto call = intercept::parse(input.substr(0, intercept::largest_packet));
    if (!call) return;
    const intercept::Settings settings{"c1", {{"ext4", ""}, {"xfs", "fuse-xfs"}}, true, true};
    const auto decision = intercept::decide(*call, settings, [&](uint64_t address, size_t size) {
        const auto start = std::min<uint64_t>(address, input.size());
        return std::string(input.substr(start, size));
    });
    auto answer = intercept::refused(38);
    if (const auto* work = std::get_if<intercept::Work>(&decision)) {
        for (const auto& argument : work->arguments)
            require(argument.find('\0') == std::string::npos && argument.size() < 4096, "an argument is one text");
    } else {
        answer = std::get<intercept::Answer>(decision);
    }
    require(intercept::reply(*call, answer).size() == 32 + sizeof(seccomp_notif) + sizeof(seccomp_notif_resp),
            "the answer is as long as liblxc wants it");
}

} // namespace fuzz
