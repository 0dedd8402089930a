#pragma once
// This end of SSH: its host key, made afresh, and the sessions that are begun with it. Callers: main, SshSession.

#include "daemon/base/fd.h"

struct ssh_bind_struct;
struct ssh_session_struct;

namespace client {

class SshHost {
public:
    SshHost();
    ~SshHost();
    SshHost(const SshHost&) = delete;
    SshHost& operator=(const SshHost&) = delete;

    /// A session on a connected socket, before its key exchange. To be freed with ssh_free.
    ssh_session_struct* begin(base::Fd socket) const;

private:
    ssh_bind_struct* bind_;
};

} // namespace client
