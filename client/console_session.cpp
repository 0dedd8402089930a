#include "client/console_session.h"

#include <csignal>
#include <cstdio>

#include <unistd.h>

#include "client/control_messages.h"
#include "client/instances.h"
#include "client/session.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

constexpr char ctrl_a = 1;

Json console_request(const TerminalSize& size, const std::string& type) {
    auto request = Json::empty_object();
    return request.set("width", size.columns).set("height", size.rows).set("type", type);
}

/// The streams of a started console.
class ConsoleSession {
public:
    ConsoleSession(Server& server, const Reply& started)
        : server_(server), id_(operation_id(started.operation)), control_(open(started, "control")),
          terminal_(open(started, "0")) {}

    /// Returns when it is over on either side: true when the user has left.
    bool run() {
        loop_.on_signals({SIGWINCH, SIGTERM, SIGHUP}, [this](int signal) {
            if (signal != SIGWINCH) return loop_.stop();
            if (const auto size = terminal_size(STDIN_FILENO)) loop_.send_text(control_, resize_message(*size));
        });
        loop_.send_from(terminal_, STDIN_FILENO, [this](std::string_view typed) {
            auto sent = escape_.pass(typed);
            if (escape_.has_left()) loop_.stop();
            return sent;
        });
        loop_.receive_to(terminal_, STDOUT_FILENO, [this] { loop_.stop(); });
        loop_.run();
        control_.close();
        terminal_.shut_down();
        return escape_.has_left();
    }

private:
    WebSocket open(const Reply& started, const std::string& fd) {
        const auto& secret = started.metadata["metadata"]["fds"][fd];
        if (!secret.is_string()) throw schema::failure("The server offers no stream \"{}\" for the console", fd);
        return server_.connection().open_websocket("/1.0/operations/" + id_ + "/websocket?secret=" + secret.as_string(),
                                                   &loop_);
    }

    Server& server_;
    std::string id_;
    StreamLoop loop_; // Outlives the sockets, which belong to it.
    WebSocket control_;
    WebSocket terminal_;
    ConsoleEscape escape_;
};

} // namespace

std::string ConsoleEscape::pass(std::string_view typed) {
    std::string sent;
    for (const char key : typed) {
        if (left_) break;
        if (key == ctrl_a && !armed_) {
            armed_ = true;
        } else if (key == 'q' && armed_) {
            left_ = true;
        } else {
            armed_ = false;
            sent += key;
        }
    }
    return sent;
}

void check_console_type(const std::string& type, std::string_view called) {
    if (type == "console") return;
    if (type != "vga") throw schema::bad_request("Unknown {} type \"{}\"", called, type);
    throw schema::bad_request("Only virtual machines have a \"vga\" console, and those cannot be used yet");
}

void run_console(Server& server, const std::string& instance, const std::string& type) {
    check_console_type(type);
    const auto size = terminal_size(STDIN_FILENO);
    if (!size) throw schema::bad_request("A console needs a terminal, which standard input is not");
    const RawMode raw(STDIN_FILENO);
    print("To detach from the console, press: <ctrl>+a q\n\r");
    std::fflush(stdout);
    const auto started = server.post(instance_url(instance) + "/console", console_request(*size, type));
    if (!ConsoleSession(server, started).run()) {
        server.wait(started);
        return;
    }
    // The console is free for the next one when its operation has ended. How it ends is of no interest any more: LXD
    // calls it a failure where something was still on its way.
    get_if_exists(server, "/1.0/operations/" + operation_id(started.operation) + "/wait?timeout=5");
}

} // namespace client
