"""Files that images make from templates, beside the real LXD and against hostile images."""

import io
import json
import re
import tarfile

from harness import daemon as daemons
from harness import image
from system.scenario import Skip, scenario

TEMPLATES = {
    "/etc/hostname": (["create", "copy", "rename"], "{{ container.name }}\n"),
    "/etc/hosts": (["create"], "127.0.0.1 localhost\n127.0.1.1\t{{ instance.name }}{# names #}\n"),
    "/out/config": (["start"], '{{ config_get("user.a", "none") }} {{ config_get("user.b", "none") }}\n'),
    "/out/lines": (["start"], '{{ config_get("user.text", "") }}|\n'),
    "/out/if": (["start"], "{% if container.privileged == \"true\" %}p{% elif config_get(\"user.a\", \"\") == \"alpha\" %}a{% else %}e{% endif %}"),
    "/out/for": (["start"], "{% for key, value in properties sorted %}{{ forloop.Counter }} {{ key }}={{ value }};{% endfor %}"),
    "/out/devices": (["start"], "{% for name, device in devices %}{{ name }} {{ device.type }} {{ device.path }}{% endfor %}"),
    "/out/split": (["start"], '{% for one in config_get("user.list", "")|split:"," %}<{{ one|upper }}>{% endfor %}'),
    "/out/defaults": (["start"], '{{ nope|default:"d" }}{{ properties.a|default:"x" }}{{ path }}'),
    "/out/trim": (["start"], "a  {%- if true -%}  b  {%- endif -%}  c\n{% comment %} hidden {% endcomment %}d"),
    "/out/escape": (["start"], '{{ config_get("user.html", "") }} {{ config_get("user.html", "")|escape }}'),
    "/out/with": (["start"], '{% with config_get("user.a", "") as a %}{{ a|length }}{{ a|ljust:8 }}|{% endwith %}{{ 7/2 }} {{ 1.5 }}'),
    "/out/deep/er/file": (["create"], "made once\n"),
    "/out/kept": (["start"], "overwritten"),
    "/out/never": (["nonsense"], "never"),
    "/out/architecture": (["start"], "{{ container.architecture }} {{ container.ephemeral }} {{ instance.type }}"),
}
CREATE_ONLY = {"/out/kept", "/bin/busybox"}
CONFIG = {"user.a": "alpha", "user.list": "x,y,z", "user.html": "<b>&</b>", "user.text": "end\n\n"}


def metadata_tarball(templates, create_only=CREATE_ONLY, extra=()):
    """As bytes; JSON is YAML."""
    metadata = {"architecture": "x86_64", "creation_date": 1700000000, "templates": {}}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for number, (path, (when, text)) in enumerate(templates.items()):
            name = f"t{number}.tpl"
            properties = {"a": "1", "b": "two"}
            metadata["templates"][path] = {"when": when, "template": name, "properties": properties, "create_only": path in create_only}
            _add(tar, f"templates/{name}", text.encode())
        for entry in extra:
            tar.addfile(entry)
        _add(tar, "metadata.yaml", json.dumps(metadata).encode())
    return out.getvalue()


def _add(tar, name, data):
    entry = tarfile.TarInfo(name)
    entry.size = len(data)
    tar.addfile(entry, io.BytesIO(data))


def import_split(test, daemon, alias, tarball):
    metadata = test.folder / f"{alias}-{daemon.name}.tar.gz"
    metadata.write_bytes(tarball)
    daemon.lxc("image", "import", metadata, image.all_busybox()["root"], "--alias", alias, check=True)


def made_files(daemon, name):
    """path -> (owner, mode, content) as the container sees them."""
    found = {}
    for path in [*TEMPLATES, "/out/deep/er", "/out"]:
        answer = daemon.api.raw("GET", f"/1.0/instances/{name}/files?path={path}")
        if answer.status != 200:
            found[path] = answer.status
            continue
        content = "" if answer.headers["X-LXD-type"] == "directory" else re.sub(r"tpl-[dr]-\w{4}(-[23])?", "NAME", answer.body.decode())
        found[path] = (*(answer.headers[f"X-LXD-{key}"] for key in ("uid", "gid", "mode")), content)
    return found


def journey(daemon, name):
    """Every trigger once; what is there after each start."""
    seen = []
    options = [f"--config={key}={value}" for key, value in CONFIG.items()]
    daemon.lxc("init", "templates", name, *options, check=True)
    daemon.lxc("file", "push", "--create-dirs", "/dev/null", f"{name}/out/kept", "--uid=7", "--gid=8", "--mode=0600", check=True)
    for step in ("create", "copy", "rename", "start"):
        if step == "copy":
            daemon.lxc("copy", name, f"{name}-2", check=True)
            daemon.lxc("delete", name, check=True)
            name = f"{name}-2"
        if step == "rename":
            daemon.lxc("rename", name, f"{name}-3", check=True)
            name = f"{name}-3"
        seen.append(daemon.api.get(f"/1.0/instances/{name}")["config"].get("volatile.apply_template"))
        daemon.lxc("start", name, check=True)
        seen.append(daemon.api.get(f"/1.0/instances/{name}")["config"].get("volatile.apply_template"))
        seen.append(made_files(daemon, name))
        daemon.lxc("stop", "--force", name, check=True)
    daemon.lxc("delete", name, check=True)
    return seen


@scenario
def a_dozen_templates_give_what_the_real_lxd_gives(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(None, bridge=False)
    results = {}
    for daemon in (test.daemon, real):
        import_split(test, daemon, "templates", metadata_tarball(TEMPLATES))
        results[daemon.name] = journey(daemon, test.name(f"tpl-{daemon.name[0]}"))
    real.lxc("image", "delete", "templates", check=True)
    for number, (ours, theirs) in enumerate(zip(results["daemon"], results["real"], strict=True)):
        test.equal(ours, theirs, f"step {number}")
    first = results["daemon"][2]
    test.equal(first["/out/kept"], ("7", "8", "0600", ""), "create_only")
    test.equal(first["/out/if"], ("0", "0", "0644", "a"))


@scenario
def hostile_templates_write_nothing_outside(test):
    """Each start fails or stays inside, and the host's files are as they were."""
    test.start()
    victim = test.folder / "victim"
    victim.write_text("untouched")
    root = tarfile.TarInfo("rootfs/link")
    root.type, root.linkname = tarfile.SYMTYPE, str(victim)
    up = "/" + "../" * 12 + str(victim).lstrip("/")
    cases = {
        "up": ({up: (["start"], "hostile")}, "leads out"),
        "include": ({"/a": (["start"], f'{{% include "{victim}" %}}')}, "not allowed"),
        "ssi": ({"/a": (["start"], f'{{% ssi "{victim}" %}}')}, "not allowed"),
        "loop": ({"/a": (["start"], "{% for a in s %}".join(['{% set s = "x"|ljust:9999 %}'] + [""] * 3) + "{{ a }}" + "{% endfor %}" * 3)}, "steps"),
        "folder": ({"/etc": (["start"], "hostile")}, "not a regular file"),
    }
    for short, (templates, reason) in cases.items():
        import_split(test, test.daemon, short, metadata_tarball(templates))
        name = test.name(f"h-{short}")
        test.daemon.lxc("init", short, name, check=True)
        done = test.daemon.lxc("start", name)
        test.true(done.returncode != 0 and reason in done.stderr.decode(), f"{short}: {done.stderr.decode()}")
        test.equal(test.state(name)["status"], "Stopped", short)
    test.equal(victim.read_text(), "untouched")

    # Links, absolute and upwards, in the root mean what they mean inside.
    name = test.name("h-link")
    import_split(test, test.daemon, "link", metadata_tarball({"/link": (["start"], "in"), "/up/file": (["start"], "in")}))
    test.daemon.lxc("init", "link", name, check=True)
    folder = test.daemon.folder / "storage-pools/default/containers" / name / "rootfs"
    (folder / "link").symlink_to(victim)
    (folder / "up").symlink_to("../" * 12 + "tmp")
    test.true(test.daemon.lxc("start", name).returncode != 0, "the folder of the link's target is not there inside")
    (folder / "link").unlink()
    (folder / "link").symlink_to("/tmp/inside")
    test.daemon.lxc("start", name, check=True)
    test.equal((victim.read_text(), (folder / "tmp/inside").read_text(), (folder / "tmp/file").read_text()), ("untouched", "in", "in"))


@scenario
def an_image_with_links_among_its_templates_is_refused(test):
    test.start()
    victim = test.folder / "victim"
    victim.write_text("secret")
    link = tarfile.TarInfo("templates/secret.tpl")
    link.type, link.linkname = tarfile.SYMTYPE, str(victim)
    import_split(test, test.daemon, "links", metadata_tarball({}, extra=[link]))
    name = test.name("h-links")
    test.daemon.lxc("init", "links", name, check=True)
    target = f"/1.0/instances/{name}/metadata"
    test.api.ask("PUT", target, {"architecture": "x86_64", "templates": {"/stolen": {"when": ["start"], "template": "secret.tpl"}}})
    test.true(test.daemon.lxc("start", name).returncode != 0, "a link among the templates was followed")
    answer = test.api.raw("GET", f"{target}/templates?path=secret.tpl")
    test.true(answer.status >= 400 and b"secret" not in answer.body.replace(b"secret.tpl", b""), f"{answer.status} {answer.body}")


@scenario
def metadata_and_templates_are_edited_as_with_the_real_lxd(test):
    if not daemons.have_real():
        raise Skip("no real LXD on this host")
    test.start()
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start().set_up(image.busybox(), bridge=False)
    results = {daemon.name: edits(daemon, test.name("edit")) for daemon in (test.daemon, real)}
    for ours, theirs in zip(results["daemon"], results["real"], strict=True):
        test.equal(ours, theirs)
    real.api.ask("DELETE", f"/1.0/instances/{test.name('edit')}")
    real.lxc("image", "delete", "busybox", check=True)


def edits(daemon, name):
    daemon.lxc("init", "busybox", name, check=True)
    target, seen = f"/1.0/instances/{name}/metadata", []

    def ask(method, rest="", body=None, headers=None):
        answer = daemon.api.raw(method, target + rest, body, headers)
        shown = answer.json if answer.headers["Content-Type"] == "application/json" else answer.body.decode()
        if isinstance(shown, dict):
            shown = {key: shown[key] for key in ("type", "status_code", "error_code", "error", "metadata")}
        seen.append((method, rest, answer.status, shown, answer.headers["Content-Disposition"]))
        return answer

    first = ask("GET")
    ask("GET", "/templates")
    wanted = {"architecture": "x86_64", "creation_date": 5, "properties": {"yes": "no", "n": "1"}, "templates": {"/a": {"when": ["start"], "template": "a.tpl"}}}
    ask("PUT", "", wanted)
    ask("GET")
    ask("PATCH", "", {"templates": {"/b": {"when": ["create"], "create_only": True, "template": "b.tpl", "properties": {"p": "~"}}}, "expiry_date": 7})
    ask("GET")
    ask("PATCH", "", {"expiry_date": 8}, {"If-Match": first.headers["ETag"]})
    seen[-1] = seen[-1][:3]  # the text has tags of different formats
    ask("PUT", "", b"{")
    seen[-1] = seen[-1][:3]
    ask("POST", "/templates?path=a.tpl", b"hello {{ container.name }}\n")
    ask("POST", "/templates?path=a.tpl", b"again\n")
    ask("POST", "/templates", b"x")
    ask("POST", "/templates?path=../x", b"x")
    ask("GET", "/templates")
    ask("GET", "/templates?path=a.tpl")
    ask("GET", "/templates?path=none.tpl")
    ask("DELETE", "/templates?path=none.tpl")
    ask("DELETE", "/templates?path=a.tpl")
    ask("DELETE", "/templates")
    ask("GET", "/templates")
    return seen
