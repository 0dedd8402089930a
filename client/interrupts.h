#pragma once
// The user's ctrl+c as something to wait for, while something is done that it must end in an orderly way.

#include <initializer_list>

#include <csignal>

#include "daemon/base/fd.h"

namespace client {

/// Turns signals into a readable descriptor while it exists.
class Interrupts {
public:
    explicit Interrupts(std::initializer_list<int> signals = {SIGINT});
    ~Interrupts();
    Interrupts(const Interrupts&) = delete;
    Interrupts& operator=(const Interrupts&) = delete;

    int fd() const { return fd_.get(); }
    /// Forgets those that came.
    void consume() const;

private:
    sigset_t before_{};
    base::Fd fd_;
};

} // namespace client
