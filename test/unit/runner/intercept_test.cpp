#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/mount.h>

#include "daemon/runner/caller.h"
#include "daemon/runner/device_program.h"
#include "daemon/runner/mount_options.h"

namespace runner {
namespace {

TEST(CallersIds, AreFoundInTheLinesOfAMap) {
    const std::string map = "         0     100000      65536\n     70000       1000          1\n";
    EXPECT_EQ(id_inside(map, 100000), 0U);
    EXPECT_EQ(id_inside(map, 165535), 65535U);
    EXPECT_EQ(id_inside(map, 165536), std::nullopt);
    EXPECT_EQ(id_inside(map, 0), std::nullopt);
    EXPECT_EQ(id_inside(map, 1000), 70000U);
    EXPECT_EQ(id_on_host(map, 70000), 1000U);
    EXPECT_EQ(id_on_host(map, 65536), std::nullopt);
    EXPECT_EQ(id_inside("         0          0 4294967295\n", 5), 5U);
    EXPECT_EQ(id_inside("", 5), std::nullopt);
}

TEST(CallersPaths, ItsOwnProcIsNotOurs) {
    Caller caller;
    caller.own_thread = 12;
    caller.own_thread_group = 7;
    EXPECT_EQ(in_callers_words(caller, "/proc/self/fd/3"), "/proc/7/fd/3");
    EXPECT_EQ(in_callers_words(caller, "/proc/self"), "/proc/7");
    EXPECT_EQ(in_callers_words(caller, "/proc/thread-self/fd/3"), "/proc/7/task/12/fd/3");
    EXPECT_EQ(in_callers_words(caller, "/proc/selfish"), "/proc/selfish");
    EXPECT_EQ(in_callers_words(caller, "proc/self/fd"), "proc/self/fd");
}

TEST(MountOptions, BecomeThoseOfTheNewerCalls) {
    using Options = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(filesystem_options(MS_RDONLY | MS_NODEV | MS_LAZYTIME, "size=1m,,noquota"),
              (Options{{"ro", ""}, {"lazytime", ""}, {"size", "1m"}, {"noquota", ""}}));
    EXPECT_EQ(filesystem_options(0, ""), Options{});
    EXPECT_EQ(mount_attributes(MS_RDONLY | MS_NOSUID | MS_NOEXEC | MS_SYNCHRONOUS),
              uint64_t{MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC});
    EXPECT_EQ(mount_attributes(MS_NOATIME | MS_STRICTATIME), uint64_t{MOUNT_ATTR_NOATIME});
    EXPECT_EQ(option_text(MS_RDONLY | MS_NOSUID, "uid=5"), "uid=5,ro,nosuid");
    EXPECT_EQ(option_text(0, ""), "");
}

TEST(MountOptions, OfHugePagesAreCountedAsTheHostDoes) {
    const std::string map = "0 100000 65536\n";
    EXPECT_EQ(hugetlbfs_data("", map, map, 100000, 100005), "uid=100000,gid=100005");
    EXPECT_EQ(hugetlbfs_data("size=2m,uid=7", map, map, 100000, 100000), "size=2m,uid=100007,gid=100000");
    EXPECT_EQ(hugetlbfs_data("gid=0,uid=1", map, "0 5000 10\n", 100000, 100000), "gid=5000,uid=100001");
    EXPECT_EQ(hugetlbfs_data("uid=70000", map, map, 1, 1), "uid=70000") << "without a place on the host";
    EXPECT_EQ(hugetlbfs_data("uid=x", map, map, 1, 1), "uid=x");
}

bpf_insn instruction(int code, int source = 0) {
    bpf_insn result{};
    result.code = static_cast<uint8_t>(code);
    result.src_reg = static_cast<uint8_t>(source & 0xf);
    return result;
}

TEST(DevicePrograms, OnlyComputeWithWhatTheyAreGiven) {
    const auto end = instruction(BPF_JMP | BPF_EXIT);
    const auto load = instruction(BPF_LDX | BPF_MEM | BPF_W, 1);
    const auto wide = instruction(BPF_LD | BPF_IMM | BPF_DW);
    const auto rest = instruction(0);
    const auto is_plain = [](std::vector<bpf_insn> program) { return is_plain_program(program); };
    EXPECT_TRUE(
        is_plain({load, instruction(BPF_JMP | BPF_JEQ | BPF_K), instruction(BPF_ALU64 | BPF_MOV | BPF_K), end}));
    EXPECT_TRUE(is_plain({instruction(BPF_STX | BPF_MEM | BPF_DW), wide, rest, end}));
    EXPECT_FALSE(is_plain({}));
    EXPECT_FALSE(is_plain({instruction(BPF_JMP | BPF_CALL), end})) << "a call";
    EXPECT_FALSE(is_plain({instruction(BPF_JMP | BPF_CALL, BPF_PSEUDO_CALL), end}));
    EXPECT_FALSE(is_plain({instruction(BPF_LD | BPF_IMM | BPF_DW, BPF_PSEUDO_MAP_FD), rest, end}))
        << "a map by descriptor";
    EXPECT_FALSE(is_plain({instruction(BPF_LD | BPF_IMM | BPF_DW, BPF_PSEUDO_BTF_ID), rest, end}));
    EXPECT_FALSE(is_plain({wide, end})) << "half a number";
    EXPECT_FALSE(is_plain({end, wide})) << "and at the end";
    EXPECT_FALSE(is_plain({instruction(BPF_STX | BPF_ATOMIC | BPF_DW), end}));
    EXPECT_FALSE(is_plain({instruction(BPF_LD | BPF_ABS | BPF_W), end}));
    EXPECT_FALSE(is_plain(std::vector<bpf_insn>(most_instructions + 1, end)));
}

} // namespace
} // namespace runner
