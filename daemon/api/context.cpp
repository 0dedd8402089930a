#include "daemon/api/context.h"

#include <charconv>
#include <pwd.h>
#include <unistd.h>

#include "schema/error.h"

namespace api {

namespace {

std::string user_name(uid_t uid) {
    char buffer[4096];
    passwd entry{};
    passwd* found = nullptr;
    if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr) return found->pw_name;
    return std::to_string(uid);
}

} // namespace

bool is_trusted(const http::Request& request) {
    return request.peer.kind == http::Peer::Kind::unix_socket;
}

schema::Requestor requestor(const http::Request& request) {
    if (is_trusted(request)) return {user_name(request.peer.uid), "unix", "@"};
    return {"", "tls", request.peer.address};
}

schema::Json json_body(const http::Request& request) {
    if (request.stream)
        throw schema::Error(schema::ErrorKind::too_large,
                            fmt::format("Request body is larger than {} bytes", http::buffered_body_limit));
    return schema::Json::parse(request.body);
}

int recursion(const http::Request& request) {
    const auto& text = request.parameter("recursion");
    int value = 0;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

const std::string& argument(const http::Request& request, const std::string& name) {
    const auto found = request.arguments.find(name);
    if (found == request.arguments.end() || found->second.empty())
        throw schema::bad_request("The request path lacks {}", name);
    return found->second;
}

} // namespace api
