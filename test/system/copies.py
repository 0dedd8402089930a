"""Copies of instances on one host: what they keep, of running ones, cancelled and killed."""

import json
import time

from harness import daemon as daemons
from harness import image
from harness.rest import Refused
from system.kill import init_pid
from system.scenario import Skip, scenario


def order(name, source, **more):
    return {"name": name, "source": {"type": "copy", "source": source}, "profiles": ["default"], **more}


def refusals(daemon, name):
    """Status and text of each bad order."""
    seen = []
    wanted = (
        {"name": "a", "source": {"type": "copy"}},
        order("a", "nobody"),
        order("a", f"{name}/nothing"),
        order(name, name),
        order("a b", name),
        order("a", name, profiles=["nope"]),
        order("a", name, stateful=True),
        order("a", name, config={"bad.key": "1"}),
        order("a", name, profiles=[]),
    )
    for body in wanted:
        answer = daemon.api.raw("POST", "/1.0/instances", body)
        envelope = answer.json
        text = envelope.get("error")
        if envelope["type"] == "async":
            finished = daemon.api.raw("GET", envelope["operation"] + "/wait").metadata
            text = (finished["err"], finished["description"], finished["resources"])
        seen.append((answer.status, json.loads(json.dumps(text).replace(name, "NAME"))))
    return seen


def kept(daemon, name, copy):
    """What a copy has of its source; new ids are masked."""
    source, made = (daemon.api.get(f"/1.0/instances/{one}") for one in (name, copy))
    for key in ("volatile.uuid", "volatile.cloud-init.instance-id"):
        if made["config"][key] == source["config"][key]:
            made["config"][key] = "the source's"
    volatile = {key for key in made["config"] if key.startswith("volatile.") and not key.startswith("volatile.eth0")}
    plain = {key: value for key, value in made["config"].items() if not key.startswith(("volatile.", "image."))}
    return sorted(volatile), plain, made["devices"], made["profiles"], made["ephemeral"], made["description"], made["config"]["volatile.apply_template"]


@scenario
def a_copy_keeps_what_the_real_lxds_keeps(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    results = {}
    for daemon in (test.daemon, real):
        name = test.name(f"src-{daemon.name[0]}")
        daemon.lxc("init", "busybox", name, "-c", "user.a=1", "-c", "boot.autostart.delay=2", "-c", "limits.memory=64MiB", check=True)
        daemon.lxc("config", "device", "add", name, "null", "disk", "source=/dev/null", "path=/null", check=True)
        seen = refusals(daemon, name)
        daemon.api.ask("POST", "/1.0/instances", order(f"{name}-2", name, config={"user.a": "", "user.b": "2"}, ephemeral=True, description="words"))
        seen.append(kept(daemon, name, f"{name}-2"))
        seen.append(daemon.lxc("copy", name, f"{name}-3", "-c", "user.c=3").returncode)
        seen.append(kept(daemon, name, f"{name}-3"))
        results[daemon.name] = seen
    real.delete_everything()
    real.lxc("image", "delete", "busybox", check=True)
    for number, (ours, theirs) in enumerate(zip(results["daemon"], results["real"], strict=True)):
        test.equal(ours, theirs, f"step {number}")


@scenario
def a_copy_of_a_running_one_has_its_files_and_a_life_of_its_own(test):
    test.start(bridge=True)
    name = test.launch("ran")
    test.exec(name, "sh", "-c", "echo here > /root/file; mknod /root/fifo p; ln /root/file /root/hard; chmod 4755 /root/file")
    before = init_pid(name)
    copies = [f"{name}-{number}" for number in range(3)]
    answers = [test.api.raw("POST", "/1.0/instances", order(copy, name)).json["operation"] for copy in copies]
    for answer in answers:
        test.api.wait(answer)
    test.equal((test.state(name)["status"], init_pid(name)), ("Running", before), "the source goes on")
    test.equal(test.exec(name, "echo", "alive"), "alive\n")
    addresses = {test.api.get(f"/1.0/instances/{one}")["config"]["volatile.eth0.hwaddr"] for one in (name, *copies)}
    test.equal(len(addresses), 4, "each has a MAC address of its own")
    for copy in copies:
        test.daemon.lxc("start", copy, check=True)
        shown = test.exec(copy, "sh", "-c", "cat /root/hard; stat -c '%a %h %u' /root/file; stat -c %F /root/fifo; hostname")
        test.equal(shown, f"here\n4755 2 0\nfifo\n{copy}\n")
    test.daemon.lxc("delete", "--force", name, check=True)
    test.equal(test.exec(copies[0], "cat", "/root/file"), "here\n")


@scenario
def a_frozen_source_stays_frozen(test):
    test.start()
    name = test.launch("frozen")
    test.daemon.lxc("pause", name, check=True)
    test.api.ask("POST", "/1.0/instances", order(f"{name}-2", name))
    test.equal(test.state(name)["status"], "Frozen")
    test.daemon.lxc("delete", "--force", name, check=True)


@scenario
def a_copy_goes_to_another_pool(test):
    test.start()
    test.api.ask("POST", "/1.0/storage-pools", {"name": "second", "driver": "dir"})
    name = test.launch("pool")
    test.exec(name, "sh", "-c", "echo here > /root/file")
    root = {"root": {"type": "disk", "path": "/", "pool": "second"}}
    test.api.ask("POST", "/1.0/instances", order(f"{name}-2", name, devices=root))
    test.daemon.lxc("start", f"{name}-2", check=True)
    test.equal(test.exec(f"{name}-2", "cat", "/root/file"), "here\n")
    test.true((test.daemon.folder / "storage-pools/second/containers" / f"{name}-2").exists(), "it lies in the other pool")
    test.daemon.lxc("delete", "--force", f"{name}-2", check=True)
    test.api.ask("DELETE", "/1.0/storage-pools/second")


def fill(test, name, files=4000):
    """Enough that a copy takes a while."""
    script = f"mkdir -p /data; i=0; while [ $i -lt {files} ]; do echo $i > /data/$i; i=$((i+1)); done; dd if=/dev/zero of=/data/big bs=1M count=200 2>/dev/null"
    test.exec(name, "sh", "-c", script)


def left_of(test, copy):
    folder = test.daemon.folder
    found = [path for path in (folder / "containers").iterdir() if path.name == copy]
    found += [path for path in (folder / "storage-pools/default/containers").iterdir() if path.name in (copy,) or path.name.startswith(".partial")]
    return found


@scenario
def a_cancelled_copy_leaves_nothing_and_the_source_runs(test):
    test.start()
    name = test.launch("cancel")
    fill(test, name)
    copy = f"{name}-2"
    cancelled = False
    for delay in (0.0, 0.02, 0.05):
        operation = test.api.raw("POST", "/1.0/instances", order(copy, name)).json["operation"]
        time.sleep(delay)
        if test.api.raw("DELETE", operation).status != 200:  # it was done before
            test.daemon.lxc("delete", copy, check=True)
            continue
        done = test.api.raw("GET", f"{operation}/wait").metadata
        test.equal(done["status"], "Cancelled")
        cancelled = True
        test.equal(test.api.raw("GET", f"/1.0/instances/{copy}").status, 404)
        test.until(lambda: not left_of(test, copy), "its files are gone")
        test.equal(test.state(name)["status"], "Running")
        test.equal(test.exec(name, "echo", "alive"), "alive\n")
    test.true(cancelled, "no copy was slow enough to be cancelled")


@scenario
def a_kill_while_copying_leaves_nothing_half_made(test):
    test.start()
    name = test.launch("kill")
    fill(test, name)
    copy = f"{name}-2"
    for delay in (0.0, 0.01, 0.03, 0.06, 0.1, 0.2):
        test.api.raw("POST", "/1.0/instances", order(copy, name))
        time.sleep(delay)
        test.daemon.kill()
        test.daemon.start()
        test.equal(test.state(name)["status"], "Running", f"killed after {delay} s")
        test.equal(test.exec(name, "echo", "alive"), "alive\n", f"killed after {delay} s")
        try:
            config = test.api.get(f"/1.0/instances/{copy}")["config"]
        except Refused:
            test.until(lambda: not left_of(test, copy), f"killed after {delay} s: nothing is left")
            continue
        test.equal([key for key in config if "incomplete" in key or "frozen_source" in key], [])
        test.daemon.lxc("start", copy, check=True)
        test.equal(test.exec(copy, "cat", "/data/3999"), "3999\n", f"killed after {delay} s")
        test.daemon.lxc("delete", "--force", copy, check=True)


@scenario
def a_source_is_deleted_only_after_its_copy(test):
    test.start()
    name = test.launch("gone")
    fill(test, name, files=500)
    test.daemon.lxc("stop", "--force", name, check=True)
    operation = test.api.raw("POST", "/1.0/instances", order(f"{name}-2", name)).json["operation"]
    deletion = test.api.raw("DELETE", f"/1.0/instances/{name}").json["operation"]
    test.api.wait(deletion)
    try:
        test.api.wait(operation)
    except Refused as refused:  # the deletion was first
        test.true("not found" in refused.text, refused.text)
        return
    test.daemon.lxc("start", f"{name}-2", check=True)
    test.equal(test.exec(f"{name}-2", "sh", "-c", "ls /data | wc -l"), "501\n")


@scenario
def all_instances_change_state_in_one_call(test):
    test.start()
    names = [test.launch(f"bulk{number}") for number in range(3)]
    stopped = test.name("bulk-off")
    test.daemon.lxc("init", "busybox", stopped, check=True)

    def change(action, **more):
        answer = test.api.raw("PUT", "/1.0/instances", {"state": {"action": action, **more}}).json
        return answer["metadata"]["description"], test.api.wait(answer["operation"])

    description, done = change("freeze")
    test.equal((description, done["resources"]), ("Freezing instance", {"instances": [f"/1.0/instances/{name}" for name in names]}))
    test.equal({test.state(name)["status"] for name in names}, {"Frozen"})
    change("unfreeze")
    change("restart", force=True)
    test.equal({test.state(name)["status"] for name in names}, {"Running"})
    change("start")
    test.equal(test.state(stopped)["status"], "Running")
    change("stop", force=True)
    test.equal({test.state(name)["status"] for name in (*names, stopped)}, {"Stopped"})
    for body in ({}, {"state": {"action": "nonsense"}}, {"state": None}):
        answer = test.api.raw("PUT", "/1.0/instances", body)
        test.true(answer.status == 400 and answer.error.startswith("Unknown action: '"), f"{body}: {answer.status} {answer.error}")

    test.daemon.lxc("config", "set", names[0], "raw.lxc=lxc.init.cmd = /nonsense", check=True)
    answer = test.api.raw("PUT", "/1.0/instances", {"state": {"action": "start"}}).json
    failed = test.api.raw("GET", f"{answer['operation']}/wait").metadata
    test.true(failed["err"].startswith(f"The following instances failed to update state:\n - Instance: {names[0]}: "), failed["err"])
    test.equal([test.state(name)["status"] for name in names], ["Stopped", "Running", "Running"])
