#pragma once
// The line that says how far a long piece of work is: drawn over and over in one place of a terminal, absent elsewhere.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

#include "schema/json.h"

namespace client {

class Progress {
public:
    /// `prefix` comes before each state: "Retrieving image: ".
    Progress(std::string prefix, bool quiet);
    ~Progress() { done(); }
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;

    bool visible() const { return visible_; }
    void show(std::string_view state);
    /// The "..._progress" entry of an operation's metadata, where there is one.
    void show_operation(const schema::Json& operation);
    /// Bytes so far, of `total` where that is known (else -1): "12% (3.10MB/s)". Draws at most once a percent or
    /// second.
    void show_bytes(int64_t bytes, int64_t total);
    /// Shown in place of states for some seconds.
    void warn(std::string_view text);
    /// Clears the line and prints a last text, if any, also where the progress itself is not visible.
    void done(std::string_view text = {});

private:
    using Clock = std::chrono::steady_clock;
    void draw(std::string text);

    std::string prefix_;
    bool quiet_;
    bool visible_;
    bool done_ = false;
    size_t drawn_ = 0;
    Clock::time_point start_ = Clock::now();
    Clock::time_point last_ = start_;
    Clock::time_point warned_until_{};
    int64_t last_percent_ = -1;
};

} // namespace client
