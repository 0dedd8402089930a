#include <gtest/gtest.h>
#include <linux/audit.h>

#include "schema/error.h"
#include "schema/keys/instance.h"
#include "schema/keys/syscalls.h"
#include "schema/seccomp_rules.h"

namespace schema {
namespace {

template <class Attempt> std::string refusal_of(Attempt attempt) {
    try {
        attempt();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::bad_request);
        return error.what();
    }
    return "";
}

std::string refusal_of(const Config& config) {
    return refusal_of([&] { check_instance_config(config, ConfigOwner::profile); });
}

TEST(SeccompRules, TakesLiblxcsLines) {
    EXPECT_NO_THROW(check_seccomp_rules("# a comment\n\nread\n[x86_64]\nmknod errno 1\n[ALL]\nclone kill # why\n"
                                        "mknodat notify [2,8192,SCMP_CMP_MASKED_EQ,61440]\nreject_force_umount  # not\n"
                                        "ioctl errno 1 [1,0x5411,==][0,2,>=]\ncompat_sys_ioctl errno 38\n"
                                        "socketcall trap\n")); // of other architectures than this, too
}

TEST(SeccompRules, NamesTheLineAndWhatIsWrongWithIt) {
    const std::pair<std::string, std::string> table[] = {
        {"read\nfoo", "line 2: unknown system call \"foo\""},
        {" read", "line 1: unknown system call \"\""},
        {"read\tkill", "line 1: unknown system call \"read\\tkill\""},
        {"read maybe", "line 1: unknown action \"maybe\""},
        {"read errno x", "line 1: \"x\" is no error number"},
        {"read errno 5000", "line 1: \"5000\" is no error number"},
        {"[vax]", "line 1: unknown architecture \"[vax]\""},
        {"[x86_64", "line 1: unknown architecture \"[x86_64\""},
        {"read errno 1 [6,0,==]", "line 1: \"[6,0,==]\" is no condition on an argument"},
        {"read errno 1 [0,x,==]", "line 1: \"[0,x,==]\" is no condition on an argument"},
        {"read errno 1 [0,0,=]", "line 1: \"[0,0,=]\" is no condition on an argument"},
        {"read errno 1 [0,0,==] more", "line 1: \"more\" is no condition on an argument"},
        {"read errno 1 [0,0,==", "line 1: \"[0,0,==\" is no condition on an argument"},
        {"read [0,0,==]", "line 1: unknown action \"\""},
    };
    for (const auto& [text, wanted] : table)
        EXPECT_EQ(refusal_of([&] { check_seccomp_rules(text); }), "Invalid seccomp policy: " + wanted) << text;
}

TEST(SeccompRules, AWholePolicyNamesItsVersionAndItsList) {
    const std::pair<std::string, std::string> table[] = {
        {"2\ndenylist\n[all]\nread\n", ""},
        {"2\nwhitelist errno 1\nread\n", ""},
        {"1\nallowlist\n103\n# 7\n", ""},
        {"", "line 1: \"\" is no version (1 or 2)"},
        {"3\nallowlist", "line 1: \"3\" is no version (1 or 2)"},
        {"2", "line 2: the kind of list is missing"},
        {"2\nread", "line 2: \"read\" is neither \"allowlist\" nor \"denylist\""},
        {"1\ndenylist", "line 2: version 1 has no \"denylist\""},
        {"1\nallowlist\nread", "line 3: \"read\" is no number of a system call"},
        {"2\nallowlist\nfoo", "line 3: unknown system call \"foo\""},
    };
    for (const auto& [text, wanted] : table)
        EXPECT_EQ(refusal_of([&] { check_seccomp_policy(text); }),
                  wanted.empty() ? "" : "Invalid seccomp policy: " + wanted);
}

TEST(SyscallNames, OfEachArchitecture) {
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, 133), "mknod");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_I386, 14), "mknod");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, 0x40000000 | 133), "mknod");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_AARCH64, 33), "mknodat");
    EXPECT_EQ(syscall_name(AUDIT_ARCH_X86_64, -1), "");
    EXPECT_EQ(syscall_name(0, 1), "");
}

TEST(SyscallKeys, OldNamesStandForNewOnesButNotBesideThem) {
    EXPECT_EQ(syscall_key({{"security.syscalls.blacklist", "read"}}, "deny"), "read");
    EXPECT_EQ(syscall_key({{"security.syscalls.deny", "read"}}, "deny"), "read");
    const std::string s = "security.syscalls.";
    for (const auto& [name, older] : {std::pair{"deny", "blacklist"}, {"allow", "whitelist"}})
        EXPECT_EQ(refusal_of(Config{{s + name, "read"}, {s + older, "read"}}),
                  "Mutually exclusive keys " + s + name + " and " + s + older + " are set");
    EXPECT_EQ(refusal_of(Config{{s + "deny_default", "1"}, {s + "blacklist_default", "1"}}),
              "Mutually exclusive keys security.syscalls.deny_default and security.syscalls.blacklist_default are set");
}

TEST(SyscallKeys, ExcludeOneAnotherAsLxdSays) {
    EXPECT_EQ(refusal_of(Config{{"raw.seccomp", "2\ndenylist\n"}, {"security.syscalls.deny", "read"}}),
              "raw.seccomp is mutually exclusive with security.syscalls*");
    EXPECT_EQ(refusal_of(Config{{"security.syscalls.whitelist", "read"}, {"security.syscalls.deny_compat", "yes"}}),
              "security.syscalls.allow is mutually exclusive with security.syscalls.deny*");
    EXPECT_EQ(refusal_of(Config{{"security.syscalls.allow", "read"}, {"security.syscalls.deny_default", "false"}}), "");
}

TEST(SyscallKeys, TellTheFilesystemsToMount) {
    Config config{{"security.syscalls.intercept.mount.allowed", "ext4,xfs"},
                  {"security.syscalls.intercept.mount.fuse", "ntfs=ntfs-3g"}};
    EXPECT_TRUE(mountable_filesystems(config).empty());
    config["security.syscalls.intercept.mount"] = "true";
    EXPECT_EQ(mountable_filesystems(config),
              (std::map<std::string, std::string>{{"ext4", ""}, {"xfs", ""}, {"ntfs", "ntfs-3g"}}));
    config["security.syscalls.intercept.mount.fuse"] = "ext4=fuse2fs";
    EXPECT_EQ(refusal_of([&] { check_syscall_keys(config); }),
              "Filesystem ext4 cannot appear in security.syscalls.intercept.mount.allowed and "
              "security.syscalls.intercept.mount.fuse");
    config["security.syscalls.intercept.mount.fuse"] = "ext4";
    EXPECT_EQ(refusal_of([&] { check_syscall_keys(config); }),
              "security.syscalls.intercept.mount.fuse is not of the form 'filesystem=fuse-binary': ext4");
}

} // namespace
} // namespace schema
