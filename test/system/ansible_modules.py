"""What an administrator's playbooks do: the modules lxd_container and lxd_profile of community.general."""

import json
import shutil
import subprocess
from pathlib import Path

from system.scenario import Skip, scenario

PLAYBOOKS = Path(__file__).resolve().parents[1] / "data/ansible"


def play(test, book, **variables):
    """task -> {item: its result}; the playbook must end well."""
    variables |= {"socket": str(test.daemon.socket), "prefix": test.name("an") + "-"}
    environment = test.daemon.environment | {
        "ANSIBLE_STDOUT_CALLBACK": "json",
        "ANSIBLE_LOCAL_TEMP": str(test.folder / "ansible"),
        "ANSIBLE_REMOTE_TEMP": str(test.folder / "ansible"),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
        "PATH": "/usr/bin:/bin:/usr/sbin:/sbin",
    }
    command = ["ansible-playbook", "-i", "localhost,", "-e", json.dumps(variables), str(PLAYBOOKS / book)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)
    if done.returncode != 0:
        raise AssertionError(f"{book}: {done.stdout[-3000:]} {done.stderr[-1000:]}")
    results = {}
    for task in json.loads(done.stdout)["plays"][0]["tasks"]:
        result = task["hosts"]["localhost"]
        results[task["task"]["name"]] = {entry.get("item", ""): entry for entry in result.get("results", [result])}
    return results


def changed(results):
    return sorted(f"{task} {item}".strip() for task, items in results.items() for item, one in items.items() if one["changed"])


@scenario(long=True)
def ansible_makes_configures_and_removes_containers(test):
    if not shutil.which("ansible-playbook"):
        raise Skip("Ansible is not installed")
    test.start(bridge=True)
    web, db = test.name("an") + "-web", test.name("an") + "-db"

    first = play(test, "create.yml", reconfigure=False, stop=False)
    test.equal(changed(first), ["containers db", "containers web", "profile"])
    for item, name in (("web", web), ("db", db)):
        test.equal(first["containers"][item]["addresses"], {"eth0": [test.address(name)]}, "it waited for addresses")
        test.equal(test.exec(name, "echo", "up"), "up\n")
    test.equal(test.api.get(f"/1.0/instances/{db}")["expanded_config"]["user.made-by"], "ansible")
    test.equal(changed(play(test, "create.yml", reconfigure=False, stop=False)), [], "a second run")

    test.equal(changed(play(test, "create.yml", reconfigure=True, stop=True)), ["another configuration", "stopped"])
    test.equal(test.api.get(f"/1.0/instances/{db}")["config"]["limits.processes"], "200")
    test.equal(test.state(web)["status"], "Stopped")

    test.equal(changed(play(test, "remove.yml")), ["no containers db", "no containers web", "no profile"])
    test.equal(test.api.get("/1.0/instances"), [])
    test.equal(changed(play(test, "remove.yml")), [], "nothing is left to remove")
