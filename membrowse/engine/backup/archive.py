"""Archives of an index: written while the engine serves, and read back with suspicion.

An archive has copies of the databases of the index directory (SQLite's online backup, so each is
consistent), its pins, and the settings. Keyword index, HNSW and what belongs to Milvus are derived
and left out.
"""

from __future__ import annotations

import hashlib
import io
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import IO

import msgspec

from membrowse import __version__, paths
from membrowse.engine import clock
from membrowse.index.local_stores import TERMS
from membrowse.settings import saved_configurations
from membrowse.wire.backup import BACKUP_FORMAT, BackupContent

_CONTENT = "backup.json"
_CONTENT_BYTES = 1_000_000
_TEMPORARY = ".backup-"
_DERIVABLE = ("vectors.sqlite", "tokens.sqlite")
_INDEX, _SETTINGS, _PINS = "index/", "settings/", "pins.jsonl"


class UnusableArchive(Exception):
    """The file is no backup that this version can restore; the message says why."""


def write_archive(folder: Path, archive: IO[bytes], *, with_vectors: bool) -> None:
    """Write the backup of `folder` to `archive`. Raises `OSError` and `sqlite3.Error`."""
    directory = paths.index_dir(folder)
    remove_leftovers(directory)
    with tempfile.TemporaryDirectory(prefix=_TEMPORARY, dir=directory) as temporary:
        copies = dict(_copied_members(folder, Path(temporary), with_vectors))
        content = BackupContent(
            format=BACKUP_FORMAT,
            version=__version__,
            folder=str(folder),
            at=clock.now(),
            files={name: _digest(file) for name, file in copies.items()},
        )
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            described = msgspec.json.encode(content)
            member = tarfile.TarInfo(_CONTENT)
            member.size = len(described)
            tar.addfile(member, io.BytesIO(described))
            for name, file in copies.items():
                tar.add(file, arcname=name, recursive=False)


def remove_leftovers(directory: Path) -> None:
    """Remove what a killed backup or restore left in the index directory."""
    for leftover in directory.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(leftover, ignore_errors=True)


def unpack(archive: IO[bytes], into: Path) -> BackupContent:
    """Unpack the members that the archive describes, each checked, to `into`.

    Raises `UnusableArchive`, and `OSError` if a file cannot be read or written.
    """
    try:
        with tarfile.open(fileobj=archive, mode="r:gz") as tar:
            content = _archive_content(tar)
            missing = set(content.files)
            while (member := tar.next()) is not None:
                expected = content.files.get(member.name)
                if expected is None or not member.isfile() or not _is_ours(member.name):
                    raise UnusableArchive(f"unexpected member {member.name!r}")
                _unpack(tar, member, into / member.name, expected)
                missing.discard(member.name)
    except (tarfile.TarError, EOFError, msgspec.DecodeError, UnicodeError) as error:
        raise UnusableArchive(f"not a complete backup: {error}") from error
    if missing:
        raise UnusableArchive(f"not a complete backup: {min(missing)} is missing")
    return content


def place_of(member: str, folder: Path) -> Path:
    """Where the file of a member belongs."""
    if member == _PINS:
        return paths.pin_file(folder)
    if member.startswith(_INDEX):
        return paths.index_dir(folder) / member.removeprefix(_INDEX)
    return paths.config_file().parent / member.removeprefix(_SETTINGS)


def is_setting(member: str) -> bool:
    return member.startswith(_SETTINGS)


def _copied_members(folder: Path, to: Path, with_vectors: bool) -> Iterator[tuple[str, Path]]:
    """(member, copy) of every file of the backup."""
    directory = paths.index_dir(folder)
    for database in sorted(directory.glob("*.sqlite")):
        if database.name != TERMS and (with_vectors or database.name not in _DERIVABLE):
            copy = to / database.name
            with (
                closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
            yield f"{_INDEX}{database.name}", copy
    pins = paths.pin_file(folder)
    if pins.is_file():
        yield _PINS, Path(shutil.copy(pins, to))
    config = paths.config_file()
    for setting in (config, saved_configurations.configurations_file(config)):
        if setting.is_file():
            yield f"{_SETTINGS}{setting.name}", Path(shutil.copy(setting, to))


def _archive_content(tar: tarfile.TarFile) -> BackupContent:
    first = tar.next()
    if first is None or first.name != _CONTENT or first.size > _CONTENT_BYTES:
        raise UnusableArchive("not a backup of membrowse")
    stream = tar.extractfile(first)
    content = msgspec.json.decode(stream.read() if stream else b"", type=BackupContent)
    if content.format != BACKUP_FORMAT:
        raise UnusableArchive(
            f"the backup has format {content.format}, made by version {content.version}; "
            f"this version reads format {BACKUP_FORMAT}"
        )
    return content


def _is_ours(member: str) -> bool:
    """Whether `member` is a name that `write_archive` gives."""
    if member == _PINS:
        return True
    room, _, name = member.partition("/")
    known = {"index": (".sqlite",), "settings": (".toml", ".json")}.get(room, ())
    return name.endswith(known) and "/" not in name and not name.startswith(".") if known else False


def _unpack(tar: tarfile.TarFile, member: tarfile.TarInfo, to: Path, expected: str) -> None:
    to.parent.mkdir(mode=0o700, exist_ok=True)
    stream = tar.extractfile(member)
    with to.open("xb") as copy:
        if stream is not None:
            shutil.copyfileobj(stream, copy)
    if _digest(to) != expected:
        raise UnusableArchive(f"{member.name} is damaged")


def _digest(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
