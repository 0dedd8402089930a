"""`lxd init`: by options, by answers and by a preseed."""

import re
import subprocess

from harness import daemon as daemons
from system.scenario import Skip, scenario


def init(test, *options, answers=""):
    """Exit code, standard output, standard error."""
    done = subprocess.run(
        [str(test.binary), "init", *options],
        env=test.daemon.environment, input=answers, capture_output=True, text=True, timeout=60, check=False,
    )
    return done.returncode, done.stdout, done.stderr


def root_disk(test):
    return test.api.get("/1.0/profiles/default")["devices"].get("root")


@scenario
def init_by_itself_makes_a_dir_pool_once(test):
    test.daemon.start()
    test.equal(init(test, "--auto"), (0, "", ""))
    test.equal(test.api.get("/1.0/storage-pools/default")["driver"], "dir")
    test.equal(root_disk(test), {"type": "disk", "path": "/", "pool": "default"})
    test.equal(init(test, "--auto"), (0, "", ""), "again")
    code, _, words = init(test, "--auto", "--storage-backend", "overlay")
    test.equal((code, words), (1, "Error: Storage has already been configured\n"))
    test.equal(init(test, "--dump", "--auto")[0], 1)


@scenario
def init_by_answers_proposes_copy_on_write(test):
    test.daemon.start()
    code, shown, words = init(test, answers="\n\n\n\nyes\n")
    test.equal((code, words), (0, ""))
    pool = test.api.get("/1.0/storage-pools/default")
    test.true(f"[default={pool['driver']}]" in shown, shown)
    test.true(pool["driver"] in ("overlay", "btrfs"), pool["driver"])
    test.equal(root_disk(test)["pool"], "default")
    test.true("storage_pools:" in shown, "the preseed is printed")


@scenario
def a_preseed_is_laid_over_what_is_there_all_or_nothing(test):
    test.daemon.start()
    wanted = """
config:
  user.site: 12
storage_pools:
- name: fast
  driver: overlay
  description: words
profiles:
- name: default
  devices:
    root: {type: disk, path: /, pool: fast}
- name: web
  config: {limits.memory: 1GiB, boot.autostart: true}
"""
    test.equal(init(test, "--preseed", answers=wanted), (0, "", ""))
    test.equal(test.api.get("/1.0/profiles/web")["config"], {"limits.memory": "1GiB", "boot.autostart": "true"})
    test.equal(root_disk(test)["pool"], "fast")
    test.equal(test.api.get("/1.0")["config"]["user.site"], "12")
    code, dumped, _ = init(test, "--dump")
    test.equal(code, 0)
    test.equal(init(test, "--preseed", answers=dumped), (0, "", ""), "what was dumped changes nothing")
    test.equal(init(test, "--dump")[1], dumped)

    bad = "storage_pools:\n- {name: more, driver: dir}\nprofiles:\n- {name: default, description: other}\n- {name: bad, config: {no.key: 1}}\n"
    code, _, words = init(test, "--preseed", answers=bad)
    test.true(code == 1 and words.startswith('Error: Failed to create profile "bad": '), words)
    test.equal(init(test, "--dump")[1], dumped, "nothing of it stays")
    for text, said in (("pools: []\n", "field pools not found"), ("storage_pools:\n- {name: x, size: 3}\n", "field size not found")):
        test.true(said in init(test, "--preseed", answers=text)[2], said)
    code, _, words = init(test, "--preseed", answers="storage_pools:\n- {name: fast, driver: dir}\n")
    test.equal(words, 'Error: Storage pool "fast" is of type "overlay" instead of "dir"\n')


@scenario
def what_a_real_daemon_dumps_is_taken(test):
    test.daemon.start()
    dumped = init(test, "--dump")[1]
    test.true("\nnetworks: []\n" in dumped and "\nprojects:\n" in dumped, dumped)
    test.equal(init(test, "--preseed", answers=dumped), (0, "", ""))
    for project in ("{name: web}", "{name: default, config: {features.images: false}}", "{name: default, description: other}"):
        code, _, words = init(test, "--preseed", answers=f"projects: [{project}]\n")
        test.true(code == 1 and words.startswith("Error: Failed to create project "), words)
    if not daemons.have_real():
        raise Skip("there is no real LXD here")
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start()
    run = subprocess.run([str(real.binary), "init", "--dump"], env=real.environment, capture_output=True, text=True, check=True)
    parts = [{part.split(":")[0]: re.sub(r"\n[ -]*", "\n", part).replace('"', "") for part in re.split(r"(?m)^(?=\w)", text.rstrip())} for text in (dumped, run.stdout)]
    test.equal(list(parts[0]), list(parts[1]), "the sections, in this order")
    for section in ("networks", "projects"):
        test.equal(parts[0][section].rstrip(), parts[1][section].rstrip())
    test.equal(init(test, "--preseed", answers=run.stdout), (0, "", ""))
