"""List every file of a folder: which are notes, and why the others are not."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from membrowse.notes import ignore_rules, packages
from membrowse.notes.globs import note_matcher
from membrowse.notes.symlinks import LinkPolicy
from membrowse.roots import Root
from membrowse.settings import NotesSettings
from membrowse.wire.notes import NoteState

NO_NOTE = "not a note"
"""How the reason begins why a file that `notes.include` does not name is left out."""
_WORLD_READABLE = stat.S_IROTH | stat.S_IRGRP | stat.S_IRUSR
_OTHER_TYPES = {
    stat.S_IFIFO: "FIFO",
    stat.S_IFSOCK: "socket",
    stat.S_IFBLK: "block device",
    stat.S_IFCHR: "character device",
}


class FolderUnreadable(OSError):
    """The folder itself is missing, is not a directory, or cannot be listed."""


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link to a file or directory."""

    path: str
    """Relative to the folder."""
    target: str
    """The path that it leads to, absolute and without links."""


@dataclass(frozen=True, slots=True)
class ScannedFile:
    """A file of the folder, or a directory that was not entered (its path ends in `/`)."""

    path: str
    """Relative to the folder, with `/`. Bytes that are not UTF-8 are surrogate escapes."""
    size: int
    """Bytes; 0 for directories and for files without a status."""
    mtime_ns: int
    excluded: NoteState | None
    """None for a note to index; else ignored, skipped or failed."""
    reason: str
    """Why it is not indexed, or empty."""
    ctime_ns: int = 0
    inode: int = 0
    device: int = 0
    same_as: str = ""
    """Path of the note that is the same file, if this one is left out for it."""
    link: Link | None = None
    """The last symbolic link on the file's path."""


@dataclass(frozen=True, slots=True)
class _Directory:
    real: str
    prefix: str
    """Its path in the folder with a trailing `/`; empty for the folder itself."""
    identity: tuple[int, int]
    rules: tuple[ignore_rules.IgnoreRules, ...]
    parent: _Directory | None
    link: Link | None = None
    """The last symbolic link on its path."""
    asked_for: bool = False
    """Whether a rule names it, so that it is entered even if it holds packages."""

    @property
    def name(self) -> str:
        return self.prefix.rstrip("/").rpartition("/")[2]

    def is_below(self, identity: tuple[int, int]) -> bool:
        """Whether `identity` (device, inode) is this directory or one of its parents."""
        directory: _Directory | None = self
        while directory is not None:
            if directory.identity == identity:
                return True
            directory = directory.parent
        return False


@dataclass(frozen=True, slots=True)
class RootScan:
    """The files of one root, before several paths to one file were noticed."""

    files: list[ScannedFile]
    paths_by_identity: Mapping[tuple[int, int], Sequence[str]]
    """Paths of notes, by device and inode."""
    linked: Collection[str]
    """Paths that lead through a symbolic link."""


def merged(scans: Iterable[RootScan]) -> list[ScannedFile]:
    """The files of several roots, sorted by path; of several paths to one file, one is a note."""
    files: dict[str, ScannedFile] = {}
    paths_by_identity: dict[tuple[int, int], list[str]] = {}
    linked: set[str] = set()
    for scan in scans:
        files |= {file.path: file for file in scan.files}
        linked.update(scan.linked)
        for identity, paths in scan.paths_by_identity.items():
            paths_by_identity.setdefault(identity, []).extend(paths)
    for paths in paths_by_identity.values():
        if len(paths) > 1:
            files.update(_same_file(files, paths, linked))
    return sorted(files.values(), key=lambda file: file.path)


def scan_root(root: Root, settings: NotesSettings) -> RootScan:
    """List every file of `root`; opens only ignore files.

    Directories that are hidden, ignored or made by a package manager are listed once and not
    entered, unless a rule names them. So is a directory that cannot be listed, in state failed: its
    content is unknown, not gone. A link to an allowed directory is entered once per target, so
    links cannot multiply or loop. Raises `FolderUnreadable`.
    """
    walk = _Walk(root, settings)
    walk.run()
    return RootScan(walk.files, walk.paths_by_identity, walk.linked)


def saved_note(root: Root, settings: NotesSettings, known: ScannedFile) -> ScannedFile | None:
    """Look again at a note of an earlier scan.

    None if it is more than a note that was saved, so that only a scan can tell what it is. Raises
    `OSError` if it is gone.
    """
    walk = _Walk(root, settings)
    real = str(Path(walk.links.root) / root.below(known.path))
    status = Path(real).lstat()
    if os.path.realpath(real) != real or status.st_nlink != 1 or status.st_dev != known.device:
        return None
    walk.add_file(real, known.path, status, None)
    (file,) = walk.files
    return file if file.excluded is None else None


def _same_file(
    files: Mapping[str, ScannedFile], paths: Sequence[str], linked: Collection[str]
) -> dict[str, ScannedFile]:
    """The `paths` of one file that are left out; the first that is no link remains a note."""
    first, *others = sorted(paths, key=lambda path: (path in linked, path))
    reason = f"the same file as {first}"
    return {
        path: replace(files[path], excluded=NoteState.SKIPPED, reason=reason, same_as=first)
        for path in others
    }


class _Walk:
    def __init__(self, root: Root, settings: NotesSettings) -> None:
        self.root = root
        self.links = LinkPolicy(root.path, settings.follow)
        self.settings = settings
        self.is_note = note_matcher(root.include or settings.include)
        self.ignore_files = [ignore_rules.MEMBROWSE_IGNORE]
        if settings.honour_gitignore:
            self.ignore_files.insert(0, ignore_rules.GIT_IGNORE)
        self.files: list[ScannedFile] = []
        self.pending: list[_Directory] = []
        self.entered_links: dict[tuple[int, int], str] = {}
        self.paths_by_identity: dict[tuple[int, int], list[str]] = {}
        """Paths of notes, by device and inode."""
        self.linked: set[str] = set()
        """Paths that lead through a symbolic link."""

    def run(self) -> None:
        root = self.links.root
        try:
            status = Path(root).stat()
            if self.root.name and stat.S_ISREG(status.st_mode):
                self.add_file(root, self.root.name, status, None)
                return
            entries = _list(root)
        except OSError as error:
            message = f"{root} cannot be listed: {error.strerror or error}"
            raise FolderUnreadable(error.errno, message) from error
        identity = (status.st_dev, status.st_ino)
        self._enter(_Directory(root, self.root.prefix, identity, (), None), entries)
        while self.pending:
            directory = self.pending.pop()
            try:
                entries = _list(directory.real)
            except FileNotFoundError:
                continue
            except OSError as error:
                reason = f"the folder cannot be listed: {error.strerror or error}"
                self._exclude(directory.prefix, NoteState.FAILED, reason)
                continue
            names = {entry.name for entry in entries}
            reason = "" if directory.asked_for else packages.by_content(directory.name, names)
            if reason:
                self._exclude(directory.prefix, NoteState.IGNORED, reason)
            else:
                self._enter(directory, entries)

    def _enter(self, directory: _Directory, entries: list[os.DirEntry[str]]) -> None:
        names = {entry.name for entry in entries}
        rule_files = [
            ignore_rules.load_rules(self.links, directory.real, directory.prefix, name)
            for name in self.ignore_files
            if name in names
        ]
        if rule_files:
            directory = replace(directory, rules=(*directory.rules, *rule_files))
        problems = {rules.file: rules.problem for rules in rule_files if rules.problem}
        first_pending = len(self.pending)
        for entry in entries:
            self._visit(entry, directory, problems, names)
        self.pending[first_pending:] = reversed(self.pending[first_pending:])

    def _visit(
        self,
        entry: os.DirEntry[str],
        directory: _Directory,
        problems: dict[str, str],
        siblings: Collection[str],
    ) -> None:
        path = directory.prefix + entry.name
        try:
            is_directory = _is_directory(entry)
            listed_path = path + "/" if is_directory else path
            rule = ignore_rules.deciding_rule(listed_path, directory.rules)
            asked_for = rule is not None and rule.brings_in(entry.name)
            if path in problems:
                self._exclude(path, NoteState.FAILED, problems[path])
            elif not _is_utf8(entry.name):
                self._exclude(listed_path, NoteState.SKIPPED, "the file name is not UTF-8")
            elif reason := self._exclusion_by_name(entry, rule, is_directory, siblings):
                self._exclude(listed_path, NoteState.IGNORED, reason)
            elif entry.is_symlink():
                self._follow(entry, path, directory, asked_for)
            elif is_directory:
                status = entry.stat(follow_symlinks=False)
                self._descend(entry.path, path, status, directory, asked_for=asked_for)
            else:
                status = entry.stat(follow_symlinks=False)
                self.add_file(entry.path, path, status, directory.link)
        except FileNotFoundError:
            return
        except OSError as error:
            self._exclude(path, NoteState.FAILED, f"cannot be read: {error.strerror or error}")

    def _exclusion_by_name(
        self,
        entry: os.DirEntry[str],
        rule: ignore_rules.Verdict | None,
        is_directory: bool,
        siblings: Collection[str],
    ) -> str:
        """Why a file or directory is left out without a look into it, or an empty string."""
        if rule is not None and rule.brings_in(entry.name):
            return ""
        if entry.name.startswith("."):
            return "hidden folder" if is_directory else "hidden file"
        if rule is not None and rule.excludes:
            return rule.reason
        return packages.by_name(entry.name, siblings) if is_directory else ""

    def _descend(
        self,
        real: str,
        path: str,
        status: os.stat_result,
        parent: _Directory,
        *,
        link: Link | None = None,
        asked_for: bool = False,
    ) -> None:
        directory = _Directory(
            real,
            path + "/",
            (status.st_dev, status.st_ino),
            parent.rules,
            parent,
            link=link or parent.link,
            asked_for=asked_for,
        )
        self.pending.append(directory)

    def _follow(
        self, entry: os.DirEntry[str], path: str, directory: _Directory, asked_for: bool
    ) -> None:
        target = Path(entry.path).readlink()
        real = os.path.realpath(entry.path)
        if not self.links.allows(real):
            reason = f"a link to outside the folder: {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
            return
        try:
            status = Path(real).stat()
        except OSError as error:
            reason = f"a broken link ({error.strerror or error}): {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
            return
        if not stat.S_ISDIR(status.st_mode):
            self.add_file(real, path, status, Link(path, real))
            return
        identity = (status.st_dev, status.st_ino)
        if directory.is_below(identity):
            reason = f"a link to a folder that contains it: {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
        elif identity in self.entered_links:
            reason = f"a link to the same folder as {self.entered_links[identity]}: {target}"
            self._exclude(path, NoteState.SKIPPED, reason)
        else:
            self.entered_links[identity] = path
            link = Link(path, real)
            self._descend(real, path, status, directory, link=link, asked_for=asked_for)

    def add_file(self, real: str, path: str, status: os.stat_result, link: Link | None) -> None:
        state, reason = self._exclusion(real, path, status)
        self.files.append(
            ScannedFile(
                path=path,
                size=status.st_size,
                mtime_ns=status.st_mtime_ns,
                excluded=state,
                reason=reason,
                ctime_ns=status.st_ctime_ns,
                inode=status.st_ino,
                device=status.st_dev,
                link=link,
            )
        )
        if state is None:
            self.paths_by_identity.setdefault((status.st_dev, status.st_ino), []).append(path)
            if link is not None:
                self.linked.add(path)

    def _exclusion(
        self, real: str, path: str, status: os.stat_result
    ) -> tuple[NoteState | None, str]:
        if not stat.S_ISREG(status.st_mode):
            return NoteState.SKIPPED, not_regular_reason(status)
        below = self.root.below(path)
        if below and not self.is_note(below):
            kinds = ", ".join(self.root.include) or self.settings.kinds
            return NoteState.IGNORED, f"{NO_NOTE}: notes are {kinds}"
        if status.st_size > self.settings.max_bytes:
            return NoteState.SKIPPED, too_large_reason(status.st_size, self.settings)
        if status.st_mode & _WORLD_READABLE != _WORLD_READABLE and not os.access(real, os.R_OK):
            return NoteState.FAILED, "cannot be read: Permission denied"
        return None, ""

    def _exclude(self, path: str, state: NoteState, reason: str) -> None:
        self.files.append(ScannedFile(path, 0, 0, state, reason))


def not_regular_reason(status: os.stat_result) -> str:
    """Describe a file that is not a regular file."""
    kind = _OTHER_TYPES.get(stat.S_IFMT(status.st_mode), "special file")
    return f"not a regular file: {kind}"


def too_large_reason(size: int, settings: NotesSettings) -> str:
    """Describe a file of `size` bytes that exceeds the limit."""
    return f"too large: {size:,} bytes, notes.max_bytes is {settings.max_bytes:,}"


def _list(directory: str) -> list[os.DirEntry[str]]:
    with os.scandir(directory) as entries:
        return sorted(entries, key=lambda entry: entry.name)


def _is_directory(entry: os.DirEntry[str]) -> bool:
    """Whether `entry` is a directory or a link to one."""
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_utf8(name: str) -> bool:
    if name.isascii():
        return True
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
