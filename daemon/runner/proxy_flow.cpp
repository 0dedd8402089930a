#include "daemon/runner/proxy_flow.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace runner {

namespace {

constexpr int pipe_size = 256 << 10;
constexpr size_t most_spare_pipes = 64;
constexpr int turns = 16;
constexpr size_t largest_message = 64 << 10;
/// The kernel's SCM_MAX_FD.
constexpr size_t most_fds = 253;

bool would_block() {
    return errno == EAGAIN || errno == EWOULDBLOCK;
}

} // namespace

std::optional<base::Pipe> PipePool::take() {
    if (!spare_.empty()) {
        auto pipe = std::move(spare_.back());
        spare_.pop_back();
        return pipe;
    }
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0) return std::nullopt;
    base::Pipe pipe{base::Fd(ends[0]), base::Fd(ends[1])};
    (void)::fcntl(pipe.write_end.get(), F_SETPIPE_SZ, pipe_size); // a smaller one does as well
    return pipe;
}

void PipePool::give_back(base::Pipe pipe) {
    if (spare_.size() < most_spare_pipes) spare_.push_back(std::move(pipe));
}

FlowState StreamFlow::finish(int to, PipePool& pool) {
    if (pipe_.read_end) pool.give_back(std::exchange(pipe_, {}));
    ::shutdown(to, SHUT_WR);
    return FlowState::ended;
}

FlowState StreamFlow::pump(int from, int to, PipePool& pool) {
    for (int turn = 0; turn < turns; ++turn) {
        if (held_ == 0 && !ended_) {
            if (!pipe_.read_end) {
                auto taken = pool.take();
                if (!taken) return FlowState::failed;
                pipe_ = std::move(*taken);
            }
            const auto in =
                ::splice(from, nullptr, pipe_.write_end.get(), nullptr, pipe_size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (in < 0 && would_block()) {
                pool.give_back(std::exchange(pipe_, {}));
                return FlowState::waiting;
            }
            if (in < 0) return FlowState::failed;
            if (in == 0) ended_ = true;
            held_ += static_cast<size_t>(in);
        }
        while (held_ > 0) {
            const auto out =
                ::splice(pipe_.read_end.get(), nullptr, to, nullptr, held_, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
            if (out < 0 && would_block()) return FlowState::waiting;
            if (out <= 0) return FlowState::failed;
            held_ -= static_cast<size_t>(out);
        }
        if (ended_) return finish(to, pool);
    }
    return FlowState::more;
}

/// False where the flow has to stop here.
bool MessageFlow::receive(int from, FlowState& state) {
    static std::array<char, largest_message> buffer; // one thread
    iovec data{buffer.data(), buffer.size()};
    alignas(cmsghdr) static std::array<char, CMSG_SPACE(most_fds * sizeof(int))> control;
    msghdr message{};
    message.msg_iov = &data;
    message.msg_iovlen = 1;
    if (rights_) {
        message.msg_control = control.data();
        message.msg_controllen = control.size();
    }
    const auto size = ::recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (size < 0) {
        // The target of datagrams may not be there yet.
        state = would_block() || errno == ECONNREFUSED ? FlowState::waiting : FlowState::failed;
        return false;
    }
    for (auto* header = CMSG_FIRSTHDR(&message); rights_ && header != nullptr; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
        for (size_t at = 0; at + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
            int fd = -1;
            std::memcpy(&fd, CMSG_DATA(header) + at, sizeof fd);
            fds_.emplace_back(fd);
        }
    }
    ended_ = size == 0;
    held_.assign(buffer.data(), static_cast<size_t>(size));
    return true;
}

bool MessageFlow::send(int to, FlowState& state) {
    while (!held_.empty()) {
        iovec data{held_.data(), held_.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(most_fds * sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &data;
        message.msg_iovlen = 1;
        if (!fds_.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(fds_.size() * sizeof(int));
            auto* header = CMSG_FIRSTHDR(&message);
            header->cmsg_level = SOL_SOCKET;
            header->cmsg_type = SCM_RIGHTS;
            header->cmsg_len = CMSG_LEN(fds_.size() * sizeof(int));
            for (size_t index = 0; index < fds_.size(); ++index) {
                const int fd = fds_[index].get();
                std::memcpy(CMSG_DATA(header) + index * sizeof fd, &fd, sizeof fd);
            }
        }
        const auto size = ::sendmsg(to, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (size < 0 && would_block()) {
            state = FlowState::waiting;
            return false;
        }
        if (size < 0 && !to_datagrams_) {
            state = FlowState::failed;
            return false;
        }
        fds_.clear();
        // A datagram that cannot be sent is lost, as datagrams may be.
        held_.erase(0, to_datagrams_ ? held_.size() : static_cast<size_t>(size));
    }
    return true;
}

FlowState MessageFlow::pump(int from, int to) {
    auto state = FlowState::more;
    for (int turn = 0; turn < turns; ++turn) {
        if (held_.empty() && !ended_ && !receive(from, state)) return state;
        if (!send(to, state)) return state;
        if (!ended_) continue;
        ::shutdown(to, SHUT_WR);
        return FlowState::ended;
    }
    return state;
}

} // namespace runner
