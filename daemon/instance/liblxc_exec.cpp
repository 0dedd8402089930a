#include "daemon/instance/liblxc_exec.h"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <mutex>
#include <system_error>

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/base/fd_passing.h"
#include "daemon/runner/exec_request.h"
#include "schema/error.h"

namespace instance {

namespace {

/// A file in memory rather than a pipe: writing it neither blocks nor fails when the runner has ended.
base::Fd request_file(const ExecRequest& request) {
    runner::ExecRequest wanted;
    wanted.command = request.command;
    for (const auto& [key, value] : request.environment) wanted.environment.push_back(fmt::format("{}={}", key, value));
    wanted.cwd = request.cwd;
    wanted.uid = request.uid;
    wanted.gid = request.gid;
    wanted.terminal = request.terminal;
    auto file = base::checked(::memfd_create("exec-request", MFD_CLOEXEC), "memfd_create");
    base::write_all(file.get(), runner::encode(wanted));
    ::lseek(file.get(), 0, SEEK_SET);
    return file;
}

/// What the runner says, line by line; and the descriptor that came with it, if one did.
class Reports {
public:
    explicit Reports(base::Fd socket) : socket_(std::move(socket)) {}

    /// Blocks; an empty text at the end.
    std::string line() {
        for (;;) {
            const auto end = buffer_.find('\n');
            if (end != std::string::npos) {
                auto text = buffer_.substr(0, end);
                buffer_.erase(0, end + 1);
                return text;
            }
            if (!receive()) return {};
        }
    }
    base::Fd take_fd() { return std::move(fd_); }

private:
    bool receive() {
        char data[1024];
        std::vector<base::Fd> fds;
        const auto count = base::receive_with_fds(socket_.get(), data, sizeof data, fds);
        if (count <= 0) return false;
        if (!fds.empty()) fd_ = std::move(fds.front());
        buffer_.append(data, static_cast<size_t>(count));
        return true;
    }

    base::Fd socket_;
    base::Fd fd_;
    std::string buffer_;
};

/// The rest of a line that begins with `word`; nothing for another line.
std::optional<std::string> after(const std::string& line, std::string_view word) {
    if (line.compare(0, word.size(), word) != 0) return std::nullopt;
    return line.substr(word.size());
}

class RunnerSession : public ExecSession {
public:
    /// `gate` opens when a byte is written to it.
    RunnerSession(std::string name, base::Process runner, base::Fd socket, base::Fd gate)
        : name_(std::move(name)), runner_(std::move(runner)), reports_(std::move(socket)), gate_(std::move(gate)) {}
    ~RunnerSession() override {
        if (!ended_) send(SIGKILL);
    }

    void go() override {
        const auto first = reports_.line();
        if (const auto reason = after(first, "error "))
            throw schema::failure("Failed to run a command in instance \"{}\": {}", name_, *reason);
        command_ = reports_.take_fd();
        if (!command_)
            throw schema::failure("Failed to run a command in instance \"{}\": the runner ended with {}", name_,
                                  runner_.wait().code);
        base::write_all(gate_.get(), "g");
        gate_.reset();
    }

    void signal(int number) override { send(number); }

    int wait() override {
        const std::scoped_lock lock(mutex_);
        if (ended_) return code_;
        const auto line = reports_.line();
        const auto status = runner_.wait();
        const auto code = after(line, "exit ");
        if (!code)
            throw schema::failure("Failed to wait for a command in instance \"{}\": the runner ended with {}", name_,
                                  status.code);
        std::from_chars(code->data(), code->data() + code->size(), code_);
        ended_ = true;
        return code_;
    }

private:
    /// The pidfd stands for the process itself, so a number that was given to another one is never hit.
    void send(int number) const { ::syscall(SYS_pidfd_send_signal, command_.get(), number, nullptr, 0); }

    std::string name_;
    base::Process runner_;
    Reports reports_;
    base::Fd gate_;
    base::Fd command_; // a pidfd, once it is there
    std::mutex mutex_;
    int code_ = 0;
    bool ended_ = false;
};

} // namespace

std::unique_ptr<ExecSession> start_exec(const std::function<base::Process(const base::Command&)>& spawn,
                                        base::Command runner, const std::string& name, const ExecRequest& request) {
    const auto file = request_file(request);
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        throw std::system_error(errno, std::generic_category(), "socketpair");
    base::Fd ours(ends[0]);
    base::Fd theirs(ends[1]);
    for (int number = 0; number < 3; ++number)
        if (request.fds[number] >= 0) runner.fds.emplace_back(request.fds[number], number);
    runner.fds.emplace_back(file.get(), runner::exec_request_fd);
    runner.fds.emplace_back(theirs.get(), runner::exec_report_fd);
    auto gate = base::make_pipe();
    runner.fds.emplace_back(gate.read_end.get(), runner::exec_gate_fd);
    auto process = spawn(runner);
    return std::make_unique<RunnerSession>(name, std::move(process), std::move(ours), std::move(gate.write_end));
}

} // namespace instance
