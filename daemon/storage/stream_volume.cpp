#include "daemon/storage/stream_volume.h"

#include <atomic>
#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace storage {

void through_pipe(const std::function<void(int to)>& send, const std::function<void(int from)>& receive) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "Failed making a pipe");
    base::Fd reading(ends[0]);
    base::Fd writing(ends[1]);
    std::exception_ptr sender_failure;
    std::exception_ptr receiver_failure;
    std::atomic<bool> cut_off = false;
    std::thread sender([&, writing = std::move(writing)]() mutable {
        try {
            send(writing.get());
        } catch (...) {
            sender_failure = std::current_exception();
            cut_off = true;
        }
        writing = base::Fd(); // the receiver sees the end
    });
    try {
        receive(reading.get());
    } catch (...) {
        // Where the sender failed before, that its stream is no whole one says nothing.
        if (!cut_off) receiver_failure = std::current_exception();
    }
    reading = base::Fd(); // a sender that goes on sees nobody there
    sender.join();
    // Whoever comes first says what is wrong; the other only that the stream ended.
    if (receiver_failure) std::rethrow_exception(receiver_failure);
    if (sender_failure) std::rethrow_exception(sender_failure);
}

void stream_volume(Driver& from, const VolumeId& source, const std::string& parent, Driver& to, const VolumeId& target,
                   const base::CancelToken& cancel) {
    bool received = false;
    try {
        through_pipe([&](int end) { from.transfer()->send(source, parent, end, cancel); },
                     [&](int end) {
                         to.transfer()->receive(target, end, cancel);
                         received = true;
                     });
    } catch (...) {
        if (received) to.remove(target);
        throw;
    }
}

} // namespace storage
