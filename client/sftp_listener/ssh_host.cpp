#include "client/sftp_listener/ssh_host.h"

#include <libssh/server.h>

#include "schema/error.h"

namespace client {

SshHost::SshHost() : bind_(::ssh_bind_new()) {
    if (bind_ == nullptr) throw schema::failure("Failed generating SSH host key: out of memory");
    // The host's own SSH server has settings that are none of ours.
    const bool process_config = false;
    ::ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_PROCESS_CONFIG, &process_config);
    ssh_key key = nullptr;
    const bool made = ::ssh_pki_generate(SSH_KEYTYPE_ECDSA_P384, 0, &key) == SSH_OK;
    // The key is the bind's from here on.
    if (made && ::ssh_bind_options_set(bind_, SSH_BIND_OPTIONS_IMPORT_KEY, key) == SSH_OK) return;
    ::ssh_key_free(key);
    ::ssh_bind_free(bind_);
    throw schema::failure("Failed generating SSH host key");
}

SshHost::~SshHost() {
    ::ssh_bind_free(bind_);
}

ssh_session_struct* SshHost::begin(base::Fd socket) const {
    const auto session = ::ssh_new();
    if (session == nullptr) throw schema::failure("out of memory");
    // The socket is the session's, also where this fails.
    if (::ssh_bind_accept_fd(bind_, session, socket.release()) == SSH_OK) return session;
    const std::string cause = ::ssh_get_error(bind_);
    ::ssh_free(session);
    throw schema::failure("{}", cause);
}

} // namespace client
