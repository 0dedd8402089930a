#include "client/progress.h"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

#include "client/sizes.h"
#include "client/terminal.h"

namespace client {

Progress::Progress(std::string prefix, bool quiet)
    : prefix_(std::move(prefix)), quiet_(quiet), visible_(!quiet && ::isatty(STDOUT_FILENO) != 0) {}

void Progress::show(std::string_view state) {
    if (!visible_ || done_ || Clock::now() < warned_until_) return;
    draw(prefix_ + std::string(state));
}

void Progress::show_operation(const schema::Json& operation) {
    const auto& metadata = operation["metadata"];
    if (!metadata.is_object()) return;
    for (const auto& [key, value] : metadata.as_object()) {
        if (key.ends_with("_progress") && value.is_string()) return show(value.as_string());
    }
}

void Progress::show_bytes(int64_t bytes, int64_t total) {
    if (!visible_ || done_) return;
    const auto now = Clock::now();
    const auto seconds = std::chrono::duration<double>(now - start_).count();
    const auto speed = byte_size(seconds > 0 ? static_cast<int64_t>(static_cast<double>(bytes) / seconds) : 0);
    if (total > 0) {
        const auto percent = std::min<int64_t>(100, 1 + bytes * 100 / total);
        if (percent == last_percent_) return;
        last_percent_ = percent;
        return show(fmt::format("{}% ({}/s)", percent, speed));
    }
    if (now - last_ < std::chrono::seconds(1)) return;
    last_ = now;
    show(fmt::format("{} ({}/s)", byte_size(bytes), speed));
}

void Progress::warn(std::string_view text) {
    if (done_) return;
    warned_until_ = Clock::now() + std::chrono::seconds(5);
    draw(std::string(text));
}

void Progress::done(std::string_view text) {
    if (done_) return;
    done_ = true;
    if (drawn_ > 0) fmt::print("\r{}\r", std::string(drawn_, ' '));
    if (!quiet_ && !text.empty()) fmt::print("{}\n", text);
    std::fflush(stdout);
}

void Progress::draw(std::string text) {
    if (const auto size = terminal_size(STDOUT_FILENO); size && text.size() > static_cast<size_t>(size->columns)) {
        return; // A line that wraps could not be drawn over.
    }
    const auto width = text.size();
    if (width < drawn_) text.append(drawn_ - width, ' ');
    drawn_ = std::max(drawn_, width);
    fmt::print("\r{}", text);
    std::fflush(stdout);
}

} // namespace client
