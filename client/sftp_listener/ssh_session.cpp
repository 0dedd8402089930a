#include "client/sftp_listener/ssh_session.h"

#include <algorithm>
#include <cerrno>
#include <list>
#include <vector>

#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <libssh/server.h>
#include <poll.h>

#include "client/target.h"
#include "schema/error.h"
#include "schema/values.h"

namespace client {

namespace {

using Clock = std::chrono::steady_clock;

/// To log in; asking which ways there are is one, too.
constexpr int most_attempts = 7;
constexpr size_t most_channels = 10;
constexpr int turns_at_once = 8;

class SshSession {
public:
    SshSession(ssh_session session, const std::string& peer, const SessionTerms& terms);
    ~SshSession();
    SshSession(const SshSession&) = delete;
    SshSession& operator=(const SshSession&) = delete;

    void serve();

private:
    int authenticate(const char* user, const char* password);
    ssh_channel open_channel();
    void exchange_keys();
    void wait_and_carry();
    void check_login() const;
    bool has_ended() const;
    int milliseconds_to_wait() const;

    ssh_session session_;
    std::string peer_;
    const SessionTerms& terms_;
    Clock::time_point deadline_;
    ssh_server_callbacks_struct callbacks_{};
    ssh_event event_;
    std::list<SftpChannel> channels_;
    bool logged_in_ = false;
    int attempts_ = 0;
    std::vector<std::string> refusals_;
};

SshSession::SshSession(ssh_session session, const std::string& peer, const SessionTerms& terms)
    : session_(session), peer_(peer), terms_(terms), deadline_(Clock::now() + terms.login_time),
      event_(::ssh_event_new()) {
    callbacks_.userdata = this;
    callbacks_.auth_none_function = [](ssh_session, const char* user, void* self) {
        return static_cast<SshSession*>(self)->authenticate(user, nullptr);
    };
    callbacks_.auth_password_function = [](ssh_session, const char* user, const char* password, void* self) {
        return static_cast<SshSession*>(self)->authenticate(user, password);
    };
    callbacks_.channel_open_request_session_function = [](ssh_session, void* self) {
        return static_cast<SshSession*>(self)->open_channel();
    };
    ssh_callbacks_init(&callbacks_);
    ::ssh_set_server_callbacks(session_, &callbacks_);
    ::ssh_set_auth_methods(session_, terms.credentials ? SSH_AUTH_METHOD_PASSWORD
                                                       : SSH_AUTH_METHOD_NONE | SSH_AUTH_METHOD_PASSWORD);
    const long seconds = static_cast<long>(terms.login_time.count());
    ::ssh_options_set(session_, SSH_OPTIONS_TIMEOUT, &seconds);
}

SshSession::~SshSession() {
    channels_.clear();
    ::ssh_event_remove_session(event_, session_);
    ::ssh_event_free(event_);
    ::ssh_disconnect(session_);
    ::ssh_free(session_);
}

int SshSession::authenticate(const char* user, const char* password) {
    const auto& wanted = terms_.credentials;
    if (!wanted) {
        logged_in_ = true;
    } else if (attempts_++ < most_attempts) {
        logged_in_ = password != nullptr && wanted->match(user, password);
        refusals_.push_back(password == nullptr ? "ssh: no auth passed yet"
                                                : "Password rejected for " + schema::quoted(user));
    }
    return logged_in_ ? SSH_AUTH_SUCCESS : SSH_AUTH_DENIED;
}

ssh_channel SshSession::open_channel() {
    if (channels_.size() >= most_channels) return nullptr;
    const auto& channel = channels_.emplace_back(session_, terms_.open_sftp, peer_);
    if (channel.get() != nullptr) return channel.get();
    channels_.pop_back();
    return nullptr;
}

void SshSession::exchange_keys() {
    const int result = ::ssh_handle_key_exchange(session_);
    if (result == SSH_OK) return;
    throw schema::failure("{}", result == SSH_AGAIN ? "timed out" : ::ssh_get_error(session_));
}

bool SshSession::has_ended() const {
    return (::ssh_get_status(session_) & (SSH_CLOSED | SSH_CLOSED_ERROR)) != 0 || ::ssh_is_connected(session_) == 0;
}

void SshSession::check_login() const {
    if (logged_in_) return;
    const bool exhausted = attempts_ >= most_attempts;
    const bool late = Clock::now() >= deadline_;
    if (!has_ended() && !exhausted && !late) return;
    const std::string cause = exhausted ? "too many attempts" : late ? "timed out" : "the client has gone";
    if (refusals_.empty()) throw schema::forbidden("{}", cause);
    const auto refused = "[" + join(refusals_, ", ") + "]";
    throw schema::forbidden("{}", exhausted || late ? refused + ": " + cause : refused);
}

int SshSession::milliseconds_to_wait() const {
    if (std::ranges::any_of(channels_, &SftpChannel::is_due)) return 0;
    if (logged_in_) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    return static_cast<int>(std::max<int64_t>(left.count(), 0));
}

void SshSession::wait_and_carry() {
    const bool congested = std::ranges::any_of(channels_, &SftpChannel::is_congested);
    const bool writes_wait = (::ssh_get_poll_flags(session_) & SSH_WRITE_PENDING) != 0;
    const int wanted = (congested ? 0 : POLLIN) | (writes_wait ? POLLOUT : 0);
    std::vector<pollfd> fds{{::ssh_get_fd(session_), static_cast<short>(wanted), 0}};
    for (const auto& channel : channels_) fds.push_back(channel.interest());
    if (::poll(fds.data(), fds.size(), milliseconds_to_wait()) < 0 && errno != EINTR) {
        throw std::system_error(errno, std::generic_category(), "poll");
    }
    // Each turn reads 4 KiB.
    for (int turn = 0; fds[0].revents != 0 && turn < turns_at_once; ++turn) {
        if (::ssh_event_dopoll(event_, 0) != SSH_OK) break;
    }
    // New channels may have come behind those that were waited for.
    auto channel = channels_.begin();
    for (size_t i = 1; channel != channels_.end(); ++i) {
        channel->carry(i < fds.size() ? fds[i].revents : short{0});
        channel = channel->is_closed() ? channels_.erase(channel) : std::next(channel);
    }
}

void SshSession::serve() {
    exchange_keys();
    ::ssh_set_blocking(session_, 0);
    ::ssh_event_add_session(event_, session_);
    while (!has_ended()) {
        wait_and_carry();
        check_login();
    }
    check_login();
}

} // namespace

void serve_ssh(const SshHost& host, base::Fd socket, const std::string& peer, const SessionTerms& terms) {
    SshSession(host.begin(std::move(socket)), peer, terms).serve();
}

} // namespace client
