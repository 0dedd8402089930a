"""ETag and If-Match: a stale one gives 412 and changes nothing, every PUT changes the tag."""

import json

from system.scenario import scenario


@scenario
def stale_tags_are_refused_and_every_put_makes_a_new_one(test):
    test.start()
    name = test.name("tagged")
    test.daemon.lxc("init", "busybox", name, check=True)
    fingerprint = test.api.get("/1.0/images")[0].rsplit("/", 1)[-1]
    for target, change in (
        (f"/1.0/instances/{name}", lambda body, text: body["config"].update({"user.t": text})),
        (f"/1.0/containers/{name}", lambda body, text: body["config"].update({"user.c": text})),
        ("/1.0/profiles/default", lambda body, text: body["config"].update({"user.t": text})),
        (f"/1.0/images/{fingerprint}", lambda body, text: body["properties"].update({"t": text})),
        ("/1.0", lambda body, text: body["config"].update({"user.t": text})),
    ):
        tags = set()
        for text in ("one", "two", "three"):
            answer = test.api.raw("GET", target)
            tag = answer.headers["ETag"]
            test.true(tag, f"{target} has an ETag")
            test.true(tag not in tags, f"{target}: the tag after a PUT is new")
            tags.add(tag)
            body = answer.metadata
            change(body, text)
            put(test, target, body, tag, 200)
            stale = test.api.raw("GET", target)
            change(body, "stale")
            put(test, target, body, tag, 412)
            now = test.api.raw("GET", target)
            test.equal(now.headers["ETag"], stale.headers["ETag"], f"{target}: tag after the refusal")
            test.equal(now.metadata["config" if "config" in body else "properties"], stale.metadata["config" if "config" in body else "properties"], target)
        patched = test.api.raw("PATCH", target, json.dumps({}), {"If-Match": '"stale"'})
        test.equal(patched.status, 412, f"{target}: PATCH with a stale tag")
        test.equal(test.api.raw("GET", target).headers["ETag"], test.api.raw("GET", target).headers["ETag"], "twice the same")


def put(test, target, body, tag, wanted):
    answer = test.api.raw("PUT", target, json.dumps(body), {"If-Match": tag})
    if answer.json["type"] == "async":
        test.api.wait(answer.json["operation"])
        test.equal(wanted, 200, f"PUT {target}")
    else:
        test.equal(answer.status, wanted, f"PUT {target}: {answer.error}")
