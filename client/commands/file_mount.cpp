// lxc file mount: a folder of an instance as a folder of this machine, by sshfs over the server's SFTP.

#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>

#include "client/commands/commands.h"
#include "client/instances.h"
#include "client/interrupts.h"
#include "client/session.h"
#include "client/target.h"
#include "daemon/base/process.h"
#include "schema/error.h"

namespace client {

namespace {

constexpr Flag flags[] = {
    {"auth-user", 0, FlagKind::text, "User name that the SSH listener asks for"},
    {"listen", 0, FlagKind::text, "Listen for SFTP over SSH on this address and port in place of mounting"},
    {"no-auth", 0, FlagKind::toggle, "Let the SSH listener ask for no password"},
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

int run(Session& session, Call& call) {
    if (call.arguments.size() < 2 || !call.flags.text("listen").empty()) {
        throw schema::bad_request("An SSH listener cannot be set up yet. To mount a folder name one of this machine: "
                                  "lxc file mount c1/srv /mnt");
    }
    const auto resource = session.resource(call.arguments[0]);
    const auto target = clean_path(call.arguments[1]);
    check_target(target);
    const auto slash = resource.name.find('/');
    if (slash == std::string::npos) throw schema::bad_request("Invalid instance path: \"{}\"", resource.name);
    const auto instance = resource.name.substr(0, slash);
    const auto path = clean_path("/" + resource.name.substr(slash + 1));
    const auto program = base::find_program("sshfs");
    if (program.empty()) throw schema::failure("sshfs not found: install it (on Debian and Ubuntu: apt install sshfs)");

    const Interrupts interrupts{SIGINT, SIGTERM, SIGHUP};
    const auto sftp = open_sftp(resource.server, instance);
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
    return 0;
}

} // namespace

constinit const Command commands::file_mount{
    .name = "mount",
    .arguments = "[<remote>:]<instance>/<path> <target path>",
    .summary = "Show an instance's folder in a folder of this machine",
    .details = "It needs the program sshfs, and lasts until it is interrupted.",
    .examples = "lxc file mount c1/root c1-root\n    Show c1's /root in the folder c1-root.",
    .flags = flags,
    .least = 1,
    .most = 2,
    .run = run,
};

} // namespace client
