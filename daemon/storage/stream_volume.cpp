#include "daemon/storage/stream_volume.h"

#include <cerrno>
#include <exception>
#include <fcntl.h>
#include <system_error>
#include <thread>
#include <unistd.h>

#include "daemon/base/fd.h"

namespace storage {

void stream_volume(Driver& from, const VolumeId& source, const std::string& parent, Driver& to, const VolumeId& target,
                   const base::CancelToken& cancel) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) < 0) throw std::system_error(errno, std::generic_category(), "Failed making a pipe");
    base::Fd reading(ends[0]);
    base::Fd writing(ends[1]);
    std::exception_ptr sender_failure;
    std::exception_ptr receiver_failure;
    std::thread sender([&, writing = std::move(writing)]() mutable {
        try {
            from.transfer()->send(source, parent, writing.get(), cancel);
        } catch (...) {
            sender_failure = std::current_exception();
        }
        writing = base::Fd(); // the receiver sees the end
    });
    try {
        to.transfer()->receive(target, reading.get(), cancel);
    } catch (...) {
        receiver_failure = std::current_exception();
    }
    reading = base::Fd(); // a sender that goes on sees nobody there
    sender.join();
    // Whoever comes first says what is wrong; the other only that the stream ended.
    if (sender_failure && !receiver_failure) to.remove(target);
    if (receiver_failure) std::rethrow_exception(receiver_failure);
    if (sender_failure) std::rethrow_exception(sender_failure);
}

} // namespace storage
