#include "client/exec_session.h"

#include <atomic>
#include <csignal>
#include <exception>
#include <list>
#include <thread>

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "client/control_messages.h"
#include "daemon/base/fd.h"
#include "schema/error.h"

namespace client {

namespace {

using schema::Json;

/// Starts a thread that takes no signals: they are the main thread's. But a reader of our output that went away ends
/// the program, as it would without threads.
std::thread quiet_thread(std::function<void()> work) {
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::sigdelset(&all, SIGPIPE);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);
    std::thread thread(std::move(work));
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return thread;
}

/// A hang-up means that the terminal is gone: without one the program is asked to end instead.
int signal_to_forward(int signal) {
    if (signal != SIGHUP) return signal;
    const base::Fd terminal(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_NOFOLLOW | O_CLOEXEC));
    return terminal ? SIGHUP : SIGTERM;
}

class ExecSession {
public:
    ExecSession(Server& server, const Reply& started, const ExecStreams& streams)
        : server_(server), id_(operation_id(started.operation)), fds_(started.metadata["metadata"]["fds"]),
          streams_(streams) {}
    ~ExecSession() {
        for (auto& socket : sockets_) socket.shut_down();
        for (auto& thread : outputs_) thread.join();
        if (waiter_.joinable()) waiter_.join();
    }
    ExecSession(const ExecSession&) = delete;
    ExecSession& operator=(const ExecSession&) = delete;

    Json run() {
        if (fds_["control"].is_string()) serve_signals(open("control", &loop_));
        if (streams_.interactive) {
            auto& terminal = open("0", &loop_);
            loop_.send_from(terminal, streams_.input);
            output_open_ = true;
            loop_.receive_to(terminal, STDOUT_FILENO, [this, &terminal] {
                terminal.shut_down(); // The server ends the operation when we have hung up.
                output_open_ = false;
                stop_if_done();
            });
        } else {
            auto& input = open("0", &loop_);
            loop_.send_from(input, streams_.input);
            auto& output = open("1", nullptr);
            auto& errors = open("2", nullptr);
            print_to(output, STDOUT_FILENO, input);
            print_to(errors, STDERR_FILENO, input);
        }
        wait_for_end();
        loop_.run();
        waiter_.join();
        if (failure_ || has_failed()) { // Nothing more will come; what is still open is not waited for.
            for (auto& socket : sockets_) socket.shut_down();
        }
        for (auto& thread : outputs_) thread.join();
        outputs_.clear();
        if (failure_) std::rethrow_exception(failure_);
        return operation_;
    }

private:
    WebSocket& open(const std::string& fd, StreamLoop* loop) {
        const auto& secret = fds_[fd];
        if (!secret.is_string()) throw schema::failure("The server offers no stream \"{}\" for the command", fd);
        return sockets_.emplace_back(server_.connection().open_websocket(
            "/1.0/operations/" + id_ + "/websocket?secret=" + secret.as_string(), loop));
    }

    void serve_signals(WebSocket& control) {
        static const std::vector<int> forwarded{SIGWINCH, SIGTERM, SIGHUP,  SIGINT,  SIGQUIT, SIGABRT, SIGTSTP,
                                                SIGTTIN,  SIGTTOU, SIGUSR1, SIGUSR2, SIGSEGV, SIGCONT};
        loop_.on_signals(forwarded, [this, &control](int signal) {
            if (signal != SIGWINCH) return loop_.send_text(control, signal_message(signal_to_forward(signal)));
            // Programs without a terminal would only be confused by its size.
            if (!streams_.interactive) return;
            if (const auto size = terminal_size(STDOUT_FILENO)) loop_.send_text(control, resize_message(*size));
        });
    }

    void print_to(WebSocket& socket, int fd, WebSocket& input) {
        outputs_.push_back(quiet_thread([this, &socket, fd, &input] {
            try {
                socket.receive_to(fd);
            } catch (const std::exception&) { // Our reader is gone; the rest of the output has nowhere to go.
            }
            socket.shut_down();
            if (++ended_outputs_ == 2) input.shut_down(); // Nobody is left to read it.
        }));
    }

    void wait_for_end() {
        waiter_ = quiet_thread([this] {
            try {
                operation_ = server_.outcome(id_);
            } catch (...) {
                failure_ = std::current_exception();
            }
            loop_.post([this] {
                ended_ = true;
                if (failure_ || has_failed()) output_open_ = false;
                stop_if_done();
            });
        });
    }

    bool has_failed() const {
        const auto& error = operation_["err"];
        return error.is_string() && !error.as_string().empty();
    }
    void stop_if_done() {
        if (ended_ && !output_open_) loop_.stop();
    }

    Server& server_;
    std::string id_;
    Json fds_;
    ExecStreams streams_;
    StreamLoop loop_;              // Outlives the sockets, which belong to it.
    std::list<WebSocket> sockets_; // The loop and the threads hold references into it.
    std::list<std::thread> outputs_;
    std::thread waiter_;
    Json operation_;
    std::exception_ptr failure_;
    std::atomic<int> ended_outputs_ = 0;
    bool ended_ = false;       // Both are the loop's thread's alone.
    bool output_open_ = false; // of an interactive session
};

} // namespace

Json run_exec_session(Server& server, const Reply& started, const ExecStreams& streams) {
    return ExecSession(server, started, streams).run();
}

} // namespace client
