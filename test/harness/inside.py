"""Connections made by a process inside a container: what a guest's program would do, without needing one in its image."""

import array
import contextlib
import ctypes
import os
import signal
import socket

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID = 0x00020000, 0x10000000, 0x20000000

_libc = ctypes.CDLL(None, use_errno=True)


@contextlib.contextmanager
def connected(init, path, uid=0, timeout=20, nested=False):
    """A socket that a process in the namespaces of `init` (a container's first process, as seen here) connected to `path`
    as that user of the container's; with `nested` from a process-id namespace of its own in there. The process lives until
    the block ends, as a guest's would while it waits."""
    ours, theirs = socket.socketpair()
    outer = os.fork()
    if outer == 0:
        os._exit(_enter_and_connect(init, path, uid, theirs, nested))
    theirs.close()
    try:
        ours.settimeout(timeout)
        message, control, *_ = ours.recvmsg(256, socket.CMSG_SPACE(4))
        if not control:
            raise OSError(f"connecting to {path} inside: {message.decode()}")
        descriptor = array.array("i", control[0][2][:4])[0]
        with socket.socket(fileno=descriptor) as connection:
            connection.settimeout(timeout)
            yield connection
    finally:
        ours.close()
        os.kill(outer, signal.SIGKILL)
        os.waitpid(outer, 0)


def _enter_and_connect(init, path, uid, channel, nested):
    """In the child: the pid namespace takes effect for its own child alone, which is the one that connects."""
    try:
        pidfd = os.pidfd_open(init)
        kinds = CLONE_NEWNS | CLONE_NEWPID
        if os.stat(f"/proc/{init}/ns/user").st_ino != os.stat("/proc/self/ns/user").st_ino:
            kinds |= CLONE_NEWUSER
        if _libc.setns(pidfd, kinds) < 0:
            raise OSError(ctypes.get_errno(), "setns")
        for depth in range(2 if nested else 1):
            inner = os.fork()
            if inner != 0:
                os.waitpid(inner, 0)
                return 0
            _die_with_parent()
            if nested and depth == 0 and _libc.unshare(CLONE_NEWPID) < 0:
                raise OSError(ctypes.get_errno(), "unshare")
        os.setgroups([])
        os.setgid(uid)
        os.setuid(uid)
        _die_with_parent()  # changing ids cleared it
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(path)
        socket.send_fds(channel, [b"connected"], [connection.fileno()])
        connection.close()
        channel.recv(1)  # until the other side is done with it
    except OSError as error:
        with contextlib.suppress(OSError):
            channel.sendall(str(error).encode() or b"failed")
    return 0


def _die_with_parent():
    _libc.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
