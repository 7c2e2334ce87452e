"""Where membrowse keeps things, and nothing about what is in them.

`MEMBROWSE_HOME` puts everything below one directory (tests, portable use). Otherwise the platform's
own places are used. Directories made here are readable by their owner only.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import warnings
from pathlib import Path

import platformdirs

APP = "membrowse"
SOCKET_PATH_LIMIT = 100
"""Unix socket addresses end at 104 (macOS) or 108 (Linux) bytes; a margin below."""


def private(directory: Path) -> Path:
    """Make `directory` (and its parents), for the owner only, and return it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return directory


def replace_file(file: Path, content: bytes, *, sync: bool = False, mode: int = 0o600) -> None:
    """Write `file` whole or not at all; with `sync` even if power is lost then.

    Raises `OSError`; the file is then as it was.
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


def _place(name: str, default: str) -> Path:
    home = _home()
    return home / name if home else Path(default)


def config_file() -> Path:
    """The settings file; it need not exist."""
    return _place("config", platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"


def state_dir() -> Path:
    """Small things remembered between sessions: query history, theme, last folder."""
    return _place("state", platformdirs.user_state_dir(APP, appauthor=False))


def cache_dir() -> Path:
    """What can be made again at any time, such as the exported encoder."""
    return _place("cache", platformdirs.user_cache_dir(APP, appauthor=False))


def data_dir() -> Path:
    """Indexes, and the person's own copy of the demo memory."""
    return _place("data", platformdirs.user_data_dir(APP, appauthor=False))


def folder_key(folder: Path) -> str:
    """A short hash that stands for a folder's real path in names of directories and sockets."""
    return hashlib.sha256(os.fsencode(os.path.realpath(folder))).hexdigest()[:16]


def index_dir(folder: Path) -> Path:
    """The index directory of `folder`; outside the folder, one for each real path.

    `MEMBROWSE_INDEX_DIR` names the directory of all indexes instead.
    """
    base = os.environ.get("MEMBROWSE_INDEX_DIR")
    parent = Path(base).expanduser().absolute() if base else data_dir() / "indexes"
    return parent / folder_key(folder)


def log_file(folder: Path) -> Path:
    """The log of the engine that serves `folder`."""
    return index_dir(folder) / "engine.log"


def system_socket(folder: Path) -> Path:
    """Where an engine that runs as a system service listens for `folder`."""
    base = os.environ.get("RUNTIME_DIRECTORY") or "/run/membrowse"
    return Path(base.split(":")[0]) / f"{folder_key(folder)}.sock"


def own_socket(folder: Path) -> Path:
    """Where the person's own engine listens for `folder`: short enough for a socket address."""
    name = f"{folder_key(folder)}.sock"
    home = _home()
    base = home / "run" if home else _runtime_dir()
    if len(os.fsencode(base / name)) <= SOCKET_PATH_LIMIT:
        return base / name
    short = hashlib.sha256(os.fsencode(base)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"{APP}-{os.getuid()}-{short}" / name


def _runtime_dir() -> Path:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where XDG_RUNTIME_DIR is not set, that is no news to tell
        return Path(platformdirs.user_runtime_dir(APP, appauthor=False))
