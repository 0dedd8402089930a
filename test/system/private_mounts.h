#pragma once
// The main function of tests that mount filesystems: what they mount, nobody else sees, and the kernel unmounts.

#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/mount.h>
#include <unistd.h>

#include "daemon/base/process.h"

namespace storage {

/// Empty where such tests can run, or why they cannot.
inline std::string reason_to_skip(std::string_view program) {
    if (::geteuid() != 0) return "needs root";
    if (base::find_program(program).empty()) return fmt::format("{} is not installed", program);
    if (::unshare(CLONE_NEWNS) < 0) return fmt::format("no mount namespace of its own: {}", std::strerror(errno));
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
        return fmt::format("mounts cannot be made private: {}", std::strerror(errno));
    return "";
}

/// 77, which says skipped, where nothing could be tested.
inline int run_with_private_mounts(int argc, char** argv, std::string_view program) {
    testing::InitGoogleTest(&argc, argv);
    if (const auto reason = reason_to_skip(program); !reason.empty()) {
        fmt::print("skipped: {}\n", reason);
        return 77;
    }
    const int result = RUN_ALL_TESTS();
    const auto& run = *testing::UnitTest::GetInstance();
    return result == 0 && run.successful_test_count() == 0 ? 77 : result;
}

} // namespace storage
