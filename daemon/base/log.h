#pragma once
// The daemon's log: to standard error, a file, syslog or the journal, and to listeners (the events hub).
// Thread-safe; values are passed as context pairs, as LXD prints them.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace base {

enum class LogLevel { trace, debug, info, warning, error };

struct LogRecord {
    LogLevel level;
    std::string message;
    std::map<std::string, std::string> context;
};

/// LXD's word: "trace", "debug", "info", "warning", "error".
std::string_view level_name(LogLevel level) noexcept;

class Log {
public:
    struct Options {
        LogLevel level = LogLevel::warning; // what is printed; listeners get what they want
        std::string file{};                 // appended to as well when not empty
        bool syslog = false;
    };

    explicit Log(Options options);
    ~Log();
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    using Context = std::map<std::string, std::string>;
    void trace(std::string_view message, Context context = {}) { write(LogLevel::trace, message, std::move(context)); }
    void debug(std::string_view message, Context context = {}) { write(LogLevel::debug, message, std::move(context)); }
    void info(std::string_view message, Context context = {}) { write(LogLevel::info, message, std::move(context)); }
    void warning(std::string_view message, Context context = {}) {
        write(LogLevel::warning, message, std::move(context));
    }
    void error(std::string_view message, Context context = {}) { write(LogLevel::error, message, std::move(context)); }
    void write(LogLevel level, std::string_view message, Context context);

    /// Whether a record of this level goes anywhere: what is costly to say is not even composed where not.
    bool wants(LogLevel level) const;

    /// Called for every record that `listens` wants, on the thread that wrote it; must not log. One listener; set
    /// before threads start.
    void set_listener(std::function<void(const LogRecord&)> listener, std::function<bool(LogLevel)> listens);

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace base
