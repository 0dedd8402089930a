#include "client/sftp_listener/sftp_channel.h"

#include <algorithm>
#include <cerrno>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <sys/socket.h>

#include <fmt/format.h>

#include "client/sftp_listener/clients.h"
#include "schema/values.h"

namespace client {

namespace {

constexpr size_t piece = 64U << 10U;
/// SFTP clients have some 2 MiB of requests on their way.
constexpr size_t most_held = 4U << 20U;

bool would_block() {
    return errno == EAGAIN || errno == EINTR;
}

} // namespace

struct SftpChannel::Callbacks {
    ssh_channel_callbacks_struct table{};

    explicit Callbacks(SftpChannel* channel) {
        table.userdata = channel;
        table.channel_subsystem_request_function = [](ssh_session, ssh_channel, const char* name, void* self) {
            return static_cast<SftpChannel*>(self)->start(name) ? 0 : 1;
        };
        table.channel_data_function = [](ssh_session, ssh_channel, void* data, uint32_t size, int is_error,
                                         void* self) {
            if (is_error == 0) static_cast<SftpChannel*>(self)->take({static_cast<const char*>(data), size});
            return static_cast<int>(size);
        };
        table.channel_eof_function = [](ssh_session, ssh_channel, void* self) {
            static_cast<SftpChannel*>(self)->client_sends_no_more_ = true;
        };
        table.channel_close_function = [](ssh_session, ssh_channel, void* self) {
            static_cast<SftpChannel*>(self)->stage_ = Stage::closing;
        };
        ssh_callbacks_init(&table);
    }
};

SftpChannel::SftpChannel(ssh_session session, const OpenSftp& open_sftp, std::string peer)
    : session_(session), open_sftp_(open_sftp), peer_(std::move(peer)), callbacks_(std::make_unique<Callbacks>(this)),
      channel_(::ssh_channel_new(session)) {
    if (channel_ != nullptr) ::ssh_set_channel_callbacks(channel_, &callbacks_->table);
}

SftpChannel::~SftpChannel() {
    if (channel_ == nullptr) return;
    // libssh keeps a channel until the client has closed it, too.
    ::ssh_remove_channel_callbacks(channel_, &callbacks_->table);
    ::ssh_channel_free(channel_);
}

bool SftpChannel::start(std::string_view subsystem) {
    if (subsystem != "sftp" || sftp_ || stage_ != Stage::open) return false;
    try {
        sftp_ = open_sftp_();
        return true;
    } catch (const std::exception& error) {
        tell(stderr,
             fmt::format("Failed connecting to instance SFTP for client {}: {}", schema::quoted(peer_), error.what()));
        return false;
    }
}

void SftpChannel::take(std::string_view data) {
    if (sftp_ && stage_ == Stage::open) to_instance_ += data;
}

bool SftpChannel::writes_wait() const {
    return (::ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0;
}

pollfd SftpChannel::interest() const {
    short events = 0;
    if (!to_instance_.empty()) events |= POLLOUT;
    // What libssh could not send yet it keeps, however much it is.
    if (to_client_.empty() && !writes_wait() && ::ssh_channel_window_size(channel_) > 0) events |= POLLIN;
    // With no event wanted, a hang-up would still be told again and again.
    const bool waits = sftp_ && stage_ == Stage::open && events != 0;
    return {waits ? sftp_.get() : -1, events, 0};
}

bool SftpChannel::is_due() const {
    if (stage_ == Stage::closing) return !writes_wait();
    return stage_ == Stage::open && client_sends_no_more_ && !instance_was_told_ && to_instance_.empty();
}

bool SftpChannel::is_congested() const {
    return stage_ == Stage::open && to_instance_.size() > most_held;
}

void SftpChannel::carry(short ready) {
    if (stage_ == Stage::open) carry_to_instance();
    if (stage_ == Stage::open) carry_to_client(ready);
    if (stage_ == Stage::closing) close();
}

void SftpChannel::carry_to_instance() {
    while (!to_instance_.empty()) {
        const auto count = ::send(sftp_.get(), to_instance_.data(), to_instance_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
        if (count < 0) return would_block() ? void() : instance_has_gone();
        to_instance_.erase(0, static_cast<size_t>(count));
    }
    if (!client_sends_no_more_ || instance_was_told_) return;
    instance_was_told_ = true;
    if (sftp_) {
        ::shutdown(sftp_.get(), SHUT_WR); // its answers are still to come
    } else {
        stage_ = Stage::closing;
    }
}

void SftpChannel::carry_to_client(short ready) {
    if (to_client_.empty() && (ready & (POLLIN | POLLHUP | POLLERR)) != 0) {
        // Other channels may have used the session since the wait.
        const size_t room = writes_wait() ? 0 : ::ssh_channel_window_size(channel_);
        if (room == 0) return;
        to_client_.resize(std::min(piece, room));
        const auto count = ::recv(sftp_.get(), to_client_.data(), to_client_.size(), MSG_DONTWAIT);
        to_client_.resize(count > 0 ? static_cast<size_t>(count) : 0);
        if (count == 0 || (count < 0 && !would_block())) return instance_has_gone();
    }
    if (to_client_.empty()) return;
    // Nothing is taken while keys are exchanged anew.
    const auto count = ::ssh_channel_write(channel_, to_client_.data(), static_cast<uint32_t>(to_client_.size()));
    if (count < 0) {
        stage_ = Stage::closing;
    } else {
        to_client_.erase(0, static_cast<size_t>(count));
    }
}

void SftpChannel::instance_has_gone() {
    if (!client_sends_no_more_) tell(stdout, fmt::format("Instance disconnected for client {}", schema::quoted(peer_)));
    ::ssh_channel_request_send_exit_status(channel_, 0);
    stage_ = Stage::closing;
}

void SftpChannel::close() {
    sftp_.reset();
    // Asked again, it goes on with what could not be sent yet.
    if (::ssh_channel_close(channel_) != SSH_AGAIN) stage_ = Stage::closed;
}

} // namespace client
