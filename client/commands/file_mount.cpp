// lxc file mount: a folder of an instance as a folder of this machine, by sshfs over the server's SFTP; or all of its
// files for SSH clients.

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "client/commands/commands.h"
#include "client/commands/file_listen.h"
#include "client/instances.h"
#include "client/interrupts.h"
#include "client/session.h"
#include "client/target.h"
#include "daemon/base/process.h"
#include "schema/error.h"
#include "schema/values.h"

namespace client {

namespace {

constexpr Flag flags[] = {
    {"auth-user", 0, FlagKind::text, "User name that SSH clients must give (default: one made up)"},
    {"listen", 0, FlagKind::text, "Address and port to listen on for SSH clients in place of mounting"},
    {"no-auth", 0, FlagKind::toggle, "Ask SSH clients for no user name and password"},
};

void check_target(const std::string& path) {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) {
        throw schema::bad_request("stat {}: {}", path,
                                  errno == ENOENT ? "no such file or directory"
                                                  : std::generic_category().message(errno));
    }
    if (!S_ISDIR(status.st_mode)) throw schema::bad_request("Target path must be a directory");
}

base::Fd open_sftp(Server& server, const std::string& instance) {
    try {
        return server.connection().upgrade(instance_url(instance) + "/sftp", "sftp");
    } catch (const schema::Error& error) {
        throw schema::Error(error.kind(), fmt::format("Failed connecting to instance SFTP: {}", error.what()));
    }
}

/// Until sshfs ends: ctrl+c makes it unmount, which it reports as a failure and is none.
base::Exit wait_for(base::Process& sshfs, const Interrupts& interrupts) {
    for (bool interrupted = false;;) {
        std::array<pollfd, 2> fds{{{sshfs.pidfd(), POLLIN, 0}, {interrupts.fd(), POLLIN, 0}}};
        if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) {
            throw std::system_error(errno, std::generic_category(), "poll");
        }
        if (fds[0].revents != 0) {
            const auto exit = sshfs.wait();
            return interrupted ? base::Exit{} : exit;
        }
        if (fds[1].revents == 0) continue;
        interrupts.consume();
        interrupted = true;
        sshfs.kill(SIGINT);
    }
}

void mount(Server& server, const std::string& instance, const std::string& path, const std::string& target) {
    const auto program = base::find_program("sshfs");
    if (program.empty()) throw schema::failure("sshfs not found. Try SSH SFTP mode using the --listen flag");
    const Interrupts interrupts{SIGINT, SIGTERM, SIGHUP};
    const auto sftp = open_sftp(server, instance);
    // The name says in the table of mounts where it comes from; sshfs connects to nothing of itself.
    auto sshfs = base::Process::spawn({
        .argv = {program, "-o", "slave", fmt::format("lxd.{}:{}", instance, path), target},
        .fds = {{sftp.get(), STDIN_FILENO}, {sftp.get(), STDOUT_FILENO}, {STDERR_FILENO, STDERR_FILENO}},
        .directory = ".",
    });
    print(fmt::format("sshfs mounting \"{}{}\" on \"{}\"\nPress ctrl+c to finish\n", instance, path, target));
    std::fflush(stdout);
    const auto exit = wait_for(sshfs, interrupts);
    print("sshfs has stopped\n");
    if (!exit.ok()) throw schema::failure("sshfs failed with exit code {}", exit.code);
}

int run(Session& session, Call& call) {
    const auto resource = session.resource(call.arguments[0]);
    const bool mounts = call.arguments.size() > 1;
    const auto target = mounts ? clean_path(call.arguments[1]) : std::string();
    if (mounts) check_target(target);
    if (mounts && !call.flags.text("listen").empty()) {
        throw schema::bad_request("Target path and --listen flag cannot be used together");
    }
    const auto slash = resource.name.find('/');
    if (mounts && slash == std::string::npos) {
        throw schema::bad_request("Invalid instance path: {}", schema::quoted(resource.name));
    }
    if (!mounts && slash != std::string::npos) {
        throw schema::bad_request("Instance path cannot be used in SSH SFTP listener mode");
    }
    const auto instance = resource.name.substr(0, slash);
    if (mounts) {
        mount(resource.server, instance, clean_path("/" + resource.name.substr(slash + 1)), target);
        return 0;
    }
    resource.server.get(instance_url(instance)); // throws where there is none
    listen_for_sftp(session, call, call.arguments[0]);
}

} // namespace

constinit const Command commands::file_mount{
    .name = "mount",
    .arguments = "[<remote>:]<instance>[/<path>] [<target path>]",
    .summary = "Show an instance's folder in a folder of this machine, or its files to SSH clients",
    .details =
        "To mount needs the program sshfs. With --listen, or without a target path, it listens for SFTP over SSH: on\n"
        "this machine alone where no address is given, and for whoever knows the user name and the password that it\n"
        "prints. Either way it lasts until it is interrupted.",
    .examples = "lxc file mount c1/root c1-root\n    Show c1's /root in the folder c1-root.\n\n"
                "lxc file mount c1 --listen 127.0.0.1:2222\n    Let SFTP clients on this machine at c1's files.",
    .flags = flags,
    .least = 1,
    .most = 2,
    .run = run,
};

} // namespace client
