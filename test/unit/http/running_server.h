#pragma once
// A server on a unix socket in a temporary folder, for one test.

#include <string>

#include <unistd.h>

#include "daemon/base/worker_pool.h"
#include "daemon/http/server.h"
#include "test/unit/http/raw_client.h"

namespace http_test {

class TempDir {
public:
    TempDir();
    ~TempDir();
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
    std::string path_;
};

class RunningServer {
public:
    explicit RunningServer(http::Handler handler, http::Server::Options options = {});

    RawClient connect() const { return RawClient(path); }

    TempDir folder;
    const std::string path = folder / "socket";
    base::WorkerPool workers{64};
    http::Server server;
};

/// Answers with `text`.
http::Response text_reply(std::string text, int status = 200);
/// Open descriptors of this process.
size_t open_descriptors();
/// Waits, at most 20 seconds, until `condition` holds; polls, for what no event tells.
bool eventually(const std::function<bool()>& condition);

} // namespace http_test
