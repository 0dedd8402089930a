#include "client/interrupts.h"

#include <sys/signalfd.h>
#include <unistd.h>

namespace client {

Interrupts::Interrupts(std::initializer_list<int> signals) {
    sigset_t wanted;
    ::sigemptyset(&wanted);
    for (const int signal : signals) ::sigaddset(&wanted, signal);
    ::pthread_sigmask(SIG_BLOCK, &wanted, &before_);
    fd_ = base::checked(::signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd");
}

Interrupts::~Interrupts() {
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void Interrupts::consume() const {
    signalfd_siginfo ignored;
    while (::read(fd_.get(), &ignored, sizeof ignored) > 0) {
    }
}

} // namespace client
