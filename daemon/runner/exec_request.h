#pragma once
// What the daemon tells `lxd-runner exec`, and hears from it.
//
// The request is one JSON text on descriptor 3, up to end of file. Descriptor 4 is a socket on which the runner sends
// lines: "pid N" with a pidfd of the command attached, then "exit N" when it has ended; or "error TEXT" alone when the
// container could not be entered. 0, 1 and 2 are the command's own. The command, inside by then, begins when a byte can
// be read from descriptor 5, and not at all at its end.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "schema/json.h"

namespace runner {

constexpr int exec_request_fd = 3;
constexpr int exec_report_fd = 4;
constexpr int exec_gate_fd = 5;

struct ExecRequest {
    std::vector<std::string> command;
    std::vector<std::string> environment; // "KEY=VALUE"
    std::string cwd;
    uint32_t uid = 0;
    uint32_t gid = 0;
    bool terminal = false; // 0 becomes the controlling terminal
};

inline std::string encode(const ExecRequest& request) {
    return schema::Json::empty_object()
        .set("command", request.command)
        .set("environment", request.environment)
        .set("cwd", request.cwd)
        .set("uid", request.uid)
        .set("gid", request.gid)
        .set("terminal", request.terminal)
        .dump();
}

inline ExecRequest decode_exec_request(std::string_view text) {
    const auto json = schema::Json::parse(text);
    ExecRequest request;
    schema::json::read(json, "command", request.command);
    schema::json::read(json, "environment", request.environment);
    schema::json::read(json, "cwd", request.cwd);
    schema::json::read(json, "uid", request.uid);
    schema::json::read(json, "gid", request.gid);
    schema::json::read(json, "terminal", request.terminal);
    return request;
}

} // namespace runner
