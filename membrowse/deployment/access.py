"""Whether the service's user can read what it has to, and what would let it."""

from __future__ import annotations

import grp
import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from membrowse import interpreter

_NOBODY = 65_534
_SHOWN = 3
_UNREADABLE = r"""
for each do
    if [ -d "$each" ]; then [ -r "$each" ] && [ -x "$each" ]
    elif [ -f "$each" ]; then [ -r "$each" ]
    fi || printf '%s\0' "$each"
done
"""
"""A script for sh(1): directories that cannot be listed, and files that cannot be read. Not every
find(1) can tell."""


class Unreadable(Exception):
    """The service's user cannot run the program; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Access:
    """What the service's user can read of a folder."""

    unreadable: tuple[Path, ...]
    """Directories and files that it cannot read."""

    @property
    def granted(self) -> bool:
        return not self.unreadable

    def __str__(self) -> str:
        more = len(self.unreadable) - _SHOWN
        shown = ", ".join(map(str, self.unreadable[:_SHOWN]))
        return f"{shown} and {more} more" if more > 0 else shown


def check_program(user: str, group: str) -> None:
    """Raise `Unreadable` if `user` cannot import membrowse with this interpreter."""
    try:
        child = _run_as(user, group, str(interpreter.PROGRAM), "-P", "-c", "import membrowse")
    except OSError as error:
        reason = error.strerror or str(error)
    else:
        if child.returncode == 0:
            return
        reason = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
    raise Unreadable(
        f"{user} cannot run {interpreter.PROGRAM}: {reason}. Install membrowse where every "
        "user can read it, as with `python3 -m venv /opt/membrowse`, and run it from there"
    )


def folder_access(folder: Path, user: str, group: str) -> Access:
    """What `user` can read of `folder`. A user that does not exist yet has the rights of nobody.

    Only root can find out.
    """
    script = ("-exec", "/bin/sh", "-c", _UNREADABLE, "sh", "{}", "+")
    child = _run_as(user, group, "find", str(folder), "!", "-type", "l", *script)
    found = child.stdout.split(b"\0")[:-1]
    if child.returncode and not found:  # not even the folder could be reached
        found = [os.fsencode(folder)]
    return Access(tuple(Path(os.fsdecode(path)) for path in found))


def _run_as(user: str, group: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    uid, gid, groups = _identity(user, group)
    return subprocess.run(  # noqa: S603  (no shell)
        arguments,
        user=uid,
        group=gid,
        extra_groups=groups,
        capture_output=True,
        check=False,
        cwd="/",
        stdin=subprocess.DEVNULL,
    )


def _identity(user: str, group: str) -> tuple[int, int, list[int]]:
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        return _NOBODY, _NOBODY, _known_group(group)
    own = _known_group(group) or [account.pw_gid]
    return account.pw_uid, own[0], os.getgrouplist(user, own[0])


def _known_group(group: str) -> list[int]:
    try:
        return [grp.getgrnam(group).gr_gid]
    except KeyError:
        return []
