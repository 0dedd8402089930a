// lxd: the daemon, and the sub-commands that talk to a running one. Arguments in, one call out; no other logic.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "daemon/base/own_program.h"
#include "daemon/commands/commands.h"
#include "daemon/daemon.h"
#include "daemon/instance/liblxc_runtime.h"

namespace {

std::string environment(const char* name) {
    const char* value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): before any thread
    return value == nullptr ? "" : value;
}

state::Paths paths_from_environment() {
    state::Paths paths;
    const auto dir = environment("LXD_DIR");
    paths.var = dir.empty() ? "/var/lib/lxd" : dir;
    paths.log = dir.empty() ? "/var/log/lxd" : dir + "/logs";
    paths.cache = dir.empty() ? "/var/cache/lxd" : dir + "/cache";
    paths.runner = base::own_program("lxd-runner", "runner", "LXD_RUNNER");
    return paths;
}

std::unique_ptr<instance::Runtime> make_liblxc_runtime(const state::Paths& paths) {
    return std::make_unique<instance::LiblxcRuntime>(paths);
}

} // namespace

int main(int argc, char** argv) {
    CLI::App app{"The Lightervisor daemon: system containers over a REST API", "lxd"};
    app.set_help_flag("-h,--help", "Print help");

    DaemonOptions options;
    options.paths = paths_from_environment();
    bool debug = false;
    bool verbose = false;
    bool version_flag = false;
    std::vector<std::string> trace;
    app.add_option("--group", options.group, "The group of users that may use the daemon's socket")->type_name("GROUP");
    app.add_option("--logfile", options.log.file, "Path to the log file")->type_name("FILE");
    app.add_flag("--syslog", options.log.syslog, "Log to syslog");
    app.add_option("--trace", trace, "Log tracing targets")->type_name("TARGET")->delimiter(',');
    app.add_flag("-d,--debug", debug, "Show all debug messages")->configurable();
    app.add_flag("-v,--verbose", verbose, "Show all information messages");
    app.add_flag("--version", version_flag, "Print version number");

    std::function<int()> action;
    const auto command = [&](const char* name, const char* words) {
        auto* sub = app.add_subcommand(name, words);
        sub->fallthrough(); // global flags may follow the command
        return sub;
    };

    command("version", "Show the server version")->callback([&] { action = commands::version; });

    command("activateifneeded", "Start the daemon if an instance is to run or the network is to be served")
        ->callback([&] { action = [&] { return commands::activate_if_needed(options.paths); }; });

    int ready_timeout = 0;
    auto* waitready = command("waitready", "Wait until the daemon is ready to process requests");
    waitready->add_option("-t,--timeout", ready_timeout, "Number of seconds to wait before giving up")
        ->type_name("SECONDS");
    waitready->callback([&] { action = [&] { return commands::wait_ready(options.paths, ready_timeout); }; });

    int shutdown_timeout = 0;
    bool force = false;
    auto* shutdown = command("shutdown", "Stop all instances, then the daemon");
    shutdown->add_option("-t,--timeout", shutdown_timeout, "Number of seconds to wait before giving up")
        ->type_name("SECONDS");
    shutdown->add_flag("-f,--force", force, "Do not wait for running operations");
    shutdown->callback([&] { action = [&] { return commands::shut_down(options.paths, shutdown_timeout, force); }; });

    command("keys", "Print a reference of all configuration keys and device options (Markdown)")->callback([&] {
        action = commands::keys;
    });

    std::string instance;
    auto* lxc_conf = command("lxc-conf", "Print the lxc.container.conf that an instance was started with, or would be, "
                                         "and where each item comes from");
    lxc_conf->add_option("INSTANCE", instance, "Name of the instance")->required();
    lxc_conf->callback([&] { action = [&] { return commands::lxc_conf(options.paths, instance); }; });

    command("recover",
            "Find instances and volumes on storage pools that the database does not know, and add them to it")
        ->callback([&] { action = [&] { return commands::recover(options.paths); }; });

    commands::InitOptions init_options;
    auto* init = command("init", "Configure the daemon: a storage pool and the default profile");
    init->add_flag("--auto", init_options.automatic, "Automatic (non-interactive) mode");
    init->add_flag("--minimal", init_options.minimal, "Minimal configuration (non-interactive)");
    init->add_flag("--preseed", init_options.preseed, "Pre-seed mode, expects YAML config from stdin");
    init->add_flag("--dump", init_options.dump, "Dump YAML config to stdout");
    init->add_option("--network-address", init_options.network_address, "Address to bind to (default: none)");
    init->add_option("--network-port", init_options.network_port, "Port to bind to (default: 8443)");
    init->add_option("--storage-backend", init_options.storage_backend,
                     "Storage backend to use (btrfs, dir, lvm, overlay or zfs, default: dir)");
    init->add_option("--storage-create-device", init_options.storage_device,
                     "Set up device based storage using DEVICE");
    init->add_option("--storage-create-loop", init_options.storage_loop, "Set up loop based storage with SIZE in GB");
    init->add_option("--storage-pool", init_options.storage_pool, "Storage pool to use or create");
    init->add_option("--trust-password", init_options.trust_password, "Password required to add new clients");
    init->callback([&] { action = [&] { return commands::init(options.paths, init_options); }; });

    app.require_subcommand(0, 1);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 1;
    }

    if (version_flag) return commands::version();
    if (debug || !trace.empty())
        options.log.level = base::LogLevel::debug;
    else if (verbose)
        options.log.level = base::LogLevel::info;
    try {
        return action ? action() : run_daemon(options, make_liblxc_runtime);
    } catch (const std::exception& error) {
        fmt::print(stderr, "Error: {}\n", error.what());
        return 1;
    }
}
