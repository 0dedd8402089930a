#include "daemon/base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "schema/error.h"
#include "schema/limits.h"

namespace base {

namespace {

constexpr size_t output_limit = schema::limits::program_output.value;
constexpr size_t error_tail = 64U << 10U;

// Called by number: <sys/pidfd.h> of glibc 2.36 forgets extern "C".
int open_pidfd(pid_t pid) {
    return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
}

void check(int error, std::string_view what) {
    if (error != 0) throw std::system_error(error, std::generic_category(), std::string(what));
}

/// posix_spawn's file actions. Every source is first duplicated above all target numbers, so that no dup2 in the
/// child overwrites a descriptor that a later one needs, whatever the caller's mapping is.
class FileActions {
public:
    FileActions() { check(posix_spawn_file_actions_init(&actions_), "posix_spawn_file_actions_init"); }
    ~FileActions() { posix_spawn_file_actions_destroy(&actions_); }
    FileActions(const FileActions&) = delete;
    FileActions& operator=(const FileActions&) = delete;

    const posix_spawn_file_actions_t* get() const { return &actions_; }

    void set_up(const Command& command) {
        int last = 2;
        for (const auto& [ours, target] : command.fds) last = std::max(last, target);
        for (const auto& [ours, target] : command.fds) {
            const auto& copy = copies_.emplace_back(checked(::fcntl(ours, F_DUPFD_CLOEXEC, last + 1), "dup"));
            check(posix_spawn_file_actions_adddup2(&actions_, copy.get(), target), "dup2");
        }
        for (int number = 0; number <= last; ++number) fill(number, command);
        check(posix_spawn_file_actions_addclosefrom_np(&actions_, last + 1), "closefrom");
        const auto& directory = command.directory;
        check(posix_spawn_file_actions_addchdir_np(&actions_, directory.empty() ? "/" : directory.c_str()), "chdir");
    }

private:
    void fill(int number, const Command& command) {
        if (std::ranges::any_of(command.fds, [&](const auto& pair) { return pair.second == number; })) return;
        if (number <= 2)
            check(posix_spawn_file_actions_addopen(&actions_, number, "/dev/null", O_RDWR, 0), "open /dev/null");
        else
            check(posix_spawn_file_actions_addclose(&actions_, number), "close");
    }

    posix_spawn_file_actions_t actions_{};
    std::vector<Fd> copies_;
};

/// Own process group or session, empty signal mask, default dispositions.
class Attributes {
public:
    explicit Attributes(bool new_session) {
        check(posix_spawnattr_init(&attributes_), "posix_spawnattr_init");
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setpgroup(&attributes_, 0);
        const int group = new_session ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP;
        posix_spawnattr_setflags(&attributes_,
                                 static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | group));
    }
    ~Attributes() { posix_spawnattr_destroy(&attributes_); }
    Attributes(const Attributes&) = delete;
    Attributes& operator=(const Attributes&) = delete;

    const posix_spawnattr_t* get() const { return &attributes_; }

private:
    posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers(const std::vector<std::string>& texts) {
    std::vector<char*> result;
    result.reserve(texts.size() + 1);
    for (const auto& text : texts) result.push_back(const_cast<char*>(text.c_str()));
    result.push_back(nullptr);
    return result;
}

/// Reads what is there now; false at the end of the stream.
template <class Sink> bool drain(int fd, Sink sink) {
    std::array<char, 16384> buffer;
    for (;;) {
        const auto count = ::read(fd, buffer.data(), buffer.size());
        if (count > 0) {
            sink(std::string_view(buffer.data(), static_cast<size_t>(count)));
            continue;
        }
        if (count == 0) return false;
        if (errno == EAGAIN) return true;
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "read from a program");
    }
}

Pipe output_pipe() {
    auto pipe = make_pipe();
    ::fcntl(pipe.read_end.get(), F_SETFL, O_NONBLOCK);
    return pipe;
}

/// What run() knows of a program while it prints.
class Collector {
public:
    Collector(std::string name, Output& output) : name_(std::move(name)), output_(output) {}

    bool take_out(int fd) {
        return drain(fd, [&](std::string_view data) {
            if (output_.out.size() + data.size() > output_limit)
                throw schema::failure("Failed to run {}: it printed more than 16 MiB", name_);
            output_.out += data;
        });
    }
    bool take_err(int fd) {
        return drain(fd, [&](std::string_view data) {
            output_.err += data;
            if (output_.err.size() > 2 * error_tail) trim();
        });
    }
    void trim() {
        if (output_.err.size() > error_tail) output_.err.erase(0, output_.err.size() - error_tail);
    }

private:
    std::string name_;
    Output& output_;
};

void wait_readable(std::array<pollfd, 4>& fds) {
    while (::poll(fds.data(), fds.size(), -1) < 0)
        if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "poll");
}

std::string last_lines(const std::string& text) {
    constexpr size_t most = 1000;
    auto end = text.find_last_not_of(" \t\r\n");
    if (end == std::string::npos) return {};
    auto tail = text.substr(0, end + 1);
    if (tail.size() <= most) return tail;
    const auto line = tail.find('\n', tail.size() - most);
    return tail.substr(line == std::string::npos ? tail.size() - most : line + 1);
}

bool is_program(const std::string& path) {
    struct stat info{};
    return ::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode) && ::access(path.c_str(), X_OK) == 0;
}

} // namespace

Process Process::spawn(const Command& command) {
    if (command.argv.empty()) throw std::system_error(EINVAL, std::generic_category(), "Failed starting a program");
    const auto what = fmt::format("Failed starting \"{}\"", command.argv.front());
    FileActions actions;
    actions.set_up(command);
    const Attributes attributes(command.new_session);
    const auto argv = pointers(command.argv);
    const auto environment = pointers(command.environment);
    Process process;
    check(posix_spawnp(&process.pid_, argv[0], actions.get(), attributes.get(), argv.data(),
                       command.environment.empty() ? environ : environment.data()),
          what);
    // The child stays a zombie until we reap it, so the pid cannot have been given to another.
    process.pidfd_ = Fd(open_pidfd(process.pid_));
    if (!process.pidfd_) {
        const int error = errno;
        ::kill(process.pid_, SIGKILL);
        siginfo_t ignored{};
        while (::waitid(P_PID, static_cast<id_t>(process.pid_), &ignored, WEXITED) < 0 && errno == EINTR) {
        }
        process.pid_ = -1;
        check(error, what);
    }
    return process;
}

Process Process::adopted(pid_t pid, Fd pidfd) {
    Process process;
    process.pid_ = pid;
    process.pidfd_ = std::move(pidfd);
    return process;
}

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), exit_(std::exchange(other.exit_, {})),
      reaping_(std::move(other.reaping_)) {}

Process& Process::operator=(Process&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(pidfd_, other.pidfd_);
    std::swap(exit_, other.exit_);
    std::swap(reaping_, other.reaping_);
    return *this;
}

Process::~Process() {
    if (pid_ < 0 || exit_) return;
    kill_group(SIGKILL);
    kill(SIGKILL); // an adopted one may not lead its group yet
    wait();
}

void Process::kill(int signal) const noexcept {
    const std::scoped_lock lock(*reaping_);
    if (!exit_) ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0);
}

void Process::kill_group(int signal) const noexcept {
    const std::scoped_lock lock(*reaping_);
    if (!exit_) ::kill(-pid_, signal);
}

/// Waits first and reaps then under the lock, so that no other thread signals a number that is somebody else's by now.
Exit Process::wait() {
    const auto await = [this](int options) {
        siginfo_t info{};
        while (::waitid(P_PIDFD, static_cast<id_t>(pidfd_.get()), &info, options) < 0)
            if (errno != EINTR) throw std::system_error(errno, std::generic_category(), "waitid");
        return info;
    };
    {
        const std::scoped_lock lock(*reaping_);
        if (exit_) return *exit_;
    }
    await(WEXITED | WNOWAIT);
    const std::scoped_lock lock(*reaping_);
    const auto info = await(WEXITED);
    exit_ = Exit{info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status};
    return *exit_;
}

Output run(Command command, const CancelToken& cancel, const std::function<Process(const Command&)>& spawn) {
    cancel.check();
    // Shared with the callback, which may still run on the canceller's thread when this function has returned.
    const auto stop = std::make_shared<Fd>(checked(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), "eventfd"));
    const auto registration = cancel.on_cancel([stop] { ::eventfd_write(stop->get(), 1); });

    auto out = output_pipe();
    auto err = output_pipe();
    command.fds.emplace_back(out.write_end.get(), 1);
    command.fds.emplace_back(err.write_end.get(), 2);
    auto process = spawn(command);
    out.write_end.reset();
    err.write_end.reset();

    Output output;
    Collector collector(command.argv.front(), output);
    std::array<pollfd, 4> fds{{{out.read_end.get(), POLLIN, 0},
                               {err.read_end.get(), POLLIN, 0},
                               {process.pidfd(), POLLIN, 0},
                               {stop->get(), POLLIN, 0}}};
    for (bool ended = false; !ended;) {
        wait_readable(fds);
        if (fds[3].revents != 0) cancel.check(); // the destructor of `process` kills it
        // Seen before the last reads: what the program printed is in the pipes then. Waiting for their end instead
        // would wait for every process that inherited them.
        ended = fds[2].revents != 0;
        if (fds[0].fd >= 0 && !collector.take_out(fds[0].fd)) fds[0].fd = -1;
        if (fds[1].fd >= 0 && !collector.take_err(fds[1].fd)) fds[1].fd = -1;
    }
    collector.trim();
    output.exit = process.wait();
    return output;
}

std::string run_or_throw(const Command& command, const CancelToken& cancel) {
    auto output = run(command, cancel);
    if (output.exit.ok()) return std::move(output.out);
    const auto words = fmt::format("{}", fmt::join(command.argv, " "));
    const auto said = last_lines(output.err);
    throw schema::failure("Failed to run: {}: exit status {}{}", words, output.exit.code,
                          said.empty() ? "" : " (" + said + ")");
}

std::string find_program(std::string_view name) {
    const char* variable = std::getenv("PATH");
    std::string_view folders = variable != nullptr ? variable : "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin";
    while (!folders.empty()) {
        const auto colon = std::min(folders.find(':'), folders.size());
        auto path = fmt::format("{}/{}", folders.substr(0, colon), name);
        if (colon > 0 && is_program(path)) return path;
        folders.remove_prefix(std::min(colon + 1, folders.size()));
    }
    return {};
}

} // namespace base
