#pragma once
// One client's SSH session from the key exchange to its end: lets it log in, and opens channels for it. Caller: main,
// in a process of the session's own.

#include <chrono>
#include <optional>
#include <string>

#include "client/sftp_listener/credentials.h"
#include "client/sftp_listener/sftp_channel.h"
#include "client/sftp_listener/ssh_host.h"

namespace client {

struct SessionTerms {
    std::optional<Credentials> credentials; // nothing: anybody may
    std::chrono::seconds login_time;        // how long a client may take to log in
    OpenSftp open_sftp;
};

/// Returns when the session has ended; throws schema::Error where the client could not log in.
void serve_ssh(const SshHost& host, base::Fd socket, const std::string& peer, const SessionTerms& terms);

} // namespace client
