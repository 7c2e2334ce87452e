"""Access control lists: let a service's user read a folder, and take that back without a trace.

A grant also adds a mask to each file, and default entries to each directory. What a removal has to
leave is known from the record that an installation makes first: the lists that were there before.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from membrowse.deployment.steps import Run, Step, WriteFile

_USER, _GROUP, _OWNING_GROUP, _MASK = 0x02, 0x08, 0x04, 0x10
"""Tags of entries in acl(5)'s extended attribute."""
_HEADER, _ENTRY = struct.Struct("<I"), struct.Struct("<HHI")
_ACCESS, _DEFAULT = "system.posix_acl_access", "system.posix_acl_default"
_PATHS_PER_COMMAND = 200


class Masks(msgspec.Struct, frozen=True, omit_defaults=True):
    """The masks of a file's lists before a grant, as `r-x`; None: it had no such list.

    A list without named entries may have no mask: empty.
    """

    access: str | None = None
    default: str | None = None


Record = Mapping[str, Masks]
"""Files that had lists before a grant, by path."""


@dataclass(frozen=True, slots=True)
class _Acl:
    """One access control list."""

    users: Mapping[int, int]
    """Permissions of named users."""
    groups: Mapping[int, int]
    """Permissions of named groups."""
    owning_group: int
    mask: int | None

    @property
    def widest(self) -> int:
        """The mask that setfacl(1) calculates: all that named entries and the group may do."""
        result = self.owning_group
        for permissions in (*self.users.values(), *self.groups.values()):
            result |= permissions
        return result


def grants(folder: Path, user: str) -> list[Run]:
    """The commands that let `user` read `folder`, today's notes and those to come."""
    return [
        *(Run(("setfacl", "-m", f"u:{user}:--x", str(each))) for each in _closed_parents(folder)),
        Run(("setfacl", "-R", "-m", f"u:{user}:rX", str(folder))),
        Run(("setfacl", "-R", "-d", "-m", f"u:{user}:rX", str(folder))),
    ]


def grant_steps(folder: Path, user: str, record: Path) -> list[Step]:
    """Write the record, unless an earlier installation has, and grant."""
    content = msgspec.json.format(msgspec.json.encode(recorded(folder))).decode()
    writing = [] if record.exists() else [WriteFile(record, f"{content}\n", secret=True)]
    return [*writing, *grants(folder, user)]


def removal_steps(folder: Path, user: str, record: Path) -> list[Run]:
    """Revoke what was granted, or given by hand."""
    before: dict[str, Masks] = {}
    with contextlib.suppress(OSError, msgspec.DecodeError):
        before = msgspec.json.decode(record.read_bytes(), type=dict[str, Masks])
    return revocations(folder, user, before)


def recorded(folder: Path) -> dict[str, Masks]:
    """The lists that are there before a grant."""
    found = {}
    for path in (*_closed_parents(folder), *_tree(folder)):
        access, default = _read(path, _ACCESS), _read(path, _DEFAULT)
        if access is not None or default is not None:
            found[str(path)] = Masks(
                access=_letters(access.mask) if access else None,
                default=_letters(default.mask) if default else None,
            )
    return found


def revocations(folder: Path, user: str, before: Record) -> list[Run]:
    """The commands that take from `user` what it may do in `folder`, and what a grant left beside.

    Another user may get the number of `user` later. `before` is the record of the grant.
    """
    try:
        uid = pwd.getpwnam(user).pw_uid
    except KeyError:
        return []
    plain = (("-x", f"u:{user},m"), ("-x", f"u:{user},m", "-k"))
    changes: dict[tuple[str, ...], list[str]] = {}
    foreign = bool(before)
    for path in (*_closed_parents(folder), *_tree(folder)):
        lists = {kind: acl for kind in (_ACCESS, _DEFAULT) if (acl := _read(path, kind))}
        arguments = tuple(_revocation(lists, user, uid, _before(path, before)))
        foreign |= bool(lists) and arguments not in plain
        if arguments:
            changes.setdefault(arguments, []).append(str(path))
    if changes and not foreign:
        parents = [
            each for each in _closed_parents(folder) if str(each) in changes.get(plain[0], ())
        ]
        return [
            Run(("setfacl", "-R", "-x", f"u:{user},m", str(folder))),
            Run(("setfacl", "-R", "-k", str(folder))),
            *(Run(("setfacl", *plain[0], str(each))) for each in parents),
        ]
    return [
        Run(("setfacl", *arguments, "--", *paths[first : first + _PATHS_PER_COMMAND]))
        for arguments, paths in changes.items()
        for first in range(0, len(paths), _PATHS_PER_COMMAND)
    ]


def _revocation(lists: Mapping[str, _Acl], user: str, uid: int, before: _Before) -> Iterator[str]:
    """The options of setfacl(1) for a file with `lists`; none if they do not name `user`."""
    for kind, acl in lists.items():
        if uid not in acl.users:
            continue
        prefix, default = ("d:", True) if kind == _DEFAULT else ("", False)
        if before.had(kind) or len(acl.users) > 1 or acl.groups:
            mask = before.mask(kind) if acl.mask == acl.widest else None  # else somebody set it
            yield from ("-x", f"{prefix}u:{user}" + (f",{prefix}m" if mask == "" else ""))
            if mask:
                yield from ("-m", f"{prefix}m::{mask}")
        elif default:
            yield "-k"
        else:
            yield from ("-x", f"u:{user},m")


@dataclass(frozen=True, slots=True)
class _Before:
    """What the record says of a file: of itself, or of the directory that it is new in."""

    masks: Masks
    itself: bool

    def had(self, kind: str) -> bool:
        """Whether it had such a list, or has inherited one that is not ours."""
        return (self.mask(kind) if self.itself else self.masks.default) is not None

    def mask(self, kind: str) -> str | None:
        """The mask that such a list of the file had; None if it is not known."""
        if not self.itself:
            return None
        return self.masks.access if kind == _ACCESS else self.masks.default


def _before(path: Path, record: Record) -> _Before:
    for each in (path, *path.parents):
        if (masks := record.get(str(each))) is not None:
            return _Before(masks, each == path)
    return _Before(Masks(), itself=False)


def _closed_parents(folder: Path) -> Iterator[Path]:
    """The directories above `folder` that not everybody can pass, outermost first."""
    return (each for each in reversed(folder.parents) if not each.stat().st_mode & 0o001)


def _tree(folder: Path) -> Iterator[Path]:
    """`folder`, and everything in it that is not a link."""
    yield folder
    for place, directories, files in os.walk(folder):
        for name in (*directories, *files):
            if not (path := Path(place, name)).is_symlink():
                yield path


def _read(path: Path, kind: str) -> _Acl | None:
    """A list of `path`; None if it has none, or is gone."""
    try:
        content = os.getxattr(path, kind, follow_symlinks=False)
    except OSError:
        return None
    entries = list(_ENTRY.iter_unpack(content[_HEADER.size :]))
    return _Acl(
        users={number: allowed for tag, allowed, number in entries if tag == _USER},
        groups={number: allowed for tag, allowed, number in entries if tag == _GROUP},
        owning_group=next((allowed for tag, allowed, _ in entries if tag == _OWNING_GROUP), 0),
        mask=next((allowed for tag, allowed, _ in entries if tag == _MASK), None),
    )


def _letters(permissions: int | None) -> str:
    if permissions is None:
        return ""
    return "".join(
        letter if permissions & bit else "-" for letter, bit in (("r", 4), ("w", 2), ("x", 1))
    )
