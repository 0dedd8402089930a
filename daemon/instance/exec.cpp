#include "daemon/instance/exec.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "daemon/base/crypto.h"
#include "daemon/base/files.h"
#include "daemon/instance/terminal.h"
#include "schema/error.h"

namespace instance {

using base::WebSocket;

namespace {

constexpr size_t chunk = 64U << 10U;

void set_nonblocking(int fd) {
    ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK);
}

/// Waits for an event on `fd`; false once the command has ended and there is none.
bool wait_for(int fd, short events, int ended) {
    std::array<pollfd, 2> waits{{{fd, events, 0}, {ended, POLLIN, 0}}};
    while (::poll(waits.data(), waits.size(), -1) < 0 && errno == EINTR) {
    }
    return waits[0].revents != 0;
}

/// Moves what the command writes to the client, until end of file or, when a process left behind holds the stream
/// open, until the command has ended and nothing waits.
void pump_output(int fd, int ended, WebSocket& socket) {
    std::string buffer(chunk, '\0');
    while (wait_for(fd, POLLIN, ended)) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0 && (errno == EINTR || errno == EAGAIN)) continue;
        if (count <= 0) break; // end of file; a terminal says EIO
        if (!socket.send(WebSocket::Kind::binary, {buffer.data(), static_cast<size_t>(count)})) break;
    }
}

/// False once nobody reads any more.
bool write_input(int fd, int ended, std::string_view data) {
    while (!data.empty()) {
        const auto count = ::write(fd, data.data(), data.size());
        if (count >= 0) {
            data.remove_prefix(static_cast<size_t>(count));
        } else if (errno == EAGAIN) {
            if (!wait_for(fd, POLLOUT, ended)) return false;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

/// Moves what the client sends to the command; a text message or the socket's end is end of file.
void pump_input(WebSocket& socket, int fd, int ended) {
    while (auto message = socket.receive()) {
        if (message->kind == WebSocket::Kind::text) break;
        if (!write_input(fd, ended, message->data)) break;
    }
}

/// The operation's own record of the streams' end, as LXD's: an empty text message, then a close frame.
void finish(WebSocket& socket) {
    socket.send(WebSocket::Kind::text, "");
    socket.close();
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

int number_in(const schema::Json& arguments, std::string_view key) {
    const auto& value = arguments[key];
    if (value.is_integer()) return static_cast<int>(value.as_integer());
    int number = 0;
    if (value.is_string())
        std::from_chars(value.as_string().data(), value.as_string().data() + value.as_string().size(), number);
    return number;
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
    : runtime_(runtime), workers_(workers), name_(std::move(name)), init_pid_(init_pid), post_(std::move(post)),
      ended_(base::checked(::eventfd(0, EFD_CLOEXEC), "eventfd")) {
    for (const auto* socket : {"0", "1", "2", "control"}) {
        const bool output = socket[0] == '1' || socket[0] == '2';
        if (!post_.interactive || !output) secrets_[socket] = base::random_hex(32);
    }
}

schema::Json WebSocketExec::fds() const {
    return {secrets_};
}

void WebSocketExec::connect(const std::string& secret, std::shared_ptr<WebSocket> socket) {
    const auto known =
        std::find_if(secrets_.begin(), secrets_.end(), [&](const auto& row) { return row.second == secret; });
    if (known == secrets_.end()) throw schema::forbidden("not authorized");
    const std::scoped_lock lock(mutex_);
    if (sockets_.contains(known->first)) throw schema::bad_request("Websocket number already connected");
    if (!socket) return;
    if (has_ended_) return socket->close();
    sockets_[known->first] = std::move(socket);
    changed_.notify_all();
}

/// The control socket is awaited only where an old client would connect it too: with a terminal.
void WebSocketExec::wait_for_sockets(const base::CancelToken& cancel) {
    const auto wake = cancel.on_cancel([this] {
        const std::scoped_lock lock(mutex_);
        changed_.notify_all();
    });
    std::unique_lock lock(mutex_);
    const bool complete = changed_.wait_for(lock, connect_timeout, [&] {
        return cancel.cancelled() || std::all_of(secrets_.begin(), secrets_.end(), [&](const auto& row) {
                   return sockets_.contains(row.first) || (row.first == "control" && !post_.interactive);
               });
    });
    cancel.check();
    if (!complete) throw schema::failure("Timed out waiting for websockets to connect");
}

void WebSocketExec::hang_up() {
    Sockets sockets;
    {
        const std::scoped_lock lock(mutex_);
        has_ended_ = true;
        sockets = sockets_;
    }
    for (auto& [name, socket] : sockets) socket->close();
}

void WebSocketExec::close_sockets() {
    hang_up();
    std::unique_lock lock(mutex_);
    changed_.notify_all();
    changed_.wait(lock, [&] { return jobs_ == 0; });
}

void WebSocketExec::start_job(std::function<void()> job) {
    {
        const std::scoped_lock lock(mutex_);
        ++jobs_;
    }
    workers_.run([this, job = std::move(job)] {
        job();
        const std::scoped_lock lock(mutex_);
        --jobs_;
        changed_.notify_all();
    });
}

int WebSocketExec::run(const base::CancelToken& cancel) {
    const CloseAtEnd close_at_end{*this};
    // A client that reads nothing must not keep a cancelled command's operation.
    const auto on_cancel = cancel.on_cancel([this] { hang_up(); });
    wait_for_sockets(cancel);
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
    for (const auto fd : {in.write_end.get(), out.read_end.get(), err.read_end.get()}) set_nonblocking(fd);

    start_job([this, socket = sockets_.at("0"), fd = std::make_shared<base::Fd>(std::move(in.write_end))] {
        pump_input(*socket, fd->get(), ended_.get());
        fd->reset();
        socket->discard_input();
    });
    std::mutex mutex;
    std::condition_variable done;
    int pumping = 2;
    const auto pump = [&](const char* name, int fd) {
        start_job([&, fd, socket = sockets_.at(name)] {
            pump_output(fd, ended_.get(), *socket);
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
    sockets_.at("1")->discard_input();
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

    const auto socket = sockets_.at("0");
    std::mutex mutex;
    std::condition_variable done;
    bool pumping = true;
    const CloseAtEnd close_at_end{*this}; // whatever happens, before what the jobs refer to goes
    start_job([this, socket, master] { pump_input(*socket, master, ended_.get()); });
    start_job([&] {
        pump_output(master, ended_.get(), *socket);
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
    start_job([this, alive, terminal, kill_if_alive] {
        std::shared_ptr<WebSocket> socket;
        {
            std::unique_lock lock(mutex_);
            changed_.wait(lock, [&] { return has_ended_ || sockets_.contains("control"); });
            if (const auto found = sockets_.find("control"); found != sockets_.end()) socket = found->second;
        }
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
    sockets_.at(post_.interactive ? "0" : "1")->on_closed([this, alive] {
        const std::scoped_lock lock(alive->first);
        if (alive->second == nullptr) return;
        const std::scoped_lock sockets_lock(mutex_);
        if (!sockets_.contains("control")) alive->second->signal(SIGKILL);
    });

    struct End {
        WebSocketExec& exec;
        std::pair<std::mutex, ExecSession*>& alive;
        ~End() {
            {
                const std::scoped_lock lock(alive.first);
                alive.second = nullptr;
            }
            {
                const std::scoped_lock lock(exec.mutex_);
                exec.has_ended_ = true;
                exec.changed_.notify_all();
            }
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
    const auto on_cancel = cancel.on_cancel([&session] { session->signal(SIGKILL); });
    const auto code = session->wait();
    cancel.check();
    return code;
}

} // namespace instance
