#pragma once
// Explicit undo: steps are run in reverse order unless dismiss() was called. See DESIGN, errors.

#include <functional>
#include <utility>
#include <vector>

namespace base {

class Rollback {
public:
    Rollback() = default;
    Rollback(const Rollback&) = delete;
    Rollback& operator=(const Rollback&) = delete;
    ~Rollback() {
        for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
            try {
                (*step)();
            } catch (...) { // An undo that fails must not stop the ones before it.
            }
        }
    }

    void add(std::function<void()> undo) { steps_.push_back(std::move(undo)); }
    /// The one line that means success.
    void dismiss() noexcept { steps_.clear(); }

private:
    std::vector<std::function<void()>> steps_;
};

} // namespace base
