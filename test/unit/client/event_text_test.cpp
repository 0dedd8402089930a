#include "client/commands/event_text.h"

#include <gtest/gtest.h>

#include "schema/error.h"

namespace client {
namespace {

using schema::Json;

const Json& event() {
    static const auto parsed = Json::parse(R"({"type": "logging", "timestamp": "2026-01-02T03:04:05.678Z",
        "metadata": {"level": "info", "message": "Started it", "context": {"name": "c 1", "pid": "7"}}})");
    return parsed;
}

constexpr int debug = 5;

TEST(EventText, ForProgramsIsKeysAndValues) {
    EXPECT_EQ(event_text(event(), debug),
              "time=\"2026-01-02T03:04:05Z\" level=info msg=\"Started it\" name=\"c 1\" pid=7\n");
}

TEST(EventText, ForPeopleIsInColumns) {
    EXPECT_EQ(event_text(event(), debug, EventStyle::plain),
              "INFO   [2026-01-02T03:04:05Z] Started it                                    name=\"c 1\" pid=7\n");
    EXPECT_EQ(event_text(event(), debug, EventStyle::coloured),
              "\033[36mINFO   \033[0m[2026-01-02T03:04:05Z] Started it                                   "
              " \033[36mname\033[0m=\"c 1\" \033[36mpid\033[0m=7\n");
}

TEST(EventText, LeavesOutWhatIsBeyondTheLevel) {
    EXPECT_EQ(event_text(event(), level_rank("warning")), "");
    EXPECT_NE(event_text(event(), level_rank("info")), "");
    EXPECT_THROW(level_rank("rubbish"), schema::Error);
}

} // namespace
} // namespace client
