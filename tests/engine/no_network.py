"""`python -m tests.engine.no_network REPORT COMMAND…`: runs COMMAND where every socket is Unix's.

A seccomp filter, which COMMAND and all that it ever starts inherit, has the kernel ask here before
any other socket is made: it is refused as on a machine without a network, and noted in REPORT, a
JSON object a line. So nothing can be missed, however briefly it lives and whatever language it is
written in. Linux 5.0 or later; needs no privilege.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import json
import platform
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import NamedTuple

UNSUPPORTED = 77
"""Exit status where the kernel has no such filter."""
_AF_UNIX = 1


class _Machine(NamedTuple):
    """What the kernel calls things on one architecture."""

    audit: int
    seccomp: int
    socket: int
    io_uring_setup: int = 425


_MACHINES = {
    "x86_64": _Machine(audit=0xC000003E, seccomp=317, socket=41),
    "aarch64": _Machine(audit=0xC00000B7, seccomp=277, socket=198),
}
_PR_SET_NO_NEW_PRIVS = 38
_SET_MODE_FILTER, _NEW_LISTENER = 1, 1 << 3
_ALLOW, _ASK, _REFUSE = 0x7FFF0000, 0x7FC00000, 0x00050000 | errno.ENOSYS
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE = struct.Struct("=QIIiIQ6Q")
_ANSWER = struct.Struct("=QqiI")


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_char_p)]


def _filter(machine: _Machine) -> bytes:
    """Ask about `socket` unless it is Unix's; no io_uring, which makes sockets unasked."""
    steps = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 0, 6, machine.audit),
        (_LOAD, 0, 0, _NUMBER),
        (_EQUAL, 5, 0, machine.io_uring_setup),
        (_EQUAL, 0, 3, machine.socket),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 1, 0, _AF_UNIX),
        (_RETURN, 0, 0, _ASK),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("=HBBI", *step) for step in steps)


def _listener(machine: _Machine) -> int:
    """Put this thread, and all that it starts from now on, under the filter.

    Returns the descriptor on which the kernel asks; raises `OSError`.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    code = _filter(machine)
    program = _Program(len(code) // 8, code)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    descriptor: int = libc.syscall(
        machine.seccomp, _SET_MODE_FILTER, _NEW_LISTENER, ctypes.byref(program)
    )
    if descriptor < 0:
        raise OSError(ctypes.get_errno(), "seccomp")
    return descriptor


def _answer_all(listener: int, report: Path) -> None:
    """Note and refuse each socket that is asked for."""
    while True:
        notice = bytearray(_NOTICE.size)
        try:
            fcntl.ioctl(listener, _RECEIVE, notice)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):  # who asked is gone
                continue
            raise
        number, thread, _, _, _, _, family, kind, *_ = _NOTICE.unpack(notice)
        with report.open("a") as file:
            asked = {"family": family, "type": kind, "process": _command(thread)}
            file.write(json.dumps(asked) + "\n")
        with contextlib.suppress(FileNotFoundError):
            fcntl.ioctl(listener, _SEND, _ANSWER.pack(number, 0, -errno.EAFNOSUPPORT, 0))


def _command(thread: int) -> str:
    try:
        return Path(f"/proc/{thread}/cmdline").read_bytes().replace(b"\0", b" ").decode().strip()
    except OSError as error:
        return f"{thread}: {error}"


def main(report: Path, command: list[str]) -> int:
    """Run `command`; returns its exit status, or `UNSUPPORTED`."""
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        return UNSUPPORTED
    try:
        listener = _listener(machine)
    except OSError:
        return UNSUPPORTED
    threading.Thread(target=_answer_all, args=(listener, report), daemon=True).start()
    return subprocess.run(command, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
