"""The engine's process, from start to exit."""

from __future__ import annotations

import asyncio
import faulthandler
import gc
import logging
import logging.handlers
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from membrowse import __version__, interpreter, log_formats, paths, settings
from membrowse.engine import clock
from membrowse.engine.lock import IndexLock, IndexLocked
from membrowse.engine.service_manager import ServiceManager
from membrowse.log_formats import LogFormat
from membrowse.shell_commands import command, option

log = logging.getLogger(__name__)

_LOG_BYTES = 1_000_000
_LOG_FILES = 3
_FOLDER_POLL_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Foreground:
    """An engine that runs until it is stopped, as under a service manager."""

    group: str | None = None
    """Its members may connect, too; they need the service manager's runtime directory."""
    operators: str | None = None
    """The members of this group may reindex and pin."""
    log_format: LogFormat = LogFormat.TEXT


def main(folder: Path, foreground: Foreground | None = None) -> int:
    """Own the index of `folder` and serve it until stopped or idle; returns an exit status.

    With `foreground`, the engine never ends when idle, also logs to stderr, waits for a folder that
    is not there yet, and listens in the runtime directory of its service manager, if there is one.
    `EX_TEMPFAIL` means that another engine owns the index, `EX_CONFIG` that the settings cannot be
    used, `EX_NOPERM` that somebody else could have written to the index or the socket's directory.
    """
    # numpy's matrix products are small here: a second thread costs more than it gains.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    faulthandler.enable()  # a watchdog's SIGABRT shows where the engine hangs
    gc.disable()  # until the index is open: what is imported by then is never garbage
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
    manager = ServiceManager()
    lock = IndexLock(directory)
    try:
        settings.load(paths.config_file())
        lock.acquire(clock.now())
    except settings.SettingsError as error:
        log.error("%s", error)
        return os.EX_CONFIG
    except IndexLocked as error:
        log.error("%s; %s ends it", error, command("engine stop", folder))
        return os.EX_TEMPFAIL
    log.info("version %s, process %d, folder %s", __version__, os.getpid(), folder)
    if chosen := option(folder):
        log.info("the commands that this log names need %s", chosen)
    try:
        if foreground is not None:
            _wait_for(folder, manager)
        while _serve(folder, foreground, manager):
            gc.unfreeze()
            gc.collect()  # a closed index is a cycle, and large
            gc.disable()
    except paths.Untrusted as error:
        log.error("%s; %s shows what is wrong", error, command("doctor", folder))
        return os.EX_NOPERM
    finally:
        lock.release()
    log.info("ended")
    return 0


def _wait_for(folder: Path, manager: ServiceManager) -> None:
    """Wait until `folder` exists: a disk may be mounted later than the service starts."""
    if folder.is_dir():
        return
    log.warning("%s is not there yet: waiting for it", folder)
    manager.ready("waiting for the folder")
    while not folder.is_dir():
        manager.alive()
        time.sleep(_FOLDER_POLL_SECONDS)


def _serve(folder: Path, foreground: Foreground | None, manager: ServiceManager) -> bool:
    """Serve with the settings as they are now; True if they are to be loaded again."""
    from membrowse.engine.http import server
    from membrowse.engine.http.listener import bind
    from membrowse.engine.http.peers import Rights
    from membrowse.engine.service import Service

    configured = settings.load(paths.config_file())
    address, idle = paths.own_socket(folder), configured.engine.idle_minutes * 60.0
    if foreground is not None:
        address, idle = paths.service_socket() or address, 0.0
    listener = bind(address, foreground.group if foreground else None)
    service = Service(folder, configured, idle_seconds=idle)
    rights = Rights(foreground.operators if foreground else None)
    try:
        return asyncio.run(server.run(service, listener, manager, rights))
    finally:
        listener.close()


def _log_to(file: Path, foreground: Foreground | None) -> None:
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(
            file, maxBytes=_LOG_BYTES, backupCount=_LOG_FILES, encoding="utf-8"
        )
    ]
    if foreground is not None:
        handlers.append(log_formats.stderr_handler())
    log_format = foreground.log_format if foreground is not None else LogFormat.TEXT
    for handler in handlers:
        journal = isinstance(handler, log_formats.JournalHandler)
        handler.setFormatter(log_formats.formatter(log_format, journal=journal))
    logging.raiseExceptions = False  # a full disk of the file must not flood the journal
    logging.basicConfig(level=logging.INFO, handlers=handlers)
    logging.getLogger("httpx").setLevel(logging.WARNING)
