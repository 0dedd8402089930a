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
        ("/1.0/images/aliases/busybox", lambda body, text: body.update(description=text)),
        ("/1.0/storage-pools/default", lambda body, text: body["config"].update({"user.t": text})),
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
            test.equal(changeable(now.metadata), changeable(stale.metadata), target)
        patched = test.api.raw("PATCH", target, json.dumps({}), {"If-Match": '"stale"'})
        test.equal(patched.status, 412, f"{target}: PATCH with a stale tag")
        test.equal(test.api.raw("GET", target).headers["ETag"], test.api.raw("GET", target).headers["ETag"], "twice the same")


@scenario
def a_patch_of_an_images_metadata_heeds_its_tag(test):
    """As with LXD a PUT does not."""
    test.start()
    name = test.name("tagged")
    test.daemon.lxc("init", "busybox", name, check=True)
    target = f"/1.0/instances/{name}/metadata"
    first = test.api.raw("GET", target)
    tag = first.headers["ETag"]
    for headers, status in (({"If-Match": tag}, 200), ({"If-Match": tag}, 412), ({"If-Match": '"stale"'}, 412), ({}, 200)):
        before = test.api.get(target)
        answer = test.api.raw("PATCH", target, json.dumps({"properties": {"t": str(headers) + str(status)}}), headers)
        test.equal(answer.status, status, f"{headers}: {answer.error}")
        test.equal(test.api.get(target) == before, status == 412, f"{headers}: changed")
    test.true(test.api.raw("GET", target).headers["ETag"] != tag, "a new tag")


def changeable(body):
    return {key: body.get(key) for key in ("config", "description", "properties")}


def put(test, target, body, tag, wanted):
    answer = test.api.raw("PUT", target, json.dumps(body), {"If-Match": tag})
    if answer.json["type"] == "async":
        test.api.wait(answer.json["operation"])
        test.equal(wanted, 200, f"PUT {target}")
    else:
        test.equal(answer.status, wanted, f"PUT {target}: {answer.error}")
