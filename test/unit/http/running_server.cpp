#include "test/unit/http/running_server.h"

#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <thread>

namespace http_test {

TempDir::TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "http-test-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw std::runtime_error("mkdtemp");
    path_ = name;
}

TempDir::~TempDir() {
    std::filesystem::remove_all(path_);
}

RunningServer::RunningServer(http::Handler handler, http::Server::Options options)
    : server(options, workers, std::move(handler)) {
    server.listen_unix(http::bind_unix(path, 0600, -1));
}

http::Response text_reply(std::string text, int status) {
    http::Response response;
    response.status = status;
    response.body = std::move(text);
    return response;
}

size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<size_t>(std::distance(begin(all), end(all)));
}

bool eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return true;
}

} // namespace http_test
