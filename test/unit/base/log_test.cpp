#include "daemon/base/log.h"

#include <vector>

#include <gtest/gtest.h>

#include "daemon/base/files.h"
#include "test/unit/base/temporary_folder.h"

namespace base {
namespace {

/// What a log writes to its file, each line without the time.
std::string written(LogLevel level, const std::function<void(Log&)>& use) {
    const test::TemporaryFolder folder;
    const auto path = folder.path() + "/lxd.log";
    {
        testing::internal::CaptureStderr();
        Log log({.level = level, .file = path});
        use(log);
        EXPECT_EQ(testing::internal::GetCapturedStderr(), read_file(path));
    }
    std::string rest;
    const auto content = read_file(path);
    for (size_t at = 0; at < content.size();) {
        const auto end = content.find('\n', at);
        const auto line = content.substr(at, end - at);
        EXPECT_EQ(line.substr(0, 6), "time=\"");
        rest += line.substr(line.find("\" ") + 2) + "\n";
        at = end + 1;
    }
    return rest;
}

TEST(LogTest, ValuesAreQuotedOnlyWhereTheyNeedIt) {
    EXPECT_EQ(written(LogLevel::debug,
                      [](Log& log) {
                          log.info("LXD is starting", {{"version", "5.0.2"}, {"path", "/var/lib/lxd"}});
                          log.warning("Odd", {{"empty", ""}, {"text", "a \"b\"\n\\ \x01 é"}});
                      }),
              "level=info msg=\"LXD is starting\" path=/var/lib/lxd version=5.0.2\n"
              "level=warning msg=Odd empty= text=\"a \\\"b\\\"\\n\\\\ \\x01 é\"\n");
}

TEST(LogTest, OnlyTheWantedLevelsArePrinted) {
    EXPECT_EQ(written(LogLevel::warning,
                      [](Log& log) {
                          log.debug("a");
                          log.info("b");
                          log.warning("c");
                          log.error("d");
                      }),
              "level=warning msg=c\nlevel=error msg=d\n");
}

TEST(LogTest, TheListenerGetsEveryLevel) {
    testing::internal::CaptureStderr();
    Log log({.level = LogLevel::error});
    std::vector<std::string> heard;
    log.set_listener(
        [&](const LogRecord& record) {
            heard.push_back(std::string(level_name(record.level)) + ":" + record.message + ":" +
                            std::to_string(record.context.size()));
        },
        [](LogLevel) { return true; });
    log.trace("a");
    log.debug("b", {{"x", "y"}});
    log.error("c");
    testing::internal::GetCapturedStderr();
    EXPECT_EQ(heard, (std::vector<std::string>{"trace:a:0", "debug:b:1", "error:c:0"}));
}

TEST(LogTest, ALevelIsWantedThatIsPrintedOrListenedTo) {
    Log log({.level = LogLevel::error});
    EXPECT_FALSE(log.wants(LogLevel::warning));
    EXPECT_TRUE(log.wants(LogLevel::error));
    std::vector<std::string> heard;
    log.set_listener([&](const LogRecord& record) { heard.push_back(record.message); },
                     [](LogLevel level) { return level == LogLevel::info; });
    EXPECT_TRUE(log.wants(LogLevel::info));
    EXPECT_FALSE(log.wants(LogLevel::debug));
    log.debug("a");
    log.info("b");
    EXPECT_EQ(heard, std::vector<std::string>{"b"});
}

} // namespace
} // namespace base
