"""Our client at a terminal: completion driven by the tab key, consoles, editors, errors that say what to do."""

import contextlib
import os
import re
import subprocess

from harness.daemon import OUR_CLIENT
from harness.terminal import Terminal
from system.scenario import scenario


@contextlib.contextmanager
def terminal(test, command, **more):
    opened = Terminal(command, test.daemon.environment | {"TERM": "xterm"} | more)
    try:
        yield opened
    finally:
        if opened.process.poll() is None:
            opened.kill()


class Bash:
    """An interactive bash with our completion, and our client as `lxc`."""

    def __init__(self, test, folder):
        programs = folder / "bin"
        programs.mkdir()
        (programs / "lxc").symlink_to(OUR_CLIENT)
        script = test.daemon.lxc("completion", "bash", client=OUR_CLIENT, check=True).stdout.decode()
        start = folder / "bashrc"
        start.write_text("PS1='ready> '\nbind 'set enable-bracketed-paste off'\n" + script, encoding="utf-8")
        path = f"{programs}:{os.environ['PATH']}"
        environment = test.daemon.environment | {"TERM": "dumb", "PATH": path, "HISTFILE": "/dev/null"}
        self.terminal = Terminal(["bash", "--noprofile", "--rcfile", start, "-i"], environment)
        self.terminal.until("ready> ")

    def completed(self, line):
        """The line after a press of the tab key."""
        self.terminal.press(line + "\t")
        self.terminal.press("\x01printf '<%s>\\n' '\x05'\r")  # ctrl+a and ctrl+e: to the line's beginning and end
        shown = self.terminal.until(">\r\nready> ")
        return re.search(r"<([^>]*)>\r\nready> $", shown).group(1)

    def offered(self, line):
        """The words listed at the second press."""
        self.terminal.press(line + "\t\t")
        self.terminal.press("\x01: '\x05' ; echo listed\r")
        shown = self.terminal.until("\nlisted\r\nready> ")
        listed = shown.split("\n", 1)[1] if "\n" in shown else ""
        return set(listed.split("ready> ")[0].split())


@scenario
def the_tab_key_completes_commands_flags_and_names(test):
    test.start()
    test.daemon.lxc("init", "busybox", "web1", check=True)
    test.daemon.lxc("init", "busybox", "db1", check=True)
    test.daemon.lxc("profile", "create", "small", check=True)
    bash = Bash(test, test.folder)
    try:
        for typed, wanted in (
            ("lxc laun", "lxc launch "),
            ("lxc config dev", "lxc config device "),
            ("lxc start we", "lxc start web1 "),
            ("lxc stop --forc", "lxc stop --force"),  # --force-local too
            ("lxc start local:we", "lxc start local:web1 "),
            ("lxc start loc", "lxc start local:"),
            ("lxc launch busy", "lxc launch busybox "),
            ("lxc launch busybox x -p sma", "lxc launch busybox x -p small "),
            ("lxc launch busybox x --profile=sma", "lxc launch busybox x --profile=small "),
            ("lxc profile show sma", "lxc profile show small "),
            ("lxc profile assign web1 default,sma", "lxc profile assign web1 default,small"),
            ("lxc config set web1 limits.memory.enf", "lxc config set web1 limits.memory.enforce="),
            ("lxc config device get web1 ro", "lxc config device get web1 root "),
            ("lxc file pull we", "lxc file pull web1/"),
            ("lxc list --format ya", "lxc list --format yaml "),
            ("lxc shell we", "lxc shell web1 "),
            ("lxc start nothing-like-it", "lxc start nothing-like-it"),
            ("lxc image import /etc/hostn", "lxc image import /etc/hostname "),
        ):
            test.equal(bash.completed(typed), wanted, typed)
        offered = bash.offered("lxc start ")
        test.true({"web1", "db1"} <= offered, f"instances are offered: {offered}")
        offered = bash.offered("lxc config ")
        test.true({"device", "edit", "template"} <= offered, f"commands are offered: {offered}")
    finally:
        bash.terminal.kill()


@scenario
def the_tab_key_completes_snapshots_and_volumes(test):
    test.start()
    lxc = test.daemon.lxc
    lxc("init", "busybox", "web1", check=True)
    lxc("snapshot", "web1", "first", check=True)
    lxc("storage", "volume", "create", "default", "data", check=True)
    lxc("storage", "volume", "snapshot", "default", "data", "early", check=True)
    lxc("storage", "volume", "attach", "default", "data", "web1", "shown", "/mnt", check=True)
    bash = Bash(test, test.folder)
    try:
        for typed, wanted in (
            ("lxc restore web1 fi", "lxc restore web1 first "),
            ("lxc delete web1/fi", "lxc delete web1/first "),
            ("lxc copy web1/fi", "lxc copy web1/first "),
            ("lxc storage vol", "lxc storage volume "),
            ("lxc storage volume show default da", "lxc storage volume show default data "),
            ("lxc storage volume show default data/e", "lxc storage volume show default data/early "),
            ("lxc storage volume show default cont", "lxc storage volume show default container/web1 "),
            ("lxc storage volume restore default data ea", "lxc storage volume restore default data early "),
            ("lxc storage volume copy def", "lxc storage volume copy default/"),
            ("lxc storage volume copy default/da", "lxc storage volume copy default/data "),
            ("lxc storage volume detach default data web1 sh", "lxc storage volume detach default data web1 shown "),
            ("lxc storage volume set default data snapshots.exp", "lxc storage volume set default data snapshots.expiry="),
            ("lxc export web1 /etc/hostn", "lxc export web1 /etc/hostname "),
        ):
            test.equal(bash.completed(typed), wanted, typed)
    finally:
        bash.terminal.kill()


@scenario
def an_export_goes_through_a_pipe(test):
    test.start()
    test.daemon.lxc("init", "busybox", "piped", "-c", "user.colour=blue", check=True)
    test.daemon.lxc("snapshot", "piped", "first", check=True)
    pipe = f"{OUR_CLIENT} export piped - --compression none | {OUR_CLIENT} import - back"
    done = subprocess.run(["sh", "-c", pipe], env=test.daemon.environment, capture_output=True, check=False)
    test.equal((done.returncode, done.stdout, done.stderr), (0, b"", b""))
    test.equal(test.daemon.lxc("config", "get", "back", "user.colour").stdout, b"blue\n")
    test.equal(test.api.get("/1.0/instances/back/snapshots"), ["/1.0/instances/back/snapshots/first"])
    test.equal(test.api.get("/1.0/instances/piped/backups"), [], "the server keeps nothing")


@scenario
def an_export_that_fails_leaves_no_file_and_touches_no_device(test):
    test.start()
    test.daemon.lxc("init", "busybox", "full", check=True)
    done = test.daemon.lxc("export", "full", "/dev/full", client=OUR_CLIENT)
    test.equal(done.returncode, 1)
    test.true(b"No space left on device" in done.stderr, done.stderr)
    test.true(os.path.exists("/dev/full"), "the device is still there")
    target = test.folder / "refused"
    test.equal(test.daemon.lxc("export", "full", target, "--compression", "rubbish", client=OUR_CLIENT).returncode, 1)
    test.true(not target.exists(), "a refused export makes no file")
    test.equal(test.api.get("/1.0/instances/full/backups"), [], "the server keeps nothing")


@scenario
def an_invalid_edit_opens_the_editor_again(test):
    test.start()
    test.daemon.lxc("profile", "create", "edited", check=True)
    drafts = [test.folder / "first.yaml", test.folder / "second.yaml"]
    drafts[0].write_text('config: {no.such.key: "1"}\nprofiles: [default]\n', encoding="utf-8")
    drafts[1].write_text('config: {user.edited: "yes"}\nprofiles: [default]\n', encoding="utf-8")
    editor = test.folder / "editor"
    editor.write_text(
        f'#!/bin/sh\nif [ -e "$0.again" ]; then cp {drafts[1]} "$1"; else touch "$0.again"; cp {drafts[0]} "$1"; fi\n',
        encoding="utf-8",
    )
    editor.chmod(0o755)
    with terminal(test, [OUR_CLIENT, "profile", "edit", "edited"], EDITOR=str(editor)) as edit:
        edit.until("Press enter to open the editor again")
        test.equal(test.daemon.lxc("profile", "get", "edited", "user.edited").stdout, b"\n", "nothing was stored yet")
        edit.press("\r")
        test.equal(edit.end(), 0, edit.shown)
    test.equal(test.daemon.lxc("profile", "get", "edited", "user.edited").stdout, b"yes\n")


@scenario
def a_console_is_left_with_ctrl_a_and_q(test):
    test.start()
    name = test.launch("attached")
    with terminal(test, [OUR_CLIENT, "console", name]) as console:
        console.until("<ctrl>+a q")
        console.press("something")
        console.until("something")  # Our own terminal echoes nothing any more: this comes from inside.
        test.exec(name, "sh", "-c", "echo from inside >/dev/console")
        console.until("from inside")
        console.press("\x01q")
        test.equal(console.end(), 0, "leaving is no failure")
    test.equal(test.exec(name, "echo", "runs"), "runs\n")
    log = test.daemon.lxc("console", name, "--show-log", client=OUR_CLIENT, check=True).stdout.decode()
    test.true("from inside" in log, f"the log has it: {log!r}")
    done = test.daemon.lxc("console", name, client=OUR_CLIENT)
    test.equal(done.returncode, 1)
    test.true(b"terminal" in done.stderr, f"without a terminal: {done.stderr}")


@scenario
def errors_at_a_terminal_say_what_to_do_and_others_do_not(test):
    missing = {"LXD_DIR": str(test.folder / "nothing")}
    with terminal(test, [OUR_CLIENT, "list"], **missing) as failed:
        test.equal(failed.end(), 1)
        test.true("Is the daemon running?" in failed.shown, failed.shown)
    test.start()
    with terminal(test, [OUR_CLIENT, "start", "nobody"]) as failed:
        test.equal(failed.end(), 1)
        test.true("lxc list" in failed.shown, failed.shown)
    done = test.daemon.lxc("start", "nobody", client=OUR_CLIENT)
    test.equal(done.stderr, b"Error: Instance not found\n")
    test.daemon.lxc("profile", "create", "typed", check=True)
    for words, cure in (
        (("profile", "set", "typed", "limits.memroy=1GiB"), 'Did you mean "limits.memory"?'),
        (("config", "set", "core.shutdown_timout=x"), 'Did you mean "core.shutdown_timeout"?'),
        (("profile", "list", "--rubbish"), '"lxc profile list --help" shows its flags.'),
        (("list", "-Z"), '"lxc list --help" shows its flags.'),
        (("file", "push", str(test.folder), "nobody/x"), "lxc file push -r"),
    ):
        with terminal(test, [OUR_CLIENT, *words]) as failed:
            test.equal(failed.end(), 1)
            test.true(cure in failed.shown, f"{words}: {failed.shown}")


@scenario
def a_failed_start_names_the_log(test):
    test.start()
    test.daemon.lxc("init", "busybox", "broken", "-c", "raw.lxc=lxc.hook.pre-start=/bin/false", check=True)
    done = test.daemon.lxc("start", "broken", client=OUR_CLIENT)
    test.equal(done.returncode, 1)
    test.true(done.stderr.endswith(b"\nTry `lxc info --show-log broken` for more info\n"), f"{done.stderr}")


@scenario
def events_are_columns_at_a_terminal_and_keys_elsewhere(test):
    test.start()
    with terminal(test, [OUR_CLIENT, "monitor", "--pretty", "--type=lifecycle"]) as monitor:
        shown = ""
        for number in range(100):  # a client says nowhere that it listens
            test.daemon.lxc("profile", "create", f"watched{number}", check=True)
            with contextlib.suppress(AssertionError):
                shown = monitor.until("Source: /1.0/profiles/watched", timeout=0.2)
                break
        test.true("\x1b[36mINFO   \x1b[0m[20" in shown, f"{shown!r}")


@scenario
def a_running_instance_is_not_moved_to_another_pool(test):
    test.start()
    test.daemon.lxc("storage", "create", "second", "dir", check=True)
    name = test.launch("runs")
    done = test.daemon.lxc("move", name, "moved", "-s", "second", "--stateless", client=OUR_CLIENT)
    refusal = b"Error: Migration operation failure: Instance must be stopped to move between pools statelessly\n"
    test.equal((done.returncode, done.stderr), (1, refusal))
    test.equal(test.daemon.lxc("list", "-c", "nb", "--format", "csv").stdout, f"{name},default\n".encode())
    test.daemon.lxc("stop", name, "--force", check=True)
    done = test.daemon.lxc("move", name, "moved", "-s", "second", "-c", "user.moved=yes", client=OUR_CLIENT)
    test.true(done.returncode == 1 and b"Can't override configuration" in done.stderr, "nothing asked for is left out silently")
    test.daemon.lxc("move", name, "moved", "-s", "second", client=OUR_CLIENT, check=True)
    test.equal(test.daemon.lxc("list", "-c", "nb", "--format", "csv").stdout, b"moved,second\n")


@scenario
def finger_says_whether_a_server_answers(test):
    test.equal(test.daemon.lxc("finger", client=OUR_CLIENT).returncode, 1)
    test.start()
    done = test.daemon.lxc("finger", client=OUR_CLIENT)
    test.equal((done.returncode, done.stdout, done.stderr), (0, b"", b""))


@scenario
def a_program_without_standard_input_ends(test):
    test.start()
    name = test.launch("closed")
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", OUR_CLIENT, "exec", name, "--", "cat"],
        env=test.daemon.environment,
        capture_output=True,
        timeout=20,
        check=False,
    )
    test.equal((done.returncode, done.stdout, done.stderr), (0, b"", b""))


@scenario
def manual_pages_and_scripts_are_printed_for_every_command(test):
    test.start()
    pages = test.folder / "pages"
    pages.mkdir()
    test.daemon.lxc("manpage", pages, client=OUR_CLIENT, check=True)
    found = {path.name for path in pages.iterdir()}
    test.true({"lxc.1", "lxc.config.device.add.1", "lxc.list.1"} <= found, f"pages: {sorted(found)}")
    for path in pages.iterdir():
        text = path.read_text(encoding="utf-8")
        test.true(".SH EXAMPLES" in text or ".SH COMMANDS" in text, f"{path.name} shows how")
    for shell in ("bash", "fish", "zsh"):
        test.true(test.daemon.lxc("completion", shell, client=OUR_CLIENT, check=True).stdout, shell)
    test.equal(test.daemon.lxc("completion", "tcsh", client=OUR_CLIENT).returncode, 1)
