// Requests and plain answers on the wire: framing, keep-alive, errors.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "test/unit/http/running_server.h"

namespace {

using http_test::get;
using http_test::RawClient;
using http_test::RunningServer;
using http_test::text_reply;

/// Says what it was asked.
http::Response echo(const http::Request& request) {
    std::string text = request.method + " " + request.path + "\n";
    for (const auto& [name, value] : request.query) text.append(name).append("=").append(value).append("\n");
    return text_reply(text + request.body);
}

class Requests : public testing::Test {
protected:
    RunningServer server{echo};
    RawClient client = server.connect();
};

TEST_F(Requests, ArriveDecodedWithTheirQuery) {
    const auto reply = client.ask(get("/1.0/instances/a%20b?recursion=1&filter=x%3d1+y&recursion=2&flag"));
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, "GET /1.0/instances/a b\nfilter=x=1 y\nflag=\nrecursion=1\n");
}

TEST_F(Requests, FollowEachOtherOnOneConnection) {
    for (int i = 0; i < 3; ++i)
        EXPECT_EQ(client.ask(get("/" + std::to_string(i))).body, "GET /" + std::to_string(i) + "\n");
}

TEST_F(Requests, SentInOneGoAreAnsweredInOrder) {
    std::string all;
    for (int i = 0; i < 20; ++i) all += "PUT /" + std::to_string(i) + " HTTP/1.1\r\nContent-Length: 1\r\n\r\n" + "x";
    client.send(all);
    for (int i = 0; i < 20; ++i) EXPECT_EQ(client.read_reply().body, "PUT /" + std::to_string(i) + "\nx");
}

TEST_F(Requests, SentByteByByteAreUnderstood) {
    for (const char c : std::string("POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc")) client.send({&c, 1});
    EXPECT_EQ(client.read_reply().body, "POST /x\nabc");
}

TEST_F(Requests, WithChunkedBodiesAreBuffered) {
    client.send(
        "PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nTrailer: t\r\n\r\n");
    EXPECT_EQ(client.read_reply().body, "PUT /x\nabcde");
    EXPECT_EQ(client.ask(get("/next")).body, "GET /next\n");
}

TEST_F(Requests, AskingToCloseAreTheLast) {
    client.send(get("/", "Connection: close\r\n"));
    const auto reply = client.read_reply();
    EXPECT_EQ(reply.headers.at("connection"), "close");
    EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(Requests, OfHttp10CloseTheConnection) {
    client.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_THAT(client.read_to_end(), testing::StartsWith("HTTP/1.0 200 OK\r\n"));
}

TEST_F(Requests, OfHttp10CanKeepTheConnection) {
    for (int i = 0; i < 2; ++i) {
        const auto reply = client.ask("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
        EXPECT_EQ(reply.headers.at("connection"), "keep-alive");
    }
}

TEST_F(Requests, ForTheHeadGetNoBody) {
    client.send("HEAD /x HTTP/1.1\r\n\r\n");
    const auto reply = client.read_reply(true);
    EXPECT_EQ(reply.headers.at("content-length"), "8");
    EXPECT_EQ(client.ask(get("/next")).body, "GET /next\n");
}

TEST_F(Requests, ThatCpprestWouldAnswerItselfReachTheHandler) {
    for (const std::string method : {"OPTIONS", "TRACE", "PATCH", "SOMETHING"})
        EXPECT_EQ(client.ask(method + " /x HTTP/1.1\r\n\r\n").body, method + " /x\n");
}

TEST_F(Requests, ThatExpectItAreToldToContinue) {
    client.send("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
    EXPECT_EQ(client.ask("abc").body, "PUT /x\nabc");
}

TEST_F(Requests, WithTheBodyAlreadyThereAreNotToldToContinue) {
    client.send("PUT /x HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    EXPECT_EQ(client.read_reply().body, "PUT /x\nabc");
}

TEST_F(Requests, OfAClientThatClosedForWritingAreAnswered) {
    client.send(get("/x"));
    client.shut_down_writing();
    EXPECT_THAT(client.read_to_end(), testing::EndsWith("\r\n\r\nGET /x\n"));
}

TEST_F(Requests, InAbsoluteFormAreUnderstood) {
    EXPECT_EQ(client.ask(get("http://lxd/1.0?a=b")).body, "GET /1.0\na=b\n");
}

struct Bad {
    std::string name;
    std::string bytes;
    int status;
    std::string error; // a part of it
};

class BadRequests : public testing::TestWithParam<Bad> {};

TEST_P(BadRequests, GetAnErrorInTheApisForm) {
    RunningServer server{echo};
    auto client = server.connect();
    const auto reply = client.ask(GetParam().bytes);
    const auto code = std::to_string(GetParam().status);
    EXPECT_EQ(reply.status, GetParam().status);
    EXPECT_EQ(reply.headers.at("content-type"), "application/json");
    EXPECT_THAT(reply.body,
                testing::StartsWith(R"({"type":"error","status":"","status_code":0,"operation":"","error_code":)" +
                                    code + R"(,"error":")"));
    EXPECT_THAT(reply.body, testing::EndsWith("\",\"metadata\":null}\n"));
    EXPECT_THAT(reply.body, testing::HasSubstr(GetParam().error));
}

/// Each small; they may be taken apart as they come.
std::string many_headers() {
    std::string headers;
    while (headers.size() < 500000) headers += "X-A: b\r\n";
    return headers;
}

INSTANTIATE_TEST_SUITE_P(
    Kinds, BadRequests,
    testing::Values(
        Bad{"NotHttp", "hello\r\n\r\n", 400, "Malformed request"},
        Bad{"Tls", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 11), 400, "Malformed"},
        Bad{"Version", "GET / HTTP/3.0\r\n\r\n", 400, "Malformed request"},
        Bad{"Header", "GET / HTTP/1.1\r\nno colon\r\n\r\n", 400, "Malformed request"},
        Bad{"Length", "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400, "Malformed request"},
        Bad{"TwoLengths", "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, "Malformed"},
        Bad{"LengthAndChunked", "PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400, "Malformed request"},
        Bad{"Chunk", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400, "Malformed request"},
        Bad{"Escape", get("/1.0/%zz"), 400, "URL"}, Bad{"CutEscape", get("/1.0?a=%4"), 400, "URL"},
        Bad{"Nul", get("/1.0/a%00b"), 400, "NUL"}, Bad{"Braces", get("/1.0/{a}"), 400, "target"},
        Bad{"TwoSlashes", get("//host/1.0"), 400, "target"},
        Bad{"Expectation", get("/", "Expect: miracles\r\n"), 417, "expectation"},
        Bad{"Headers", get("/", "X-Long: " + std::string(70000, 'x') + "\r\n"), 431, "too large"},
        Bad{"ManyHeaders", get("/", many_headers()), 431, "too large"}),
    [](const auto& row) { return row.param.name; });

TEST(Answers, KeepTheirStatusAndHeaders) {
    RunningServer server{[](const http::Request&) {
        auto response = text_reply("{}", 202);
        response.headers["Location"] = "/1.0/operations/x";
        response.headers["Content-Type"] = "application/json";
        return response;
    }};
    auto client = server.connect();
    const auto reply = client.ask(get("/"));
    EXPECT_EQ(reply.status, 202);
    EXPECT_EQ(reply.headers.at("location"), "/1.0/operations/x");
    EXPECT_EQ(reply.headers.at("content-type"), "application/json");
    EXPECT_TRUE(reply.headers.contains("date"));
}

TEST(Answers, CannotBeSplitByALineBreakInAHeader) {
    RunningServer server{[](const http::Request&) {
        auto response = text_reply("");
        response.headers["Location"] = "/a\r\nX-Evil: 1";
        return response;
    }};
    auto client = server.connect();
    const auto reply = client.ask(get("/"));
    EXPECT_FALSE(reply.headers.contains("x-evil"));
}

TEST(Answers, ThatMayHaveNoBodyHaveNone) {
    RunningServer server{[](const http::Request&) { return text_reply("ignored", 304); }};
    auto client = server.connect();
    client.send(get("/") + get("/"));
    EXPECT_FALSE(client.read_reply().headers.contains("content-length"));
    EXPECT_EQ(client.read_reply().status, 304);
}

TEST(Answers, OfAHandlerThatThrowsAreInternalErrors) {
    RunningServer server{[](const http::Request&) -> http::Response { throw std::runtime_error("broken"); }};
    auto client = server.connect();
    const auto reply = client.ask(get("/"));
    EXPECT_EQ(reply.status, 500);
    EXPECT_THAT(reply.body, testing::HasSubstr("broken"));
}

TEST(Handlers, SeeWhoAsks) {
    RunningServer server{[](const http::Request& request) {
        const auto& peer = request.peer;
        return text_reply(std::to_string(peer.uid) + " " + std::to_string(peer.gid) + " " + std::to_string(peer.pid));
    }};
    auto client = server.connect();
    EXPECT_EQ(client.ask(get("/")).body,
              std::to_string(geteuid()) + " " + std::to_string(getegid()) + " " + std::to_string(getpid()));
}

TEST(Handlers, SeeHeadersWithoutCaseAndJoined) {
    RunningServer server{[](const http::Request& request) {
        return text_reply(request.header("x-lxd-MODE") + "|" + request.header("accept") + "|" +
                          request.header("missing"));
    }};
    auto client = server.connect();
    EXPECT_EQ(client.ask(get("/", "X-LXD-mode: 0644\r\nAccept: a\r\naccept: b\r\n")).body, "0644|a, b|");
}

} // namespace
