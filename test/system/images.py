"""Images over the REST API: request by request beside the real LXD, and what only the daemon's own clock shows."""

import hashlib
import json
import re

from harness import daemon as daemons
from harness import image
from system.scenario import Skip, scenario

OCTETS = {"Content-Type": "application/octet-stream"}
JSON = {"Content-Type": "application/json"}


def plain(value):
    """Without what may differ: ours lets uploads be cancelled, and shows operations for as long in other orders."""
    if isinstance(value, dict):
        return {key: plain(value[key]) for key in value if key != "may_cancel" and (key != "metadata" or value[key])}
    return [plain(entry) for entry in value] if isinstance(value, list) else value


class Client:
    """One daemon, asked the same as the other; answers are kept as masked texts."""

    def __init__(self, daemon, files):
        self.daemon = daemon
        self.files = files
        self.said = []
        self.secret = ""

    def ask(self, method, target, body=None, headers=None):
        target = target.replace("SECRET", self.secret)
        answer = self.daemon.api.raw(method, target, body, headers)
        text = answer.body.decode(errors="replace")
        if answer.headers.get("Content-Type", "").startswith("application/json"):
            envelope = answer.json
            if envelope["type"] == "async":
                text = f"{envelope['metadata']['description']} {self.follow(envelope)}"
            else:
                text = f"{envelope['error']} {json.dumps(plain(envelope['metadata']), sort_keys=True)}"
        else:
            text = f"{content(answer)}"
        headers = {key: answer.headers[key] for key in ("Location", "Content-Disposition") if answer.headers[key]}
        self.note(f"{method} {target}: {answer.status} {headers} {text}")
        return answer

    def follow(self, envelope):
        """Tokens never end by themselves; what other operations come to is part of the answer."""
        if envelope["metadata"]["class"] == "token":
            self.secret = envelope["metadata"]["metadata"]["secret"]
            return ""
        done = self.daemon.api.raw("GET", envelope["operation"] + "/wait").metadata
        return " then " + json.dumps(plain(done), sort_keys=True)

    def note(self, text):
        text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "UUID", text)
        text = re.sub(r"20\d\d-\d\d-\d\dT[0-9:.]+(Z|[+-][0-9:]+)", "TIME", text)
        text = text.replace(self.secret, "SECRET") if self.secret else text
        text = re.sub(r"ETag doesn't match: [0-9a-f]{64}", "ETag doesn't match: HASH", text)
        # Each JSON library has its own words; the real one's URLs of aliases are encoded twice.
        text = re.sub(r"(invalid character|unexpected EOF|json: cannot|`\w+` was not|(\w+: )?Invalid JSON)[^{]* null$", "BAD JSON", text)
        text = text.replace("%25", "%") if "/1.0/images/aliases/" in text else text
        self.said.append(text)

    def upload(self, headers, body=None):
        """A file, or given bytes."""
        return self.ask("POST", "/1.0/images", body or self.files["unified"].read_bytes(), OCTETS | headers)

    def upload_split(self, boundary="b", names=("metadata", "rootfs"), headers=()):
        parts = b""
        for name, kind in zip(names, ("metadata", "root")):
            disposition = f'form-data; name="{name}"; filename="{kind}.file"'
            parts += f"--{boundary}\r\nContent-Disposition: {disposition}\r\n\r\n".encode() + self.files[kind].read_bytes() + b"\r\n"
        kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return self.ask("POST", "/1.0/images", parts + f"--{boundary}--\r\n".encode(), kind | dict(headers))


def content(answer):
    """Parts with their names, or the whole, as sums."""
    kind = answer.headers["Content-Type"]
    if not kind.startswith("multipart/"):
        return hashlib.sha256(answer.body).hexdigest()
    boundary = kind.partition("boundary=")[2].encode()
    # The real one ends the whole twice.
    heads = [part.split(b"\r\n\r\n", 1) for part in answer.body.split(b"--" + boundary)[1:] if not part.startswith(b"--")]
    return [(sorted(head.decode().strip().split("\r\n")), hashlib.sha256(body).hexdigest()) for head, body in heads]


def fingerprint(*files):
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def uploads(client, unified, split):
    client.ask("GET", "/1.0/images")
    client.upload({"X-LXD-properties": "os=Busybox&release=1%202", "X-LXD-filename": "my file.tar.gz", "X-LXD-public": "1"})
    client.upload({})
    client.upload({"X-LXD-fingerprint": split})
    client.upload({}, b"rubbish")
    client.ask("POST", "/1.0/images", b"{", JSON)
    client.ask("POST", "/1.0/images", {"source": {"type": "nonsense"}}, JSON)
    client.upload_split(names=("rootfs", "metadata"))
    client.upload_split(names=("metadata", "other"))
    client.upload_split(headers={"X-LXD-fingerprint": split})
    client.upload_split()
    client.ask("GET", "/1.0/images")
    client.ask("GET", "/1.0/images?recursion=1")
    for part in (unified[:12], unified, split[:6]):
        client.ask("GET", f"/1.0/images/{part}")
        client.ask("GET", f"/1.0/images/{part}/export")
    for missing in ("0" * 64, "xyz"):
        client.ask("GET", f"/1.0/images/{missing}")
        client.ask("GET", f"/1.0/images/{missing}/export")
        client.ask("DELETE", f"/1.0/images/{missing}")


def changes(client, unified):
    url = f"/1.0/images/{unified}"
    client.ask("PUT", url, {"public": True, "properties": {"a": "1", "empty": ""}, "auto_update": True})
    client.ask("GET", url)
    client.ask("PATCH", url, {"properties": {"b": "2"}, "public": False})
    client.ask("PATCH", url, {"properties": {"a": ""}})
    client.ask("PATCH", url, {"auto_update": False})
    client.ask("GET", url)
    client.ask("PATCH", url, {"public": "yes"})
    client.ask("PUT", url, {"public": "yes"})
    client.ask("PUT", url, b"rubbish")
    client.ask("PUT", url, {"expires_at": "2031-02-03T04:05:06Z", "profiles": ["default"]})
    client.ask("PUT", url, {"expires_at": "0001-01-01T00:00:00Z", "profiles": []})
    client.ask("GET", url)
    client.ask("PUT", url, {"profiles": ["missing"]})
    client.ask("PUT", url, {"profiles": None, "properties": {"os": "Busybox"}})
    client.ask("GET", url)
    client.ask("PUT", url, {}, {"If-Match": "wrong"})
    client.ask("PATCH", url, {}, {"If-Match": "wrong"})
    client.ask("POST", url + "/refresh")
    client.ask("POST", "/1.0/images/xyz/refresh")
    client.ask("POST", url)
    client.ask("PUT", url + "/export")
    for text in ("public%20eq%20true", "properties.os%20eq%20Busybox", "properties.os%20eq%20nothing", "size%20eq%201"):
        client.ask("GET", f"/1.0/images?filter={text}")


def aliases(client, unified, split):
    base = "/1.0/images/aliases"
    client.ask("GET", base)
    client.ask("POST", base, {"name": "one", "target": unified, "description": "words"})
    client.ask("POST", base, {"name": "one", "target": unified})
    client.ask("POST", base, {"name": "a/b c", "target": unified[:10]})
    client.ask("POST", base, {"name": "two", "target": "xyz"})
    client.ask("POST", base, {"name": "", "target": unified})
    client.ask("POST", base, {"name": "two"})
    client.ask("POST", base, b"rubbish")
    client.ask("POST", base, {"name": "bad?#name\n", "target": unified})
    client.ask("GET", base)
    client.ask("GET", base + "?recursion=1")
    client.ask("GET", base + "/one")
    client.ask("GET", base + "/a%2Fb%20c")
    client.ask("GET", base + "/a/b%20c")
    client.ask("GET", base + "/missing")
    client.ask("PUT", base + "/one", {"target": split})
    client.ask("GET", base + "/one")
    client.ask("PUT", base + "/one", {"description": "lost"})
    client.ask("PUT", base + "/one", {"target": "xyz"})
    client.ask("PUT", base + "/one", {"target": split}, {"If-Match": "wrong"})
    client.ask("PUT", base + "/missing", {"target": split})
    # The real one waits for itself in any PATCH of an alias that would succeed.
    client.ask("PATCH", base + "/one", {"target": 1})
    client.ask("PATCH", base + "/missing", {})
    client.ask("GET", base + "/one")
    client.ask("POST", base + "/one", {"name": "a/b c"})
    client.ask("POST", base + "/one", {"name": "x/y"})
    client.ask("POST", base + "/missing", {"name": "z"})
    client.ask("GET", base + "/x/y")
    client.ask("GET", f"/1.0/images/{unified}")
    client.ask("DELETE", base + "/x/y")
    client.ask("DELETE", base + "/x/y")
    client.ask("GET", base)


def secrets(client, unified):
    url = f"/1.0/images/{unified}"
    client.ask("POST", url[:30] + "/secret")
    client.ask("GET", url + "?secret=wrong")
    client.ask("GET", url + "?secret=SECRET")
    client.ask("GET", url + "/export?secret=SECRET")
    client.ask("POST", "/1.0/images/xyz/secret")


def removals(client, unified, split):
    client.ask("DELETE", f"/1.0/images/{unified[:9]}")
    client.ask("GET", "/1.0/images")
    client.ask("GET", "/1.0/images/aliases")
    client.ask("DELETE", f"/1.0/images/{split}")
    client.ask("GET", "/1.0/images?recursion=1")


@scenario
def every_answer_is_that_of_the_real_lxd(test):
    if not daemons.have_real():
        raise Skip("no real LXD")
    files = image.all_busybox()
    unified, split = fingerprint(files["unified"]), fingerprint(files["metadata"], files["root"])
    real = test.other_daemon(daemons.REAL_DAEMON, "real").start()
    clients = [Client(real, files), Client(test.daemon.start(), files)]
    for client in clients:
        uploads(client, unified, split)
        changes(client, unified)
        aliases(client, unified, split)
        secrets(client, unified)
        removals(client, unified, split)
    different = [f"\n  real {one}\n  ours {two}" for one, two in zip(*(client.said for client in clients)) if one != two]
    test.equal("".join(different), "")


def told(test, method, target, body=None, headers=None):
    answer = test.api.raw(method, target, body, headers)
    return answer.status, answer.error


@scenario
def what_the_real_lxd_does_badly_is_done_well(test):
    """It crashes on a body without a source, waits for itself when an alias is patched, takes `%` for every fingerprint
    and an empty name for an alias."""
    test.start()
    (shown,) = test.api.get("/1.0/images?recursion=1")
    url, base = f"/1.0/images/{shown['fingerprint']}", "/1.0/images/aliases"
    test.equal(told(test, "POST", "/1.0/images", {}, JSON), (500, "Invalid images JSON"))
    for body in ({"source": {}}, {"source": None}, [], {"source": []}):
        test.true(told(test, "POST", "/1.0/images", body, JSON)[0] in (400, 500), str(body))
    test.equal(told(test, "GET", "/1.0/images/%25"), (404, "Image not found"))
    test.equal(told(test, "PUT", url, {"profiles": ["default", "default"]})[0], 400)
    test.equal(told(test, "POST", f"{base}/busybox", {"name": ""})[0], 400)
    test.api.ask("PATCH", f"{base}/busybox", {"description": "new"})
    test.equal(test.api.get(f"{base}/busybox")["description"], "new")
    for name in ("a/b c", "bad%?#name\n", "äöü"):
        made = test.api.raw("POST", base, {"name": name, "target": shown["fingerprint"]})
        test.equal(test.api.get(made.headers["Location"])["name"], name)
        test.true(made.headers["Location"] in test.api.get(base), "it is listed under its URL")
        test.api.ask("DELETE", made.headers["Location"])


@scenario
def sources_to_come_are_refused_with_what_is_true(test):
    test.start()
    for source, reason in (
        ({"type": "image", "server": "https://localhost", "fingerprint": "0" * 64}, "Images of other servers cannot be downloaded yet"),
        ({"type": "url", "url": "https://localhost"}, "Images cannot be downloaded from a URL yet"),
        ({"type": "image", "mode": "push"}, "Other servers cannot push images here yet"),
    ):
        test.equal(told(test, "POST", "/1.0/images", {"source": source}, JSON), (501, reason))
    test.equal(len(test.api.get("/1.0/images")), 1)


@scenario
def a_container_gets_the_profiles_of_its_image(test):
    test.start()
    (shown,) = test.api.get("/1.0/images?recursion=1")
    test.api.ask("POST", "/1.0/profiles", {"name": "web", "config": {"user.web": "yes"}})
    test.api.ask("PUT", f"/1.0/images/{shown['fingerprint']}", {"profiles": ["default", "web"]})
    for given, profiles in ((None, ["default", "web"]), (["default"], ["default"])):
        name = test.name("i")
        body = {"name": name, "source": {"type": "image", "alias": "busybox"}}
        test.api.ask("POST", "/1.0/instances", body | ({"profiles": given} if given else {}))
        test.equal(test.api.get(f"/1.0/instances/{name}")["profiles"], profiles)
        test.api.ask("DELETE", f"/1.0/instances/{name}")
    test.true(test.api.get(f"/1.0/images/{shown['fingerprint']}")["last_used_at"] > "2020", "the use is noted")


@scenario
def both_kinds_come_out_as_they_went_in(test):
    files = image.all_busybox()
    test.start()
    test.daemon.lxc("image", "import", files["metadata"], files["root"], "--alias", "split", check=True)
    for alias, parts in (("busybox", ["unified"]), ("split", ["metadata", "root"])):
        folder = test.folder / alias
        folder.mkdir()
        test.daemon.lxc("image", "export", alias, f"{folder}/", check=True)
        got = sorted(hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir())
        test.equal(got, sorted(fingerprint(files[part]) for part in parts))
