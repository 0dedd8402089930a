#include "daemon/instance/console.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/instance/pumps.h"
#include "daemon/instance/terminal.h"
#include "schema/error.h"

namespace instance {

using base::WebSocket;

namespace {

/// What may wait for a slow client before it is cut off: the monitor must never wait for it, because then it answers
/// nothing else either.
constexpr size_t backlog = 4U << 20U;

/// As LXD ends the stream: to the start of a line, an empty text message, then a close frame.
void finish(WebSocket& socket) {
    socket.send_or_drop(WebSocket::Kind::binary, "\n\r", backlog);
    socket.send_or_drop(WebSocket::Kind::text, "", backlog);
    socket.close();
}

void raise(const base::Fd& event) {
    const uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one);
}

} // namespace

WebSocketConsole::WebSocketConsole(Runtime& runtime, base::WorkerPool& workers, std::string name, pid_t init_pid,
                                   schema::InstanceConsolePost post)
    : runtime_(runtime), name_(std::move(name)), init_pid_(init_pid), post_(std::move(post)),
      ended_(std::make_shared<base::Fd>(base::checked(::eventfd(0, EFD_CLOEXEC), "eventfd"))),
      sockets_({"0", "control"}), jobs_(workers) {}

void WebSocketConsole::resize(int terminal, int width, int height) const {
    if (width <= 0 || height <= 0) return;
    resize_terminal(terminal, width, height);
    // liblxc's monitor hands the bytes on, but not the size.
    resize_console(init_pid_, width, height);
}

void WebSocketConsole::run(const base::CancelToken& cancel, const std::function<void()>& attached) {
    Console console;
    const struct HangUp {
        WebSocketConsole& session;
        ~HangUp() {
            raise(*session.ended_);
            session.sockets_.hang_up();
            session.jobs_.wait(); // they use the terminal
            session.sockets_.forget();
        }
    } hang_up{*this};
    const auto on_cancel = cancel.on_cancel([this] {
        raise(*ended_);
        sockets_.hang_up();
    });
    sockets_.wait_for({"0"}, cancel);
    console = runtime_.open_console(name_);
    attached();
    serve(sockets_.find("0"), console.terminal.get());
    cancel.check();
}

void WebSocketConsole::serve(const std::shared_ptr<WebSocket>& data, int terminal) {
    set_nonblocking(terminal);
    resize(terminal, post_.width, post_.height);
    jobs_.start([this, data, terminal] {
        pump_input(*data, terminal, ended_->get());
        // Who only sends no more stays; who has closed the socket goes.
        data->on_closed([ended = ended_] { raise(*ended); });
        data->discard_input();
    });
    jobs_.start([this, terminal] { obey_control(terminal); });
    const auto sink = [&](std::string_view bytes) {
        return data->send_or_drop(WebSocket::Kind::binary, bytes, backlog);
    };
    pump_output(terminal, ended_->get(), sink, AtEnd::stop);
    finish(*data);
}

/// Ends the session with the control socket, as LXD does: that is how its clients leave.
void WebSocketConsole::obey_control(int terminal) {
    const auto socket = sockets_.await("control");
    if (!socket) return;
    while (const auto message = socket->receive()) {
        try {
            const auto command = schema::Json::parse(message->data);
            if (command["command"] == schema::Json("window-resize"))
                resize(terminal, number_in(command["args"], "width"), number_in(command["args"], "height"));
        } catch (const schema::Error&) { // What is no command is ignored, as LXD does.
        }
    }
    raise(*ended_);
}

} // namespace instance
