"""Every file of a folder: which are notes, and why the others are not."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pathspec import GitIgnoreSpec

from membrowse.notes import ignore_rules
from membrowse.notes.symlinks import LinkPolicy
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState

_WORLD_READABLE = stat.S_IROTH | stat.S_IRGRP | stat.S_IRUSR
_GLOB_CHARACTERS = frozenset("*?[]!\\/ ")
_OTHER_TYPES = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}


class FolderUnreadable(OSError):
    """The folder itself is missing, not a directory, or cannot be listed."""


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file of the folder, or a directory that was not entered (its path ends in `/`)."""

    path: str
    """Relative to the folder, with `/`. Bytes that are not UTF-8 are surrogate escapes."""
    size: int
    """Bytes; 0 for directories and for what could not be looked at."""
    mtime_ns: int
    excluded: NoteState | None
    """None for a note to index; else ignored, skipped or failed."""
    reason: str
    """Why it is not a note to index, or empty."""


@dataclass(frozen=True, slots=True)
class _Directory:
    real: str
    prefix: str
    """Its path in the folder with a trailing `/`; empty for the folder itself."""
    identity: tuple[int, int]
    rules: tuple[ignore_rules.IgnoreRules, ...]
    parent: _Directory | None

    def is_below(self, identity: tuple[int, int]) -> bool:
        """Whether `identity` (device, inode) is this directory or one of those that hold it."""
        here: _Directory | None = self
        while here is not None:
            if here.identity == identity:
                return True
            here = here.parent
        return False


def scan(folder: Path, settings: NotesSettings) -> list[ScannedFile]:
    """List every file below `folder`, sorted by path, without opening any but ignore files.

    Hidden and ignored directories are listed once and not entered; so is a directory that cannot
    be listed (state failed: what it holds is unknown, not gone). A link to a directory within the
    boundary is entered once for each target, so that links cannot multiply or go in circles.
    Raises `FolderUnreadable`.
    """
    walk = _Walk(LinkPolicy(folder, settings.follow), settings)
    return sorted(walk.run(), key=lambda found: found.path)


def is_note_name(include: tuple[str, ...]) -> Callable[[str], bool]:
    """The test whether a path (relative, with `/`) matches `include`.

    As in gitignore files, a glob without a slash is about the file's name, the last glob that
    matches decides, and `!` takes back. No glob makes notes of what lies in `notes.md/`.
    """
    if all(glob.startswith("*.") and not _GLOB_CHARACTERS & set(glob[1:]) for glob in include):
        suffixes = tuple(glob[1:] for glob in include)
        return lambda path: path.endswith(suffixes)
    if not any("/" in glob for glob in include):
        names = GitIgnoreSpec.from_lines(include)
        return lambda path: names.match_file(path.rpartition("/")[2])
    return GitIgnoreSpec.from_lines(include).match_file


class _Walk:
    def __init__(self, boundary: LinkPolicy, settings: NotesSettings) -> None:
        self.boundary = boundary
        self.settings = settings
        self.is_note = is_note_name(settings.include)
        self.ignore_files = [ignore_rules.OWN_FILE]
        if settings.honour_gitignore:
            self.ignore_files.insert(0, ignore_rules.GIT_FILE)
        self.found: list[ScannedFile] = []
        self.pending: list[_Directory] = []
        self.linked: dict[tuple[int, int], str] = {}

    def run(self) -> list[ScannedFile]:
        root = self.boundary.root
        try:
            status = Path(root).stat()
            entries = _listed(root)
        except OSError as error:
            message = f"{root} cannot be listed: {error.strerror or error}"
            raise FolderUnreadable(error.errno, message) from error
        self._enter(_Directory(root, "", (status.st_dev, status.st_ino), (), None), entries)
        while self.pending:
            directory = self.pending.pop()
            try:
                entries = _listed(directory.real)
            except FileNotFoundError:
                continue
            except OSError as error:
                reason = f"the folder cannot be listed: {error.strerror or error}"
                self._exclude(directory.prefix, NoteState.FAILED, reason)
                continue
            self._enter(directory, entries)
        return self.found

    def _enter(self, directory: _Directory, entries: list[os.DirEntry[str]]) -> None:
        names = {entry.name for entry in entries}
        files = [
            ignore_rules.load(self.boundary, directory.real, directory.prefix, name)
            for name in self.ignore_files
            if name in names
        ]
        if files:
            chain = (*directory.rules, *files)
            directory = _Directory(
                directory.real, directory.prefix, directory.identity, chain, directory.parent
            )
        problems = {rules.file: rules.problem for rules in files if rules.problem}
        entered = len(self.pending)
        for entry in entries:
            self._look_at(entry, directory, problems)
        self.pending[entered:] = reversed(self.pending[entered:])

    def _look_at(
        self, entry: os.DirEntry[str], directory: _Directory, problems: dict[str, str]
    ) -> None:
        path = directory.prefix + entry.name
        try:
            is_directory = _is_directory(entry)
            shown = path + "/" if is_directory else path
            if path in problems:
                self._exclude(path, NoteState.FAILED, problems[path])
            elif not _is_utf8(entry.name):
                self._exclude(shown, NoteState.SKIPPED, "its name is not UTF-8")
            elif entry.name.startswith("."):
                reason = "hidden folder" if is_directory else "hidden file"
                self._exclude(shown, NoteState.IGNORED, reason)
            elif reason := ignore_rules.excluded(shown, directory.rules):
                self._exclude(shown, NoteState.IGNORED, reason)
            elif entry.is_symlink():
                self._follow(entry, path, directory)
            elif is_directory:
                status = entry.stat(follow_symlinks=False)
                self._descend(entry.path, path, status, directory)
            else:
                self._file(entry.path, path, entry.stat(follow_symlinks=False))
        except FileNotFoundError:
            return
        except OSError as error:
            self._exclude(path, NoteState.FAILED, f"cannot be read: {error.strerror or error}")

    def _descend(self, real: str, path: str, status: os.stat_result, parent: _Directory) -> None:
        identity = (status.st_dev, status.st_ino)
        self.pending.append(_Directory(real, path + "/", identity, parent.rules, parent))

    def _follow(self, entry: os.DirEntry[str], path: str, directory: _Directory) -> None:
        target = Path(entry.path).readlink()
        real = os.path.realpath(entry.path)
        if not self.boundary.holds(real):
            reason = f"a link that leads outside the folder: {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
            return
        try:
            status = Path(real).stat()
        except OSError as error:
            reason = f"a link that leads nowhere ({error.strerror or error}): {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
            return
        if not stat.S_ISDIR(status.st_mode):
            self._file(real, path, status)
            return
        identity = (status.st_dev, status.st_ino)
        if directory.is_below(identity):
            reason = f"a link to a folder that holds it: {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
        elif identity in self.linked:
            reason = f"a link to the same folder as {self.linked[identity]}: {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
        else:
            self.linked[identity] = path
            self._descend(real, path, status, directory)

    def _file(self, real: str, path: str, status: os.stat_result) -> None:
        state, reason = self._judged(real, path, status)
        self.found.append(ScannedFile(path, status.st_size, status.st_mtime_ns, state, reason))

    def _judged(self, real: str, path: str, status: os.stat_result) -> tuple[NoteState | None, str]:
        if not stat.S_ISREG(status.st_mode):
            return NoteState.SKIPPED, not_regular(status)
        if not self.is_note(path):
            return NoteState.IGNORED, "not a note: no rule of notes.include matches"
        if status.st_size > self.settings.max_bytes:
            return NoteState.SKIPPED, too_large(status.st_size, self.settings)
        if status.st_mode & _WORLD_READABLE != _WORLD_READABLE and not os.access(real, os.R_OK):
            return NoteState.FAILED, "cannot be read: Permission denied"
        return None, ""

    def _exclude(self, path: str, state: NoteState, reason: str) -> None:
        self.found.append(ScannedFile(path, 0, 0, state, reason))


def not_regular(status: os.stat_result) -> str:
    """The reason for a file that is none in the common sense."""
    kind = _OTHER_TYPES.get(stat.S_IFMT(status.st_mode), "special file")
    return f"not a regular file: {kind}"


def too_large(size: int, settings: NotesSettings) -> str:
    """The reason for a file of `size` bytes that is over the limit."""
    return f"too large: {size:,} bytes, notes.max_bytes is {settings.max_bytes:,}"


def _listed(directory: str) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a directory or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link in a circle
        return False


def _is_utf8(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
