"""Locations of membrowse's files, and how they are written: never through a link, never outside
the place that was named.

`MEMBROWSE_HOME` puts everything below one directory (for tests or portable use). A system service
uses the directories of its service manager. Otherwise the platform's standard directories apply.
Directories created here are readable by their owner only.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import secrets
import stat
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import platformdirs

from membrowse.errors import MembrowseError

APP = "membrowse"
SOCKET_PATH_LIMIT = 100
"""Bytes. Unix socket addresses end at 104 (macOS) or 108 (Linux) bytes; this leaves a margin."""
_DIRECTORY_VARIABLES = ("MEMBROWSE_HOME", "MEMBROWSE_INDEX_DIR", "TMPDIR")
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_DIRECTORY = getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class Untrusted(MembrowseError, OSError):
    """A directory or file that somebody else could have put there; it is not used."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(errno.EPERM, reason, str(path))

    def __str__(self) -> str:
        return f"{self.filename}: {self.strerror}"


def private(directory: Path) -> Path:
    """Create `directory` and its parents, and return it; only its owner may write to it.

    Raises `Untrusted` if it belongs to another user, or is another user's link.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if reason := _foreign_directory(directory):
        raise Untrusted(directory, reason)
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & _OTHERS_WRITE:
        directory.chmod(mode & ~_OTHERS_WRITE)
    return directory


def _foreign_directory(directory: Path) -> str:
    """Why somebody else controls `directory`, or empty."""
    link, found, me = directory.lstat(), directory.stat(), os.geteuid()
    if found.st_uid != me:
        return f"it belongs to user {found.st_uid}"
    return f"it is a link made by user {link.st_uid}" if link.st_uid not in (0, me) else ""


def without_links(directory: Path) -> Path:
    """Return `directory`; raises `Untrusted` if it contains a link, which we never make."""
    for place, directories, files in os.walk(directory):
        for name in (*directories, *files):
            if (path := Path(place) / name).is_symlink():
                raise Untrusted(path, "it is a link")
    return directory


def open_file(file: Path, flags: int, *, root: Path | None = None) -> int:
    """Open a regular file and return its descriptor; a new one is readable by its owner only.

    `file` itself is never a link, nor is a directory between `root` (its parent, if not given) and
    `file`. Raises `Untrusted` for a link or another kind of file, and other errors of `os.open`.
    """
    with _open_parent(file, root) as directory:
        return _open_without_links(file, flags, directory)


def replace_file(
    file: Path, content: bytes, *, sync: bool = False, mode: int = 0o600, root: Path | None = None
) -> None:
    """Write `file` atomically, and with `sync` durably; missing directories are created.

    A link is replaced, never followed; like `open_file`, with a `root` also in the directories
    below it. Raises `OSError` and leaves the file unchanged if it cannot be written.
    """
    if root is None:
        private(file.parent)
    with _open_parent(file, root, create=True) as directory:
        new = f".{file.name}.{secrets.token_hex(6)}"
        descriptor = os.open(new, _NEW, 0o600, dir_fd=directory)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                if sync:
                    stream.flush()
                    os.fsync(stream.fileno())
                os.fchmod(stream.fileno(), mode)
            os.replace(new, file.name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(new, dir_fd=directory)
            raise


@contextlib.contextmanager
def _open_parent(file: Path, root: Path | None, *, create: bool = False) -> Iterator[int]:
    """A descriptor of the directory of `file`, reached from `root` without following a link."""
    root = file.parent if root is None else root
    directory = os.open(root, _DIRECTORY)
    try:
        for name in file.parent.relative_to(root).parts:
            if create:
                with contextlib.suppress(FileExistsError):
                    os.mkdir(name, 0o700, dir_fd=directory)
            outer, directory = directory, _open_subdirectory(name, directory, file)
            os.close(outer)
        yield directory
    finally:
        os.close(directory)


def _open_subdirectory(name: str, directory: int, file: Path) -> int:
    try:
        return os.open(name, _DIRECTORY | os.O_NOFOLLOW, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENOTDIR):
            raise Untrusted(file, f"{name} is a link or not a directory") from error
        raise


def _open_without_links(file: Path, flags: int, directory: int) -> int:
    flags |= os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
    try:
        descriptor = os.open(file.name, flags, 0o600, dir_fd=directory)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise Untrusted(file, "it is a link") from error
        raise OSError(error.errno, error.strerror, str(file)) from error
    found = os.fstat(descriptor)
    if stat.S_ISREG(found.st_mode) and found.st_nlink == 1:
        return descriptor
    os.close(descriptor)
    several = stat.S_ISREG(found.st_mode)
    raise Untrusted(file, "it has several names" if several else "it is not a regular file")


def absolute_variables() -> dict[str, str]:
    """Our environment variables that name a directory, with absolute values.

    For a process with another working directory.
    """
    named = ((name, os.environ.get(name)) for name in _DIRECTORY_VARIABLES)
    return {
        name: str(Path(value).absolute())
        for name, value in named
        if value and not value.startswith("~")
    }


def _home() -> Path | None:
    home = os.environ.get("MEMBROWSE_HOME")
    return Path(home).expanduser().absolute() if home else None


SERVICE = "MEMBROWSE_SERVICE"
"""Environment variable of a system service, and of its children."""

_SERVICE_DIRECTORIES = {
    "config": "CONFIGURATION_DIRECTORY",
    "state": "STATE_DIRECTORY",
    "data": "STATE_DIRECTORY",
    "cache": "CACHE_DIRECTORY",
    "log": "LOGS_DIRECTORY",
}
"""Environment variables of systemd.exec(5), by our directory."""


SERVICE_SOCKET = "engine.sock"
"""Name of a system service's socket in its runtime directory."""


def become_service() -> bool:
    """Use the directories of the service manager, in this process and its children.

    False if no service manager provides a runtime directory.
    """
    managed = bool(os.environ.get("RUNTIME_DIRECTORY"))
    if managed:
        os.environ.setdefault(SERVICE, APP)
    return managed


def _resolved_directory(name: str, default: str) -> Path:
    home = _home()
    if home:
        return home / name
    return _service_directory(_SERVICE_DIRECTORIES[name]) or Path(default)


def _service_directory(variable: str) -> Path | None:
    """The first directory that the service manager lists in `variable`, if this is a service."""
    listed = os.environ.get(variable, "") if SERVICE in os.environ else ""
    return Path(listed.split(":")[0]) if listed else None


def config_file() -> Path:
    """The settings file; it need not exist."""
    return (
        _resolved_directory("config", platformdirs.user_config_dir(APP, appauthor=False))
        / "config.toml"
    )


def state_dir() -> Path:
    """Directory for state kept between sessions: query history, theme, last folder."""
    return _resolved_directory("state", platformdirs.user_state_dir(APP, appauthor=False))


def read_regular(file: Path, largest: int) -> bytes:
    """The content of a regular file of at most `largest` bytes. Raises `OSError`.

    A FIFO does not block, and a device is not read.
    """
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "not a regular file")
        with os.fdopen(descriptor, "rb", closefd=False) as stream:
            content = stream.read(largest + 1)
    finally:
        os.close(descriptor)
    if len(content) > largest:
        raise OSError(errno.EFBIG, f"larger than {largest >> 20} MB")
    return content


def size(file: Path) -> int:
    """Bytes of a regular file; 0 if it is gone, or something else."""
    try:
        found = file.stat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0


def tree_size(directory: Path) -> int:
    """Bytes of all regular files below `directory`, which may change meanwhile."""
    return sum(
        size(Path(parent, name)) for parent, _, names in os.walk(directory) for name in names
    )


def cache_dir() -> Path:
    """Directory for files that can be recreated at any time, such as the exported encoder."""
    return _resolved_directory("cache", platformdirs.user_cache_dir(APP, appauthor=False))


def data_dir() -> Path:
    """Directory for indexes and the user's copy of the demo memory."""
    return _resolved_directory("data", platformdirs.user_data_dir(APP, appauthor=False))


def collections_dir() -> Path:
    """Directory with a directory per collection, which stands for it as a folder does."""
    return data_dir() / "collections"


def exports_dir() -> Path:
    """Directory for what the browser exports: pictures of views, reports."""
    return _resolved_directory("exports", platformdirs.user_downloads_dir())


def folder_key(folder: Path) -> str:
    """Short hash of a folder's real path, used in names of directories and sockets."""
    return hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]


def index_dir(folder: Path) -> Path:
    """The index directory of `folder`: outside the folder, one per real path.

    `MEMBROWSE_INDEX_DIR` replaces the parent directory of all indexes.
    """
    base = os.environ.get("MEMBROWSE_INDEX_DIR")
    parent = Path(base).expanduser().absolute() if base else data_dir() / "indexes"
    return parent / folder_key(folder)


def pin_file(folder: Path) -> Path:
    """The pins of `folder` that are not kept in it: beside its index, which may be deleted."""
    directory = index_dir(folder)
    return directory.with_name(f"{directory.name}.pins.jsonl")


def log_file(folder: Path) -> Path:
    """Log of the engine that serves `folder`."""
    directory = _service_directory(_SERVICE_DIRECTORIES["log"]) or index_dir(folder)
    return directory / "engine.log"


def service_socket() -> Path | None:
    """Socket of this process as a system service, in its service manager's runtime directory."""
    directory = _service_directory("RUNTIME_DIRECTORY")
    return directory / SERVICE_SOCKET if directory else None


def own_socket(folder: Path) -> Path:
    """Socket of the user's own engine for `folder`, short enough for a socket address.

    It is in the user's runtime directory; without one that only the user can write to, below
    `state_dir`; if that is too long, in a directory of the user's below the temporary one.
    """
    name = f"{folder_key(folder)}.sock"
    home = _home()
    base = home / "run" if home else _runtime_dir() or state_dir() / "run"
    if len(os.fsencode(base / name)) <= SOCKET_PATH_LIMIT:
        return base / name
    short = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}-{short}" / name


def reachable(socket: Path) -> bool:
    """Whether the user may connect to `socket`, if something listens there."""
    return os.access(socket, os.W_OK)


def _runtime_dir() -> Path | None:
    """The user's runtime directory, unless it is missing or others could write to it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing XDG_RUNTIME_DIR is expected
        base = Path(platformdirs.user_runtime_dir(APP, appauthor=False))
    try:
        open_to_others = base.parent.stat().st_mode & _OTHERS_WRITE
        return None if open_to_others or _foreign_directory(base.parent) else base
    except OSError:
        return None
