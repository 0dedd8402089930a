"""What a pylxd program does, step by step, as lines to compare. Debian 12's pylxd calls instances containers."""

import io

from interop.masks import masked

try:
    import pylxd
except ImportError:
    pylxd = None


def available():
    return pylxd is not None


def run(daemon, image):
    """[(step, result)]"""
    socket = str(daemon.socket).replace("/", "%2F")
    client = pylxd.Client(endpoint=f"http+unix://{socket}")
    kept = {}
    results = []
    for name, step in STEPS:
        try:
            result = step(client, kept, image)
        except (AttributeError, KeyError, TypeError):  # the step is wrong, or the answer is
            raise
        except Exception as error:  # a refusal is compared too
            result = f"{type(error).__name__}: {error}"
        results.append((f"pylxd {name}", "\n".join(masked(f"{result}\n", {daemon.folder: "$LXD_DIR"}))))
    return results


def _create(client, kept, _image):
    config = {"name": "p1", "source": {"type": "image", "alias": "busybox"}, "config": {"user.a": "1"}}
    kept["c"] = client.containers.create(config, wait=True)
    return kept["c"].name, kept["c"].status, kept["c"].config["user.a"], kept["c"].profiles


def _start(_client, kept, _image):
    kept["c"].start(wait=True)
    kept["c"].sync()
    return kept["c"].status, kept["c"].state().status


def _execute(_client, kept, _image):
    return tuple(kept["c"].execute(["sh", "-c", "echo out; echo err >&2; exit 5"], environment={"A": "b"}))


def _execute_stdin(_client, kept, _image):
    return tuple(kept["c"].execute(["cat"], stdin_payload="piped"))


def _files(_client, kept, _image):
    kept["c"].files.put("/root/f", b"content", mode=0o640, uid=5, gid=6)
    back = kept["c"].files.get("/root/f")
    listing = kept["c"].execute(["ls", "-ln", "/root/f"]).stdout.split()[:4]
    kept["c"].files.delete("/root/f")
    try:
        kept["c"].files.get("/root/f")
        gone = "still there"
    except pylxd.exceptions.NotFound:
        gone = "gone"
    return back, listing, gone


def _config(_client, kept, _image):
    kept["c"].config["user.b"] = "2"
    kept["c"].save(wait=True)
    kept["c"].sync()
    return kept["c"].config["user.b"]


def _missing(client, _kept, _image):
    return client.containers.get("missing")


def _containers(client, _kept, _image):
    return [container.name for container in client.containers.all()], client.containers.exists("p1")


def _freeze(_client, kept, _image):
    kept["c"].freeze(wait=True)
    kept["c"].sync()
    frozen = kept["c"].status
    kept["c"].unfreeze(wait=True)
    kept["c"].sync()
    return frozen, kept["c"].status


def _restart(_client, kept, _image):
    kept["c"].restart(force=True, wait=True)
    kept["c"].sync()
    return kept["c"].status


def _delete_running(_client, kept, _image):
    kept["c"].delete(wait=True)


def _stop_rename_delete(client, kept, _image):
    kept["c"].stop(force=True, wait=True)
    kept["c"].rename("p2", wait=True)
    names = [container.name for container in client.containers.all()]
    client.containers.get("p2").delete(wait=True)
    return names, [container.name for container in client.containers.all()]


def _profiles(client, _kept, _image):
    profile = client.profiles.create("pyl", config={"user.p": "1"}, devices={"n": {"type": "none"}})
    profile.config["user.p"] = "2"
    profile.save()
    changed = client.profiles.get("pyl").config
    profile.rename("pyl2")
    names = sorted(entry.name for entry in client.profiles.all())
    client.profiles.get("pyl2").delete()
    return changed, names, client.profiles.exists("pyl2")


def _images(client, _kept, image):
    found = client.images.all()[0]
    alias = client.images.get_by_alias("busybox").fingerprint == found.fingerprint
    found.add_alias("pyl", "from pylxd")
    names = sorted(entry["name"] for entry in client.images.get(found.fingerprint[:12]).aliases)
    found.delete_alias("pyl")
    exported = io.BytesIO(found.export().read()).getvalue() == image.read_bytes()
    return alias, names, exported, found.properties


def _pools(client, _kept, _image):
    pool = client.storage_pools.create({"name": "pyl", "driver": "dir"})
    names = sorted(entry.name for entry in client.storage_pools.all())
    pool.delete()
    return names, sorted(entry.name for entry in client.storage_pools.all())


STEPS = [
    ("create", _create),
    ("start", _start),
    ("execute", _execute),
    ("execute with input", _execute_stdin),
    ("files", _files),
    ("config", _config),
    ("missing", _missing),
    ("containers", _containers),
    ("freeze", _freeze),
    ("restart", _restart),
    ("delete running", _delete_running),
    ("stop, rename, delete", _stop_rename_delete),
    ("profiles", _profiles),
    ("images", _images),
    ("storage pools", _pools),
]
