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
    real.delete_instances()
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
def a_volume_that_the_database_has_lost_is_never_touched(test):
    test.start()
    test.api.ask("POST", "/1.0/storage-pools", {"name": "second", "driver": "dir"})
    source = test.name("source")
    test.daemon.lxc("init", "busybox", source, check=True)
    lost = test.name("lost")
    kept = {}
    for pool in ("default", "second"):
        for name in (lost, source):
            volume = test.daemon.folder / "storage-pools" / pool / "containers" / name
            if not volume.exists():
                volume.mkdir()
                (volume / "data").write_text("all that is left")
                kept[pool, name] = volume / "data"
    test.equal(len(kept), 3)
    backup = test.folder / "backup.tar.gz"
    test.daemon.lxc("export", source, str(backup), check=True)
    for command in (
        ("init", "busybox", lost),
        ("init", "busybox", lost, "--storage", "second"),
        ("copy", source, lost),
        ("copy", source, lost, "--storage", "second"),
        ("move", source, "--storage", "second"),
        ("import", str(backup), lost),
        ("rename", source, lost),
    ):
        done = test.daemon.lxc(*command)
        test.true(done.returncode == 1 and b"already" in done.stderr, f"{command}: {done.stderr}")
    test.daemon.kill()
    test.daemon.start()
    for volume in kept.values():
        test.equal(volume.read_text(), "all that is left")
    test.equal(test.daemon.lxc("list", "--format=csv", "--columns=n").stdout.decode().split(), [source])
    test.daemon.lxc("start", source, check=True)


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


def copy_names(test, name):
    return [entry["name"] for entry in test.api.get(f"/1.0/instances/{name}/snapshots?recursion=1")]


def snapshot(test, name, snapshot_name, content):
    """Takes one after changing the file."""
    (test.daemon.folder / "containers" / name / "rootfs/root/file").write_text(content, encoding="utf-8")
    test.api.ask("POST", f"/1.0/instances/{name}/snapshots", {"name": snapshot_name})


def content(test, name, snapshot_name=""):
    folder = test.daemon.folder / ("snapshots" if snapshot_name else "containers") / name / snapshot_name
    return (folder / "rootfs/root/file").read_text(encoding="utf-8")


def with_snapshots(test, short):
    """A stopped instance of three states: two snapshots and its own."""
    name = test.name(short)
    test.daemon.lxc("init", "busybox", name, "-c", "user.a=1", check=True)
    snapshot(test, name, "one", "1")
    snapshot(test, name, "two", "2")
    (test.daemon.folder / "containers" / name / "rootfs/root/file").write_text("3", encoding="utf-8")
    return name


@scenario
def a_snapshot_becomes_an_instance(test):
    test.start()
    name = with_snapshots(test, "from")
    test.daemon.lxc("config", "set", name, "user.a=2", check=True)
    test.api.ask("POST", "/1.0/instances", order(f"{name}-2", f"{name}/one"))
    test.equal((content(test, f"{name}-2"), copy_names(test, f"{name}-2")), ("1", []))
    test.equal(test.api.get(f"/1.0/instances/{name}-2")["config"]["user.a"], "1", "configured as it was")
    test.daemon.lxc("copy", f"{name}/two", f"{name}-3", check=True)
    test.daemon.lxc("delete", name, check=True)
    test.daemon.lxc("start", f"{name}-3", check=True)
    test.equal(test.exec(f"{name}-3", "cat", "/root/file"), "2")


@scenario
def a_refresh_brings_what_is_missing(test):
    test.start()
    name = with_snapshots(test, "fresh")
    copy = f"{name}-2"
    test.daemon.lxc("copy", name, copy, check=True)
    test.daemon.lxc("config", "set", copy, "user.own=kept", check=True)
    kept = (test.daemon.folder / "snapshots" / copy / "two/rootfs/root/file").stat().st_ino
    test.api.ask("DELETE", f"/1.0/instances/{name}/snapshots/one")
    snapshot(test, name, "three", "4")
    snapshot(test, copy, "extra", "its own")
    (test.daemon.folder / "containers" / name / "rootfs/root/file").write_text("5", encoding="utf-8")
    again = {"name": copy, "source": {"type": "copy", "source": name, "refresh": True}}
    test.api.ask("POST", "/1.0/instances", again)
    test.equal(copy_names(test, copy), ["two", "three"])
    test.equal((content(test, copy), content(test, copy, "two"), content(test, copy, "three")), ("5", "2", "4"))
    test.equal((test.daemon.folder / "snapshots" / copy / "two/rootfs/root/file").stat().st_ino, kept, "what is the same stays")
    config = test.api.get(f"/1.0/instances/{copy}")["config"]
    test.equal((config["user.own"], config["volatile.apply_template"]), ("kept", "copy"))
    test.equal([key for key in config if key.endswith((".restoring", ".frozen_source"))], [])
    test.daemon.lxc("copy", "--refresh", name, copy, check=True)
    test.equal(copy_names(test, copy), ["two", "three"])
    test.daemon.lxc("start", copy, check=True)
    try:
        test.api.ask("POST", "/1.0/instances", again)
        raise AssertionError("a running one was refreshed")
    except Refused as refused:
        test.equal(refused.text, "Failed getting exclusive access to instance: Instance is running")
    test.equal(test.exec(copy, "cat", "/root/file"), "5")
    test.api.ask("POST", "/1.0/instances", order(f"{name}-3", name) | {"source": {"type": "copy", "source": name, "refresh": True}})
    test.equal(copy_names(test, f"{name}-3"), ["two", "three"], "without a target it is a copy")


@scenario
def an_instance_moves_to_another_pool(test):
    test.start()
    test.api.ask("POST", "/1.0/storage-pools", {"name": "second", "driver": "dir"})
    name = with_snapshots(test, "move")
    uuid = test.api.get(f"/1.0/instances/{name}")["config"]["volatile.uuid"]
    test.daemon.lxc("move", name, "-s", "second", check=True)
    entry = test.api.get(f"/1.0/instances/{name}")
    test.equal((entry["expanded_devices"]["root"]["pool"], entry["config"]["volatile.uuid"]), ("second", uuid))
    test.equal((content(test, name), content(test, name, "one")), ("3", "1"))
    test.equal(list((test.daemon.folder / "storage-pools/default/containers").glob(f"{name}*")), [])
    test.equal(list((test.daemon.folder / "storage-pools/default/containers-snapshots").glob(f"{name}*")), [])
    test.api.ask("PUT", f"/1.0/instances/{name}", {"restore": "two"})
    test.equal(test.api.get(f"/1.0/instances/{name}")["expanded_devices"]["root"]["pool"], "second", "a restore stays there")
    test.daemon.lxc("start", name, check=True)
    test.equal(test.exec(name, "cat", "/root/file"), "2")
    answer = test.api.raw("POST", f"/1.0/instances/{name}", {"name": name, "migration": True, "pool": "default", "live": False})
    done = test.api.raw("GET", answer.json["operation"] + "/wait").metadata
    test.equal(done["err"], "Instance must be stopped to move between pools statelessly")
    test.daemon.lxc("stop", "--force", name, check=True)
    order_back = {"name": f"{name}-2", "migration": True, "pool": "default", "instance_only": True}
    test.api.ask("POST", f"/1.0/instances/{name}", order_back)
    test.equal((content(test, f"{name}-2"), copy_names(test, f"{name}-2")), ("2", []))
    test.api.ask("DELETE", "/1.0/storage-pools/second")


@scenario
def a_kill_while_moving_or_refreshing_leaves_it_whole(test):
    test.start()
    test.api.ask("POST", "/1.0/storage-pools", {"name": "second", "driver": "dir"})
    name = test.launch("cut")
    fill(test, name, files=300)
    test.daemon.lxc("stop", "--force", name, check=True)
    snapshot(test, name, "one", "1")
    copy = f"{name}-2"
    test.daemon.lxc("copy", name, copy, check=True)
    pools = test.daemon.folder / "storage-pools"
    for number, delay in enumerate((0.0, 0.02, 0.1, 0.3, 0.6)):
        pool = ("second", "default")[number % 2]
        test.api.raw("POST", f"/1.0/instances/{name}", {"name": name, "migration": True, "pool": pool})
        test.api.raw("POST", "/1.0/instances", {"name": copy, "source": {"type": "copy", "source": name, "refresh": True}})
        time.sleep(delay)  # the moment is what the test is about
        test.daemon.kill()
        test.daemon.start()
        for one in (name, copy):
            entry = test.api.get(f"/1.0/instances/{one}")
            marks = [key for key in entry["config"] if key.endswith((".moving", ".restoring", ".frozen_source"))]
            own = entry["expanded_devices"]["root"]["pool"]
            there = [path.parent.parent.name for path in pools.glob(f"*/containers/{one}")]
            test.equal((marks, there), ([], [own]), f"{one}, killed after {delay} s")
            test.equal(copy_names(test, one), ["one"], f"{one}, killed after {delay} s")
            kept = [path.name for path in (test.daemon.folder / "snapshots" / one).iterdir()]
            test.equal((kept, content(test, one, "one")), (["one"], "1"), f"{one}, killed after {delay} s")
            test.equal(len(list((test.daemon.folder / "containers" / one / "rootfs/data").iterdir())), 301, one)
    test.daemon.lxc("delete", name, check=True)
    test.api.ask("DELETE", "/1.0/storage-pools/second")
