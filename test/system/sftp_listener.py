"""`lxc file mount --listen` of our client: OpenSSH's programs and bare sockets against the SSH server that it becomes."""

import contextlib
import os
import re
import select
import signal
import socket
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

from harness.daemon import BUILD, OUR_CLIENT
from system.scenario import SLOWNESS, scenario

HELPER = BUILD / "client/sftp_listener/lxc-sftp-listener"
# Nobody's known hosts, configuration or keys.
OPTIONS = [
    *("-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"),
    *("-o", "IdentityFile=none", "-o", "IdentityAgent=none", "-o", "NumberOfPasswordPrompts=1"),
]


class Listener:
    """One that runs; its lines are collected while they come."""

    def __init__(self, test, *arguments, program=OUR_CLIENT):
        self.test = test
        self.lines = []
        self.process = subprocess.Popen(
            [str(program), *map(str, arguments)],
            env=test.daemon.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self.address = self.wait_line(r'SSH SFTP listening on (\S+)').group(1)
        self.host, port = self.address.rsplit(":", 1)
        self.port = int(port)
        login = self.wait_line(r'Login with(?:out username and password|(?: username "(\S+)" and password "(\S+)"))')
        self.user, self.password = login.groups()

    def wait_line(self, pattern, seconds=20):
        """The first line so far, or to come, that is wholly this."""
        deadline = time.monotonic() + seconds * SLOWNESS
        looked = 0
        while True:
            for line in self.lines[looked:]:
                if found := re.fullmatch(pattern, line):
                    return found
            looked = len(self.lines)
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise AssertionError(f"no line {pattern!r} in {self.lines}")
            data = os.read(self.process.stdout.fileno(), 65536)
            self.test.true(data, f"it has ended: {self.lines}")
            self.lines += data.decode().splitlines()

    def login(self, password):
        """The environment that lets OpenSSH find a password."""
        script = self.test.folder / "askpass"
        script.write_text('#!/bin/sh\nprintf "%s\\n" "$PASSWORD"\n')
        script.chmod(0o755)
        asking = {"SSH_ASKPASS": str(script), "SSH_ASKPASS_REQUIRE": "force", "PASSWORD": password or ""}
        return os.environ | asking

    def command(self, program, *options, user=None):
        port = "-P" if program == "sftp" else "-p"
        return [program, *OPTIONS, *options, port, str(self.port), f"{user or self.user or 'anybody'}@127.0.0.1"]

    def sftp(self, *lines, options=(), user=None, password=None):
        # sftp's own -b forbids passwords.
        return subprocess.run(
            self.command("sftp", *options, user=user),
            input="".join(f"{line}\n" for line in lines).encode(),
            env=self.login(password or self.password),
            capture_output=True,
            timeout=60 * SLOWNESS,
            check=False,
        )

    def ssh(self, *words, options=()):
        return subprocess.run(
            [*self.command("ssh", "-T", *options), *words],
            stdin=subprocess.DEVNULL,
            env=self.login(self.password),
            capture_output=True,
            timeout=60 * SLOWNESS,
            check=False,
        )

    def is_open(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 5):
            return True
        return False

    def end(self, number=signal.SIGINT):
        self.process.send_signal(number)
        return self.process.wait(20)

    def close(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


@contextlib.contextmanager
def listening(test, *arguments, program=OUR_CLIENT):
    listener = Listener(test, *arguments, program=program)
    try:
        yield listener
    finally:
        listener.close()


def on(name, *options):
    return ("file", "mount", name, "--listen", "127.0.0.1:0", *options)


@contextlib.contextmanager
def open_session(listener):
    """An sftp that waits for commands; it has answered one."""
    process = subprocess.Popen(
        listener.command("sftp"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=listener.login(listener.password),
    )
    try:
        ask(process, "pwd", b"Remote working directory: /")
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


def ask(process, line, wanted):
    process.stdin.write(f"{line}\n".encode())
    process.stdin.flush()
    shown = b""
    while wanted not in shown:
        if not select.select([process.stdout], [], [], 20 * SLOWNESS)[0]:
            raise AssertionError(f"{line}: {shown}")
        data = os.read(process.stdout.fileno(), 65536)
        if not data:
            raise AssertionError(f"{line}: ended after {shown}")
        shown += data


def ends(process):
    """Waiting for commands, sftp notices only at the next one that its connection is gone."""
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(b"ls\n")
        process.stdin.flush()
    return process.wait(20 * SLOWNESS) != 0


@scenario
def files_go_both_ways_behind_a_password(test):
    test.start()
    name = test.launch("ssh")
    source = test.folder / "source"
    source.write_bytes(os.urandom((8 << 20) + 17))
    back = test.folder / "back"
    with listening(test, *on(name, "--auth-user", "joe")) as listener:
        test.equal(listener.user, "joe")
        done = listener.sftp(f"put {source} /root/file", "ls -l /root/file", f"get /root/file {back}", "rm /root/file")
        test.equal(done.returncode, 0, done.stderr.decode())
        test.true(b" 8388625 " in done.stdout, done.stdout)
        test.equal(back.read_bytes(), source.read_bytes())
        listener.wait_line(r'SSH client connected "127\.0\.0\.1:\d+"')
        listener.wait_line(r'SSH client disconnected "127\.0\.0\.1:\d+"')
        test.equal(listener.sftp("pwd").returncode, 0, "the next client")


@scenario
def nobody_gets_in_without_the_password(test):
    test.start()
    name = test.launch("ssh")
    with listening(test, *on(name)) as listener:
        test.true(re.fullmatch(r"[a-zA-Z0-9]{8}", listener.user), listener.user)
        test.true(re.fullmatch(r"[a-zA-Z0-9]{8}", listener.password), listener.password)
        for user, password in ((None, "wrong"), ("wrong", listener.password), (None, listener.password[:-1])):
            done = listener.sftp("pwd", user=user, password=password)
            test.true(done.returncode != 0 and b"Permission denied" in done.stderr, (user, password, done))
            listener.wait_line(
                rf'Failed SSH handshake with client "127\.0\.0\.1:\d+": '
                rf'\[ssh: no auth passed yet, Password rejected for "{user or listener.user}"\]'
            )
            listener.lines.clear()
        done = listener.sftp("pwd", options=("-o", "PreferredAuthentications=none"))
        test.true(done.returncode != 0, "none at all")
        test.equal(listener.sftp("pwd").returncode, 0, "the right one")


@scenario
def everybody_gets_in_where_that_is_asked_for(test):
    test.start()
    name = test.launch("ssh")
    with listening(test, "file", "mount", name, "--no-auth") as listener:
        test.equal((listener.host, listener.user), ("127.0.0.1", None), "without an address, this machine alone")
        done = listener.sftp("mkdir /root/made", options=("-o", "BatchMode=yes"))
        test.equal(done.returncode, 0, done.stderr.decode())
        test.equal(test.exec(name, "ls", "/root"), "made\n")


@scenario
def nothing_but_sftp_is_served(test):
    test.start()
    name = test.launch("ssh")
    with listening(test, *on(name, "--no-auth")) as listener:
        for words, options in (
            (("true",), ()),
            ((), ()),
            (("netconf",), ("-s",)),
            ((), ("-W", f"127.0.0.1:{listener.port}")),
            ((), ("-N", "-R", "0:127.0.0.1:1", "-o", "ExitOnForwardFailure=yes")),
        ):
            done = listener.ssh(*words, options=options)
            test.true(done.returncode != 0, f"{words} {options}: {done}")
            test.equal(done.stdout, b"", f"{words} {options}")
        test.equal(listener.sftp("pwd").returncode, 0, "sftp still is")


@scenario
def many_sessions_at_once_and_several_in_one_connection(test):
    test.start()
    name = test.launch("ssh")
    source = test.folder / "source"
    source.write_bytes(os.urandom(4 << 20))

    def work(listener, number, options):
        back = test.folder / f"back{number}"
        lines = (f"put {source} /root/f{number}", f"get /root/f{number} {back}", f"rm /root/f{number}")
        done = listener.sftp(*lines, options=options)
        test.equal(done.returncode, 0, done.stderr.decode())
        test.equal(back.read_bytes(), source.read_bytes())

    with listening(test, *on(name, "--no-auth")) as listener, open_session(listener) as idle:
        path = test.folder / "control"
        master = subprocess.Popen(listener.command("ssh", "-N", "-M", "-S", str(path)), stdin=subprocess.DEVNULL)
        try:
            test.until(path.exists, "the shared connection")
            shared = ("-o", f"ControlPath={path}")
            with ThreadPoolExecutor(6) as pool:
                list(pool.map(lambda n: work(listener, n, shared if n % 2 else ()), range(6)))
        finally:
            master.terminate()
            master.wait()
        ask(idle, "pwd", b"Remote working directory: /")
        test.equal(len([line for line in listener.lines if "Failed" in line]), 0, listener.lines)


@scenario
def much_goes_through_while_keys_are_exchanged_anew(test):
    test.start()
    name = test.launch("ssh")
    source = test.folder / "source"
    source.write_bytes(os.urandom(24 << 20))
    back = test.folder / "back"
    with listening(test, *on(name, "--no-auth")) as listener:
        done = listener.sftp(f"put {source} /root/f", f"get /root/f {back}", options=("-o", "RekeyLimit=1M"))
        test.equal(done.returncode, 0, done.stderr.decode())
        test.equal(back.read_bytes(), source.read_bytes())


@scenario
def a_session_ends_with_its_instance_and_the_listener_stays(test):
    test.start()
    name = test.launch("ssh")
    with listening(test, *on(name, "--no-auth")) as listener:
        with open_session(listener) as session:
            test.daemon.lxc("stop", "--force", name, check=True)
            listener.wait_line(r'Instance disconnected for client "127\.0\.0\.1:\d+"')
            test.true(ends(session), "sftp has noticed")
        listener.wait_line(r'SSH client disconnected "127\.0\.0\.1:\d+"')
        done = listener.sftp("put /etc/hostname /root/while-stopped")
        test.equal(done.returncode, 0, done.stderr.decode())
        test.daemon.lxc("delete", name, check=True)
        test.true(listener.sftp("pwd").returncode != 0, "there is nothing any more")
        listener.wait_line(r'Failed connecting to instance SFTP for client "127\.0\.0\.1:\d+": .*not found')
        test.true(listener.is_open(), "others might come")


@scenario
def an_interrupt_ends_all(test):
    test.start()
    name = test.launch("ssh")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        with listening(test, *on(name, "--no-auth")) as listener, open_session(listener) as session:
            test.equal(listener.end(number), -number)
            test.true(ends(session), "the session has ended")
            test.true(not listener.is_open(), "nobody listens")


@scenario
def clients_that_do_not_log_in_are_let_go(test):
    test.start()
    name = test.launch("ssh")
    arguments = ("--login-seconds=1", "--listen=127.0.0.1:0", name)
    with listening(test, *arguments, program=HELPER) as listener:
        mute = socket.create_connection(("127.0.0.1", listener.port), 20)
        banner_only = socket.create_connection(("127.0.0.1", listener.port), 20)
        banner_only.sendall(b"SSH-2.0-nobody\r\n")
        rubbish = socket.create_connection(("127.0.0.1", listener.port), 20)
        rubbish.sendall(os.urandom(100000))
        for sock in (mute, banner_only, rubbish):
            with contextlib.suppress(ConnectionResetError):
                while sock.recv(65536):
                    pass
            sock.close()
        slow = test.folder / "slow"
        slow.write_text("#!/bin/sh\nexec sleep 2\n")
        slow.chmod(0o755)
        late = subprocess.run(
            listener.command("sftp"),
            stdin=subprocess.DEVNULL,
            env=listener.login("") | {"SSH_ASKPASS": str(slow)},
            capture_output=True,
            timeout=20 * SLOWNESS,
            check=False,
        )
        test.true(late.returncode != 0, late)
        listener.wait_line(r'Failed SSH handshake with client "127\.0\.0\.1:\d+": \[ssh: no auth passed yet\]: timed out')
        test.equal(listener.sftp("pwd").returncode, 0, "who logs in stays welcome")
        with open_session(listener) as session:
            time.sleep(1.5)  # longer than the time to log in
            ask(session, "pwd", b"Remote working directory: /")
