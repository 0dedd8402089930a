#pragma once
// The whole daemon without sockets and without containers: requests go straight into the handler.

#include <gtest/gtest.h>

#include "daemon/api/bind.h"
#include "daemon/rooms.h"
#include "test/fakes/fake_runtime.h"
#include "test/fakes/temporary_folder.h"

class DaemonTest : public testing::Test {
protected:
    DaemonTest();

    /// Takes the rooms down and builds them anew over the same folder and runtime, as a restart of the daemon does.
    void restart();

    /// The answer, waited for where it comes later.
    http::Response ask(const std::string& method, const std::string& target, const std::string& body = "",
                       http::Headers headers = {});
    /// The `metadata` of a successful answer; the finished operation of an asynchronous one, whatever became of it.
    schema::Json get(const std::string& method, const std::string& target, const std::string& body = "");
    schema::Json get(const std::string& target) { return get("GET", target); }
    /// Status and text of an error: "404 Instance not found". Of an operation that failed: "operation: TEXT". "ok"
    /// where there was none.
    std::string error(const std::string& method, const std::string& target, const std::string& body = "",
                      http::Headers headers = {});
    std::string etag(const std::string& target);

    /// A pool, a profile with a root disk in it, and an image called `box`.
    void set_up_storage();
    void make_instance(const std::string& name, const std::string& more = "");
    void start(const std::string& name) { change_state(name, R"({"action":"start"})"); }
    void change_state(const std::string& name, const std::string& body);
    std::string status(const std::string& name);

    fakes::FakeRuntime& runtime() { return *runtime_; }

    fakes::TemporaryFolder folder_;
    fakes::FakeRuntime* runtime_ = nullptr;
    std::shared_ptr<instance::Runtime> shared_runtime_;
    std::unique_ptr<Rooms> rooms_;
    http::Handler handler_;
    bool asked_to_end_ = false;
};

/// The text of a response's body; streamed bodies are read.
std::string body_of(const http::Response& response);
