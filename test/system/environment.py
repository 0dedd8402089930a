"""What the daemon says of itself and of the host."""

from harness import daemon as daemons
from system.scenario import Skip, scenario

# The fields that speak of the host; the others (server, server_version, certificate ...) speak of the daemon.
OF_THE_HOST = [
    *("architectures", "driver", "driver_version", "firewall", "kernel", "kernel_architecture", "kernel_features"),
    *("kernel_version", "lxc_features", "os_name", "os_version", "server_clustered", "server_event_mode", "server_name"),
    *("storage", "storage_version", "project"),
]

# Those of later 5.0 releases that we have.
LATER = {
    *("container_syscall_filtering_allow_deny_syntax", "instance_ready_state", "instances_files_modify_permissions"),
    *("container_syscall_intercept_sysinfo", "instances_nic_limits_priority", "numa_cpu_placement"),
}


@scenario
def the_environment_equals_a_real_lxds(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start()
    real.lxc("storage", "create", "default", "dir", check=True)
    wanted = real.api.get("/1.0")
    got = test.api.get("/1.0")
    test.equal(sorted(got), sorted(wanted), "top-level fields")
    test.equal(sorted(got["environment"]), sorted(wanted["environment"]), "fields of the environment")
    for field in OF_THE_HOST:
        test.equal(got["environment"][field], wanted["environment"][field], field)
    for field in ("api_status", "api_version", "auth", "public", "auth_methods", "auth_user_name", "auth_user_method"):
        test.equal(got.get(field), wanted.get(field), field)
    extra = set(got["api_extensions"]) - set(wanted["api_extensions"]) - LATER
    test.equal(extra, set(), "extensions that LXD 5.0.2 does not know")


@scenario
def unknown_paths_and_methods_answer_like_lxd(test):
    test.start()
    root = test.api.raw("GET", "/")
    test.equal((root.status, root.metadata), (200, ["/1.0"]))
    missing = test.api.raw("GET", "/2.0")
    test.equal((missing.status, missing.json["error_code"], missing.json["type"]), (404, 404, "error"))
    test.equal(test.api.raw("POST", "/1.0").status, 501)
