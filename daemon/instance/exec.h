#pragma once
// A command run inside a container with its streams on websockets (LXD's exec protocol: behaviours, exec). Made by the
// API's exec handler, run by its operation.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "daemon/base/cancel.h"
#include "daemon/base/web_socket.h"
#include "daemon/base/worker_pool.h"
#include "daemon/instance/client_sockets.h"
#include "daemon/instance/jobs.h"
#include "daemon/instance/runtime.h"
#include "schema/api/instance.h"
#include "schema/config.h"
#include "schema/json.h"

namespace instance {

/// The environment of a command: the request's over the instance's `environment.*` over LXD's defaults.
/// `extra_path` are folders that the container has beyond the usual ones ("/snap/bin").
std::map<std::string, std::string> exec_environment(const schema::InstanceExecPost& post,
                                                    const schema::Config& expanded_config,
                                                    const std::vector<std::string>& extra_path);
/// Which of LXD's additional folders a running container has.
std::vector<std::string> extra_path(pid_t init_pid);

class WebSocketExec {
public:
    /// `post.environment` is complete already.
    WebSocketExec(Runtime& runtime, base::WorkerPool& workers, std::string name, pid_t init_pid,
                  schema::InstanceExecPost post);

    const std::vector<std::string>& command() const noexcept { return post_.command; }
    const std::map<std::string, std::string>& environment() const noexcept { return post_.environment; }
    bool interactive() const noexcept { return post_.interactive; }
    /// {"0": secret, ..., "control": secret}: the `fds` of the operation's metadata.
    schema::Json fds() const { return sockets_.fds(); }
    /// See operations::Operation::connect: without a socket the secret is only checked.
    void connect(const std::string& secret, std::shared_ptr<base::WebSocket> socket) {
        sockets_.connect(secret, std::move(socket));
    }
    /// Waits for the sockets, runs the command, moves its data, and closes the sockets. The exit code.
    int run(const base::CancelToken& cancel);

private:
    /// Closes the sockets and waits for the jobs that serve them.
    struct CloseAtEnd {
        WebSocketExec& exec;
        ~CloseAtEnd() { exec.close_sockets(); }
    };

    void wait_for_sockets(const base::CancelToken& cancel);
    void close_sockets();
    int run_with_pipes(const base::CancelToken& cancel);
    int run_with_terminal(const base::CancelToken& cancel);
    int supervise(ExecSession& session, const base::CancelToken& cancel, int terminal);
    void handle_control(ExecSession& session, int terminal);

    Runtime& runtime_;
    std::string name_;
    pid_t init_pid_;
    schema::InstanceExecPost post_;

    ClientSockets sockets_;
    Jobs jobs_;
    base::Fd ended_; // eventfd, readable once the command has ended
};

/// Runs a command without a client: nothing on its input, output to the two descriptors (or nowhere: -1).
int run_detached(Runtime& runtime, const std::string& name, const schema::InstanceExecPost& post, int out, int err,
                 const base::CancelToken& cancel);

} // namespace instance
