// lxc-sftp-listener: lets SSH clients at an instance's files. `lxc file mount --listen` becomes it.

#include <chrono>
#include <csignal>
#include <cstdio>

#include <fmt/format.h>

#include "client/cures.h"
#include "client/flags.h"
#include "client/instances.h"
#include "client/session.h"
#include "client/sftp_listener/clients.h"
#include "client/sftp_listener/credentials.h"
#include "client/sftp_listener/listen_address.h"
#include "client/sftp_listener/ssh_host.h"
#include "client/sftp_listener/ssh_session.h"
#include "schema/error.h"
#include "schema/values.h"

namespace client {

namespace {

constexpr size_t word_length = 8;

constexpr Flag flags[] = {
    {"auth-user", 0, FlagKind::text, "User name to ask for; without one it is made up"},
    {"debug", 0, FlagKind::toggle, "As for lxc"},
    {"force-local", 0, FlagKind::toggle, "As for lxc"},
    {"listen", 0, FlagKind::text, "Address and port to listen on", "127.0.0.1:0"},
    {"login-seconds", 0, FlagKind::number, "How long a client may take to log in", "120"},
    {"no-auth", 0, FlagKind::toggle, "Ask for no password"},
    {"project", 0, FlagKind::text, "As for lxc"},
    {"verbose", 0, FlagKind::toggle, "As for lxc"},
};

std::optional<Credentials> credentials_from(const FlagValues& chosen) {
    if (chosen.on("no-auth")) return std::nullopt;
    auto user = chosen.text("auth-user");
    if (user.empty()) user = random_word(word_length);
    return Credentials{std::move(user), random_word(word_length)};
}

Globals globals_from(const FlagValues& chosen) {
    return {.force_local = chosen.on("force-local"),
            .debug = chosen.on("debug"),
            .verbose = chosen.on("verbose"),
            .project = chosen.text("project")};
}

base::Fd listener_on(const std::string& address) {
    try {
        return listen_on(address);
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed to listen for connection: {}", error.what()));
    }
}

void announce(int listener, const std::optional<Credentials>& credentials) {
    tell(stdout, fmt::format("SSH SFTP listening on {}", local_address(listener)));
    tell(stdout, credentials ? fmt::format("Login with username {} and password {}", schema::quoted(credentials->user),
                                           schema::quoted(credentials->password))
                             : "Login without username and password");
}

[[noreturn]] void run(const ParsedFlags& given) {
    if (given.arguments.size() != 1)
        throw schema::bad_request("lxc-sftp-listener is started by lxc file mount --listen");
    const auto globals = globals_from(given.flags);
    const auto& instance = given.arguments[0];
    const SessionTerms terms{
        .credentials = credentials_from(given.flags),
        .login_time = std::chrono::seconds(given.flags.number("login-seconds")),
        // Each connects by itself, in its own process.
        .open_sftp =
            [&] {
                Session session(globals, "file");
                const auto resource = session.resource(instance);
                return resource.server.connection().upgrade(instance_url(resource.name) + "/sftp", "sftp");
            },
    };
    const SshHost host;
    auto listener = listener_on(given.flags.text("listen"));
    announce(listener.get(), terms.credentials);
    serve_clients(std::move(listener), [&](base::Fd socket, const std::string& peer) {
        try {
            serve_ssh(host, std::move(socket), peer, terms);
        } catch (const schema::Error& error) {
            tell(stderr, fmt::format("Failed SSH handshake with client {}: {}", schema::quoted(peer), error.what()));
        }
    });
}

} // namespace

} // namespace client

int main(int argc, char** argv) {
    // Whoever reads what is printed may go.
    std::signal(SIGPIPE, SIG_IGN);
    try {
        client::run(client::parse_flags({argv + 1, argv + argc}, client::flags, {}));
    } catch (const std::exception& error) {
        client::print_error(error.what());
        return 1;
    }
}
