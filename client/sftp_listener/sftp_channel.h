#pragma once
// One channel of an SSH session: once the client has asked for the subsystem "sftp" it carries bytes between the client
// and a connection to the instance's SFTP; anything else is refused. Caller: SshSession.

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include <poll.h>

#include "daemon/base/fd.h"

struct ssh_channel_struct;
struct ssh_session_struct;

namespace client {

/// Opens a connection to the instance's SFTP; throws schema::Error.
using OpenSftp = std::function<base::Fd()>;

class SftpChannel {
public:
    /// Makes a channel of a session whose calls do not block; get() is null where that failed. The session calls back
    /// into this, whenever anything is done with the session.
    SftpChannel(ssh_session_struct* session, const OpenSftp& open_sftp, std::string peer);
    ~SftpChannel();
    SftpChannel(const SftpChannel&) = delete;
    SftpChannel& operator=(const SftpChannel&) = delete;

    ssh_channel_struct* get() const { return channel_; }
    /// What to wait for on the instance's side.
    pollfd interest() const;
    /// Is there something for carry() to do that no descriptor tells of?
    bool is_due() const;
    /// Is so much held for the instance that nothing more should be read from the client?
    bool is_congested() const;
    /// Carries what can be carried now; `ready` is what poll found.
    void carry(short ready);
    /// It is over for this side, and the client has been told.
    bool is_closed() const { return stage_ == Stage::closed; }

private:
    enum class Stage { open, closing, closed };
    struct Callbacks;

    bool start(std::string_view subsystem);
    void take(std::string_view data);
    void carry_to_instance();
    void carry_to_client(short ready);
    void instance_has_gone();
    void close();
    bool writes_wait() const;

    ssh_session_struct* session_;
    const OpenSftp& open_sftp_;
    std::string peer_;
    std::unique_ptr<Callbacks> callbacks_;
    ssh_channel_struct* channel_;
    base::Fd sftp_;
    std::string to_instance_; // not written yet
    std::string to_client_;
    Stage stage_ = Stage::open;
    bool client_sends_no_more_ = false;
    bool instance_was_told_ = false; // of that
};

} // namespace client
