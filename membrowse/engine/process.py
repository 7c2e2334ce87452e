"""The engine's process, from start to exit."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import os
import sys
from pathlib import Path

from membrowse import __version__, interpreter, paths, settings
from membrowse.engine import clock
from membrowse.engine.lock import IndexLock, IndexLocked

log = logging.getLogger(__name__)

_LOG_BYTES = 1_000_000
_LOG_FILES = 3


def main(folder: Path, *, foreground: bool = False, group: str | None = None) -> int:
    """Own the index of `folder` and serve it until stopped or idle; returns an exit status.

    With `foreground`, the engine never ends when idle, also logs to stderr, and listens at a system
    service's address if the service manager provides a runtime directory. `EX_TEMPFAIL` means that
    another engine owns the index, `EX_CONFIG` that the settings cannot be used, `EX_NOPERM` that
    somebody else could have written to the index or the socket's directory.
    """
    # numpy's matrix products are small here: a second thread costs more than it gains.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    folder = Path(os.path.realpath(folder))
    os.environ.update(paths.absolute_variables())
    os.chdir(interpreter.DIRECTORY)
    os.umask(0o077)
    try:
        directory = paths.without_links(paths.private(paths.index_dir(folder)))
    except paths.Untrusted as error:
        sys.stderr.write(f"{error}\n")
        return os.EX_NOPERM
    _log_to(paths.log_file(folder), foreground)
    lock = IndexLock(directory)
    try:
        configured = settings.load(paths.config_file())
        lock.acquire(clock.now())
    except settings.SettingsError as error:
        log.error("%s", error)
        return os.EX_CONFIG
    except IndexLocked as error:
        log.error("%s", error)
        return os.EX_TEMPFAIL
    try:
        return _serve(folder, configured, foreground, group)
    except paths.Untrusted as error:
        log.error("%s", error)
        return os.EX_NOPERM
    finally:
        lock.release()


def _serve(folder: Path, configured: settings.Settings, foreground: bool, group: str | None) -> int:
    from membrowse.engine.http import server
    from membrowse.engine.http.listener import bind
    from membrowse.engine.service import Service

    log.info("version %s, process %d, folder %s", __version__, os.getpid(), folder)
    systemwide = foreground and (group is not None or "RUNTIME_DIRECTORY" in os.environ)
    address = (paths.system_socket if systemwide else paths.own_socket)(folder)
    listener = bind(address, group)
    idle = 0.0 if foreground else configured.engine.idle_minutes * 60
    try:
        asyncio.run(server.run(Service(folder, configured, idle_seconds=idle), listener))
    finally:
        listener.close()
    log.info("ended")
    return 0


def _log_to(file: Path, foreground: bool) -> None:
    form = logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s")
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(
            file, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
        )
    ]
    if foreground:
        handlers.append(logging.StreamHandler(sys.stderr))
    for handler in handlers:
        handler.setFormatter(form)
    logging.basicConfig(level=logging.INFO, handlers=handlers)
    logging.getLogger("httpx").setLevel(logging.WARNING)
