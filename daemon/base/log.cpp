#include "daemon/base/log.h"

#include <array>
#include <cstdlib>
#include <ctime>
#include <mutex>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <unistd.h>

#include <fmt/format.h>

#include "daemon/base/fd.h"

namespace base {

namespace {

struct Level {
    std::string_view name;
    std::string_view padded; // on a terminal
    int colour;
    int priority; // syslog's, also sd-daemon's "<N>"
};

constexpr std::array<Level, 5> levels{{
    {"trace", "TRACE  ", 37, LOG_DEBUG},
    {"debug", "DEBUG  ", 37, LOG_DEBUG},
    {"info", "INFO   ", 36, LOG_INFO},
    {"warning", "WARNING", 33, LOG_WARNING},
    {"error", "ERROR  ", 31, LOG_ERR},
}};

const Level& row(LogLevel level) {
    return levels.at(static_cast<size_t>(level));
}

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._/@^+").find(c) != std::string_view::npos;
}

void append_escaped(std::string& line, char c) {
    switch (c) {
    case '"':
        line += "\\\"";
        break;
    case '\\':
        line += "\\\\";
        break;
    case '\n':
        line += "\\n";
        break;
    case '\t':
        line += "\\t";
        break;
    case '\r':
        line += "\\r";
        break;
    default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            line += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
        else
            line += c;
    }
}

/// LXD's logger quotes a value only where a character of it needs that.
void append_value(std::string& line, std::string_view value) {
    bool plain = true;
    for (const char c : value) plain = plain && is_plain(c);
    if (plain) {
        line += value;
        return;
    }
    line += '"';
    for (const char c : value) append_escaped(line, c);
    line += '"';
}

/// RFC 3339 in local time, in seconds.
std::string timestamp() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    std::array<char, 32> text{};
    std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%S", &parts);
    if (parts.tm_gmtoff == 0) return fmt::format("{}Z", text.data());
    const auto minutes = std::abs(parts.tm_gmtoff) / 60;
    return fmt::format("{}{}{:02}:{:02}", text.data(), parts.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string plain_line(const LogRecord& record, bool with_time) {
    std::string line = with_time ? fmt::format("time=\"{}\" ", timestamp()) : "";
    line += fmt::format("level={} msg=", row(record.level).name);
    append_value(line, record.message);
    for (const auto& [key, value] : record.context) {
        line += ' ' + key + '=';
        append_value(line, value);
    }
    return line;
}

std::string coloured_line(const LogRecord& record) {
    const auto& level = row(record.level);
    auto line = fmt::format("\x1b[{}m{}\x1b[0m[{}] {:<44} ", level.colour, level.padded, timestamp(), record.message);
    for (const auto& [key, value] : record.context) {
        line += fmt::format(" \x1b[{}m{}\x1b[0m=", level.colour, key);
        append_value(line, value);
    }
    return line;
}

/// Whether standard error is the journal's own stream, not something that a child of a service redirected.
bool is_journal_stream() {
    const char* stream = std::getenv("JOURNAL_STREAM");
    struct stat info{};
    if (stream == nullptr || ::fstat(STDERR_FILENO, &info) < 0) return false;
    return fmt::format("{}:{}", info.st_dev, info.st_ino) == stream;
}

/// A log that cannot be written is not worth dying for.
void write_line(int fd, const std::string& line) {
    try {
        write_all(fd, line + '\n');
    } catch (const std::system_error&) {
    }
}

} // namespace

std::string_view level_name(LogLevel level) noexcept {
    return levels[static_cast<size_t>(level)].name;
}

struct Log::State {
    Options options;
    Fd file;
    bool terminal = ::isatty(STDERR_FILENO) == 1;
    bool journal = is_journal_stream();
    std::mutex mutex; // keeps lines whole and in one order everywhere
    std::function<void(const LogRecord&)> listener;
    std::function<bool(LogLevel)> listens;

    bool is_heard(LogLevel level) const { return listener && listens(level); }

    void print(const LogRecord& record) {
        const int priority = row(record.level).priority;
        const auto line = plain_line(record, true);
        const std::scoped_lock lock(mutex);
        if (journal)
            write_line(STDERR_FILENO, fmt::format("<{}>{}", priority, plain_line(record, false)));
        else
            write_line(STDERR_FILENO, terminal ? coloured_line(record) : line);
        if (file) write_line(file.get(), line);
        if (options.syslog) ::syslog(priority, "%s", plain_line(record, false).c_str());
    }
};

Log::Log(Options options) : state_(std::make_unique<State>()) {
    if (!options.file.empty())
        state_->file = checked(::open(options.file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600),
                               fmt::format("Failed opening the log file \"{}\"", options.file));
    if (options.syslog) ::openlog("lxd", LOG_PID, LOG_DAEMON);
    state_->options = std::move(options);
}

Log::~Log() {
    if (state_->options.syslog) ::closelog();
}

void Log::write(LogLevel level, std::string_view message, Context context) {
    const bool printed = level >= state_->options.level;
    const bool heard = state_->is_heard(level);
    if (!printed && !heard) return;
    const LogRecord record{level, std::string(message), std::move(context)};
    if (printed) state_->print(record);
    if (heard) state_->listener(record);
}

bool Log::wants(LogLevel level) const {
    return level >= state_->options.level || state_->is_heard(level);
}

void Log::set_listener(std::function<void(const LogRecord&)> listener, std::function<bool(LogLevel)> listens) {
    state_->listener = std::move(listener);
    state_->listens = std::move(listens);
}

} // namespace base
