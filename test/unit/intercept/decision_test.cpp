#include "daemon/intercept/decision.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "test/unit/intercept/packets.h"

namespace intercept {
namespace {

/// The numbers of x86_64.
enum Number {
    mount = 165,
    setxattr = 188,
    mknod = 133,
    mknodat = 259,
    sched_setscheduler = 144,
    sysinfo = 99,
    bpf = 321
};

/// A caller's memory, piece by piece.
class Memory {
public:
    uint64_t put(std::string bytes) {
        const uint64_t address = 0x1000 * (pieces_.size() + 1);
        pieces_[address] = std::move(bytes);
        return address;
    }
    uint64_t text(const std::string& text) { return put(text + '\0'); }
    ReadMemory reader() const {
        return [this](uint64_t address, size_t size) {
            const auto found = pieces_.find(address);
            return found == pieces_.end() ? std::string() : found->second.substr(0, size);
        };
    }

private:
    std::map<uint64_t, std::string> pieces_;
};

Decision decided(const Memory& memory, int number, std::array<uint64_t, 6> arguments, const Settings& settings = {},
                 uint32_t architecture = AUDIT_ARCH_X86_64) {
    const auto call = parse(test::packet({.architecture = architecture, .number = number, .arguments = arguments}));
    return decide(*call, settings, memory.reader());
}

constexpr uint64_t device(unsigned major, unsigned minor) {
    return major << 8U | (minor & 0xffU) | (minor & ~0xffU) << 12U;
}

TEST(Decision, HarmlessCharacterDevicesAreMade) {
    Memory memory;
    const auto path = memory.text("/tmp/null");
    EXPECT_EQ(
        decided(memory, mknod, {path, S_IFCHR | 0644, device(1, 3)}),
        Decision(Work{{"mknod", std::to_string(AT_FDCWD), "/tmp/null", std::to_string(S_IFCHR | 0644), "1", "3"}}));
    EXPECT_EQ(decided(memory, mknodat, {7, path, S_IFCHR, device(5, 0)}),
              Decision(Work{{"mknod", "7", "/tmp/null", std::to_string(S_IFCHR), "5", "0"}}));
    // The upper half of a register is nobody's.
    EXPECT_EQ(decided(memory, mknodat, {0xffffffff00000007, path, S_IFCHR, device(1, 9)}),
              Decision(Work{{"mknod", "7", "/tmp/null", std::to_string(S_IFCHR), "1", "9"}}));
}

TEST(Decision, OtherNodesAreTheKernelsToRefuse) {
    Memory memory;
    const auto path = memory.text("/tmp/x");
    for (const auto& [mode, number] : {std::pair<uint64_t, uint64_t>{S_IFBLK, device(1, 3)},
                                       {S_IFCHR, device(1, 1)},
                                       {S_IFCHR, device(8, 0)},
                                       {S_IFCHR, device(1, 259)}, // 3, were it 8 bits
                                       {S_IFCHR, device(0, 0)},   // a whiteout, which the kernel allows
                                       {S_IFREG, 0}})
        EXPECT_EQ(decided(memory, mknod, {path, mode, number}), Decision(go_on)) << mode << " " << number;
    EXPECT_EQ(decided(memory, mknod, {0xdead0000, S_IFCHR, device(1, 3)}), Decision(go_on)) << "no memory there";
    EXPECT_EQ(decided(memory, mknod, {memory.put("endless"), S_IFCHR, device(1, 3)}), Decision(go_on)) << "no end";
    EXPECT_EQ(decided(memory, mknod, {memory.text(""), S_IFCHR, device(1, 3)}), Decision(go_on));
}

TEST(Decision, OnlyTheMarkOfOverlaysIsSet) {
    Memory memory;
    const auto path = memory.text("/upper");
    const auto name = memory.text("trusted.overlay.opaque");
    const auto yes = memory.put("y");
    EXPECT_EQ(decided(memory, setxattr, {path, name, yes, 1, 2}), Decision(Work{{"setxattr", "/upper", "2"}}));
    EXPECT_EQ(decided(memory, setxattr, {path, name, memory.put("x"), 1, 0}), Decision(go_on));
    EXPECT_EQ(decided(memory, setxattr, {path, name, yes, 2, 0}), Decision(go_on));
    EXPECT_EQ(decided(memory, setxattr, {path, memory.text("trusted.other"), yes, 1, 0}), Decision(go_on));
}

TEST(Decision, FilesystemsAreMountedAsTheyAreConfigured) {
    Memory memory;
    const auto source = memory.text("/dev/x");
    const auto target = memory.text("/mnt");
    const auto data = memory.text("a=b");
    const auto ext4 = memory.text("ext4");
    const Settings settings{"c1", {{"ext4", ""}, {"ntfs", "ntfs-3g"}}, true, false};
    EXPECT_EQ(decided(memory, mount, {source, target, ext4, 1, data}, settings),
              Decision(Work{{"mount", "ext4", "/dev/x", "/mnt", "1", "a=b", "map"}}));
    EXPECT_EQ(decided(memory, mount, {source, target, memory.text("ntfs"), 0, 0}, settings),
              Decision(Work{{"mount-fuse", "ntfs-3g", "/dev/x", "/mnt", "0", ""}}));
    EXPECT_EQ(decided(memory, mount, {source, target, ext4, 0xC0ED0000, 0}, settings),
              Decision(Work{{"mount", "ext4", "/dev/x", "/mnt", "0", "", "map"}}));
    EXPECT_EQ(decided(memory, mount, {source, target, memory.text("xfs"), 0, 0}, settings), Decision(go_on));
    for (const uint64_t other : {1UL << 18U /* private */, 1UL << 12U /* bind */, 32UL /* remount */})
        EXPECT_EQ(decided(memory, mount, {source, target, ext4, other, 0}, settings), Decision(go_on)) << other;
    EXPECT_EQ(decided(memory, mount, {source, target, ext4, 0, 0}), Decision(go_on)) << "nothing is allowed";
}

TEST(Decision, TheRestIsForRunnersThatSeeTheCaller) {
    Memory memory;
    const auto priority = memory.put(std::string("\x05\0\0\0", 4));
    EXPECT_EQ(decided(memory, sched_setscheduler, {12, 1, priority}),
              Decision(Work{{"sched_setscheduler", "12", "1", "5"}}));
    EXPECT_EQ(decided(memory, sched_setscheduler, {0xffffffff, 1, priority}), Decision(go_on)) << "a negative number";
    EXPECT_EQ(decided(memory, sched_setscheduler, {12, 1, memory.put("\x05")}), Decision(go_on)) << "cut short";
    EXPECT_EQ(decided(memory, sysinfo, {0x5000}, {"c1", {}, false, false}),
              Decision(Work{{"sysinfo", "c1", "1234", std::to_string(0x5000)}}));
    EXPECT_EQ(decided(memory, 116, {0x5000}, {}, AUDIT_ARCH_I386), Decision(go_on)) << "another struct";
    EXPECT_EQ(decided(memory, bpf, {5, 0x6000, 72}, {"c1", {}, false, true}),
              Decision(Work{{"bpf", "5", std::to_string(0x6000), "72"}}));
    EXPECT_EQ(decided(memory, bpf, {5, 0x6000, 72}), Decision(go_on)) << "not asked for";
    EXPECT_EQ(decided(memory, bpf, {0, 0x6000, 72}, {"c1", {}, false, true}), Decision(go_on)) << "a map";
    EXPECT_EQ(decided(memory, 0, {}), Decision(go_on)) << "a call that nobody intercepts";
    EXPECT_EQ(decided(memory, -1, {}), Decision(go_on));
}

} // namespace
} // namespace intercept
