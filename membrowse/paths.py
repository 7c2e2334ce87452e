"""Locations of membrowse's files, and nothing about their content.

`MEMBROWSE_HOME` puts everything below one directory (for tests or portable use); otherwise the
platform's standard directories apply. Directories created here are readable by their owner only.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import tempfile
import warnings
from pathlib import Path

import platformdirs

APP = "membrowse"
SOCKET_PATH_LIMIT = 100
"""Bytes. Unix socket addresses end at 104 (macOS) or 108 (Linux) bytes; this leaves a margin."""


def private(directory: Path) -> Path:
    """Create `directory` and its parents, readable by the owner only, and return it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def replace_file(file: Path, content: bytes, *, sync: bool = False, mode: int = 0o600) -> None:
    """Write `file` atomically; with `sync`, durably.

    Raises `OSError` and leaves the file unchanged if it cannot be written.
    """
    private(file.parent)
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            if sync:
                stream.flush()
                os.fsync(stream.fileno())
        Path(name).chmod(mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _home() -> Path | None:
    home = os.environ.get("MEMBROWSE_HOME")
    return Path(home).expanduser().absolute() if home else None


def _resolve(name: str, default: str) -> Path:
    home = _home()
    return home / name if home else Path(default)


def config_file() -> Path:
    """The settings file; it need not exist."""
    return _resolve("config", platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"


def state_dir() -> Path:
    """Directory for state kept between sessions: query history, theme, last folder."""
    return _resolve("state", platformdirs.user_state_dir(APP, appauthor=False))


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
    return _resolve("cache", platformdirs.user_cache_dir(APP, appauthor=False))


def data_dir() -> Path:
    """Directory for indexes and the user's copy of the demo memory."""
    return _resolve("data", platformdirs.user_data_dir(APP, appauthor=False))


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


def log_file(folder: Path) -> Path:
    """Log of the engine that serves `folder`."""
    return index_dir(folder) / "engine.log"


def system_socket(folder: Path) -> Path:
    """Socket of an engine that runs as a system service for `folder`."""
    base = os.environ.get("RUNTIME_DIRECTORY") or "/run/membrowse"
    return Path(base.split(":")[0]) / f"{folder_key(folder)}.sock"


def own_socket(folder: Path) -> Path:
    """Socket of the user's own engine for `folder`, short enough for a socket address."""
    name = f"{folder_key(folder)}.sock"
    home = _home()
    base = home / "run" if home else _runtime_dir()
    if len(os.fsencode(base / name)) <= SOCKET_PATH_LIMIT:
        return base / name
    short = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}-{short}" / name


def _runtime_dir() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a missing XDG_RUNTIME_DIR is expected
        return Path(platformdirs.user_runtime_dir(APP, appauthor=False))
