#pragma once
// lxc file mount --listen: an instance's files for SSH clients. Caller: file_mount.

#include <string>

#include "client/command.h"
#include "client/session.h"

namespace client {

/// Becomes lxc-sftp-listener, for the instance that `word` names on the command line; returns by throwing alone.
[[noreturn]] void listen_for_sftp(const Session& session, const Call& call, const std::string& word);

} // namespace client
