#pragma once
// A client at an instance's console, over two websockets: "0" carries the console's bytes both ways, "control" changes
// of the window's size. Made by the API's console handler, run by its operation.

#include <functional>
#include <memory>
#include <string>

#include "daemon/base/cancel.h"
#include "daemon/base/fd.h"
#include "daemon/base/worker_pool.h"
#include "daemon/instance/client_sockets.h"
#include "daemon/instance/jobs.h"
#include "daemon/instance/runtime.h"
#include "schema/api/console.h"

namespace instance {

class WebSocketConsole {
public:
    WebSocketConsole(Runtime& runtime, base::WorkerPool& workers, std::string name, pid_t init_pid,
                     schema::InstanceConsolePost post);

    schema::Json fds() const { return sockets_.fds(); }
    /// See operations::Operation::connect: without a socket the secret is only checked.
    void connect(const std::string& secret, std::shared_ptr<base::WebSocket> socket) {
        sockets_.connect(secret, std::move(socket));
    }
    /// Waits for the client, and returns when it or the container has gone. `attached` is called in between. Throws
    /// where the console cannot be had.
    void run(const base::CancelToken& cancel, const std::function<void()>& attached);

private:
    void serve(const std::shared_ptr<base::WebSocket>& data, int terminal);
    void obey_control(int terminal);
    void resize(int terminal, int width, int height) const;

    Runtime& runtime_;
    std::string name_;
    pid_t init_pid_;
    schema::InstanceConsolePost post_;
    std::shared_ptr<base::Fd> ended_; // eventfd, readable once the session is to end; outlives us with a late callback
    ClientSockets sockets_;
    Jobs jobs_; // last: they use all of the above
};

} // namespace instance
