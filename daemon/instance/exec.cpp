#include "daemon/instance/exec.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/files.h"
#include "daemon/instance/pumps.h"
#include "daemon/instance/terminal.h"
#include "schema/error.h"

namespace instance {

using base::WebSocket;

namespace {

/// The operation's own record of the streams' end, as LXD's: an empty text message, then a close frame.
void finish(WebSocket& socket) {
    socket.send(WebSocket::Kind::text, "");
    socket.close();
}

Sink sink_of(WebSocket& socket) {
    return [&socket](std::string_view data) { return socket.send(WebSocket::Kind::binary, data); };
}

/// The command starts in its folder, or else in its home (liblxc takes `/` where that is missing).
ExecRequest exec_request(const schema::InstanceExecPost& post) {
    ExecRequest request;
    request.command = post.command;
    request.environment.assign(post.environment.begin(), post.environment.end());
    request.uid = post.user;
    request.gid = post.group;
    request.cwd = post.cwd;
    if (const auto home = post.environment.find("HOME"); request.cwd.empty() && home != post.environment.end())
        request.cwd = home->second;
    return request;
}

std::vector<std::string> socket_names(bool interactive) {
    if (interactive) return {"0", "control"};
    return {"0", "1", "2", "control"};
}

} // namespace

std::map<std::string, std::string> exec_environment(const schema::InstanceExecPost& post,
                                                    const schema::Config& expanded_config,
                                                    const std::vector<std::string>& extra_path) {
    constexpr std::string_view prefix = "environment.";
    auto environment = post.environment;
    for (auto key = expanded_config.lower_bound(std::string(prefix));
         key != expanded_config.end() && key->first.starts_with(prefix); ++key)
        environment.try_emplace(key->first.substr(prefix.size()), key->second);
    std::string path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
    for (const auto& folder : extra_path) path += ":" + folder;
    environment.try_emplace("PATH", path);
    if (post.user == 0) {
        environment.try_emplace("HOME", "/root");
        environment.try_emplace("USER", "root");
    }
    environment.try_emplace("LANG", "C.UTF-8");
    return environment;
}

std::vector<std::string> extra_path(pid_t init_pid) {
    constexpr std::array<std::pair<const char*, const char*>, 2> places{
        {{"/snap", "/snap/bin"}, {"/etc/NIXOS", "/run/current-system/sw/bin"}}};
    std::vector<std::string> folders;
    for (const auto& [mark, folder] : places)
        if (base::exists(fmt::format("/proc/{}/root{}", init_pid, mark))) folders.emplace_back(folder);
    return folders;
}

WebSocketExec::WebSocketExec(Runtime& runtime, base::WorkerPool& workers, std::string name, pid_t init_pid,
                             schema::InstanceExecPost post)
    : runtime_(runtime), name_(std::move(name)), init_pid_(init_pid), post_(std::move(post)),
      sockets_(socket_names(post_.interactive)), jobs_(workers),
      ended_(base::checked(::eventfd(0, EFD_CLOEXEC), "eventfd")) {}

/// The control socket is awaited only where an old client would connect it too: with a terminal.
void WebSocketExec::wait_for_sockets(const base::CancelToken& cancel) {
    auto names = socket_names(post_.interactive);
    if (!post_.interactive) names.pop_back();
    sockets_.wait_for(names, cancel);
}

void WebSocketExec::close_sockets() {
    sockets_.hang_up();
    jobs_.wait();
    sockets_.forget();
}

int WebSocketExec::run(const base::CancelToken& cancel) {
    const CloseAtEnd close_at_end{*this};
    // A client that reads nothing must not keep a cancelled command's operation.
    const auto on_cancel = cancel.on_cancel([this] { sockets_.hang_up(); });
    return post_.interactive ? run_with_terminal(cancel) : run_with_pipes(cancel);
}

int WebSocketExec::run_with_pipes(const base::CancelToken& cancel) {
    auto in = base::make_pipe();
    auto out = base::make_pipe();
    auto err = base::make_pipe();
    auto wanted = exec_request(post_);
    wanted.fds[0] = in.read_end.get();
    wanted.fds[1] = out.write_end.get();
    wanted.fds[2] = err.write_end.get();
    const auto session = runtime_.exec(name_, wanted);
    in.read_end.reset();
    out.write_end.reset();
    err.write_end.reset();
    wait_for_sockets(cancel);
    session->go();
    for (const auto fd : {in.write_end.get(), out.read_end.get(), err.read_end.get()}) set_nonblocking(fd);

    jobs_.start([this, socket = sockets_.find("0"), fd = std::make_shared<base::Fd>(std::move(in.write_end))] {
        pump_input(*socket, fd->get(), ended_.get());
        fd->reset();
        socket->discard_input();
    });
    std::mutex mutex;
    std::condition_variable done;
    int pumping = 2;
    const auto pump = [&](const char* name, int fd) {
        jobs_.start([&, fd, socket = sockets_.find(name)] {
            pump_output(fd, ended_.get(), sink_of(*socket), AtEnd::drain);
            finish(*socket);
            const std::scoped_lock lock(mutex);
            --pumping;
            done.notify_all();
        });
    };
    const CloseAtEnd close_at_end{*this}; // whatever happens, before what the jobs refer to goes
    pump("1", out.read_end.get());
    pump("2", err.read_end.get());
    // A client that has no control socket and goes away is noticed here: nothing is ever received on its output.
    sockets_.find("1")->discard_input();
    const auto code = supervise(*session, cancel, -1);
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return pumping == 0; });
    return code;
}

int WebSocketExec::run_with_terminal(const base::CancelToken& cancel) {
    auto terminal = open_terminal(init_pid_);
    const auto master = terminal.master.get();
    if (post_.width > 0 && post_.height > 0) resize_terminal(master, post_.width, post_.height);
    auto wanted = exec_request(post_);
    wanted.terminal = true;
    std::fill(std::begin(wanted.fds), std::end(wanted.fds), terminal.slave.get());
    const auto session = runtime_.exec(name_, wanted);
    terminal.slave.reset();
    wait_for_sockets(cancel);
    session->go();

    const auto socket = sockets_.find("0");
    std::mutex mutex;
    std::condition_variable done;
    bool pumping = true;
    const CloseAtEnd close_at_end{*this}; // whatever happens, before what the jobs refer to goes
    jobs_.start([this, socket, master] { pump_input(*socket, master, ended_.get()); });
    jobs_.start([&] {
        pump_output(master, ended_.get(), sink_of(*socket), AtEnd::drain);
        finish(*socket);
        const std::scoped_lock lock(mutex);
        pumping = false;
        done.notify_all();
    });
    const auto code = supervise(*session, cancel, master);
    std::unique_lock lock(mutex);
    done.wait(lock, [&] { return !pumping; });
    return code;
}

/// Waits for the command while the client's control messages, its going away and cancelling reach it.
int WebSocketExec::supervise(ExecSession& session, const base::CancelToken& cancel, int terminal) {
    const auto on_cancel = cancel.on_cancel([&session] { session.signal(SIGKILL); });
    const auto alive = std::make_shared<std::pair<std::mutex, ExecSession*>>();
    alive->second = &session;
    const auto kill_if_alive = [alive] {
        const std::scoped_lock lock(alive->first);
        if (alive->second != nullptr) alive->second->signal(SIGKILL);
    };
    jobs_.start([this, alive, terminal, kill_if_alive] {
        const auto socket = sockets_.await("control");
        if (!socket) return;
        while (const auto message = socket->receive()) {
            const std::scoped_lock lock(alive->first);
            if (alive->second == nullptr) return;
            try {
                const auto command = schema::Json::parse(message->data);
                const auto& name = command["command"];
                if (name == schema::Json("window-resize") && terminal >= 0)
                    resize_terminal(terminal, number_in(command["args"], "width"),
                                    number_in(command["args"], "height"));
                else if (name == schema::Json("signal"))
                    alive->second->signal(number_in(command, "signal"));
            } catch (const schema::Error&) { // What is no command is ignored, as LXD does.
            }
        }
        kill_if_alive();
    });
    // Without a control socket, the loss of the output says that the client has gone. `alive` is asked first: once the
    // command has ended, this object may be gone too.
    sockets_.find(post_.interactive ? "0" : "1")->on_closed([this, alive] {
        const std::scoped_lock lock(alive->first);
        if (alive->second == nullptr) return;
        if (!sockets_.find("control")) alive->second->signal(SIGKILL);
    });

    struct End {
        WebSocketExec& exec;
        std::pair<std::mutex, ExecSession*>& alive;
        ~End() {
            {
                const std::scoped_lock lock(alive.first);
                alive.second = nullptr;
            }
            exec.sockets_.end();
            const uint64_t one = 1;
            [[maybe_unused]] const auto written = ::write(exec.ended_.get(), &one, sizeof one);
        }
    } const end{*this, *alive};
    const auto code = session.wait();
    cancel.check();
    return code;
}

int run_detached(Runtime& runtime, const std::string& name, const schema::InstanceExecPost& post, int out, int err,
                 const base::CancelToken& cancel) {
    const auto nowhere = base::checked(::open("/dev/null", O_RDWR | O_CLOEXEC), "open /dev/null");
    auto request = exec_request(post);
    request.fds[0] = nowhere.get();
    request.fds[1] = out >= 0 ? out : nowhere.get();
    request.fds[2] = err >= 0 ? err : nowhere.get();
    const auto session = runtime.exec(name, request);
    session->go();
    const auto on_cancel = cancel.on_cancel([&session] { session->signal(SIGKILL); });
    const auto code = session->wait();
    cancel.check();
    return code;
}

} // namespace instance
