#pragma once
// A file descriptor that closes itself. Every room passes descriptors in this form; all are close-on-exec.

#include <string>
#include <string_view>
#include <utility>

namespace base {

class Fd {
public:
    Fd() = default;
    explicit Fd(int fd) noexcept : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        reset(std::exchange(other.fd_, -1));
        return *this;
    }
    ~Fd() { reset(); }

    int get() const noexcept { return fd_; }
    explicit operator bool() const noexcept { return fd_ >= 0; }
    int release() noexcept { return std::exchange(fd_, -1); }
    void reset(int fd = -1) noexcept;

private:
    int fd_ = -1;
};

/// Takes a system call's result: throws std::system_error with `what` when it is negative.
Fd checked(int result, std::string_view what);

struct Pipe {
    Fd read_end;
    Fd write_end;
};
/// Both ends close-on-exec.
Pipe make_pipe();

/// Writes all of it, or throws std::system_error. Blocks on a blocking descriptor.
void write_all(int fd, std::string_view data);
/// Reads up to end of file; throws std::system_error, or schema::Error too_large past `limit` bytes.
std::string read_to_end(int fd, size_t limit = 16U << 20U);

} // namespace base
