"""The connection to Milvus: to a server, or to Milvus Lite in this process.

Milvus Lite listens on a Unix socket in a private directory, not on a TCP port of the loopback
interface as its client would let it: there every user of the machine could read the notes.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from membrowse import paths
from membrowse.index.store_errors import StoreUnavailable
from membrowse.stores.address import grpc_options, is_milvus_lite
from membrowse.stores.grpc_errors import grpc_status, refusal
from membrowse.text import shown

log = logging.getLogger(__name__)

_T = TypeVar("_T")

TOKEN = "MEMBROWSE_MILVUS_TOKEN"  # noqa: S105 (the variable's name)
"""Environment variable with the server's token, or `user:password`."""
INSTALL = "`pip install 'membrowse[milvus]'`"
_CONNECT_SECONDS = 3.0
TIMEOUT_SECONDS = 120.0
"""Timeout of a request: Milvus Lite may rewrite its files before it answers."""
SEARCH_SECONDS = 10.0
"""Timeout of a search: a person waits for it."""
_REASON_CHARACTERS = 160
_NO_PINGS = {"grpc.keepalive_time_ms": (1 << 31) - 1}
"""Milvus Lite closes a connection that is pinged as often as pymilvus does."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where Milvus is."""

    file: Path | None
    """Directory of Milvus Lite; None for a server."""
    uri: str = ""
    """URL of a server; empty for Milvus Lite."""

    @classmethod
    def of(cls, uri: str, directory: Path) -> Address:
        """The address that `uri` names; without one, a file in `directory`."""
        if "://" in uri:
            return cls(None, uri)
        return cls(Path(uri).expanduser().absolute() if uri else directory / "milvus.db")

    def __str__(self) -> str:
        if self.file is not None:
            return f"Milvus Lite ({self.file})"
        return f"Milvus at {urlsplit(self.uri).netloc.rpartition('@')[2]}"


class MilvusConnection:
    """Connects when it is first used, and after a failure when `reconnect` is called: meanwhile
    nobody waits. Thread-safe."""

    def __init__(self, address: Address, directory: Path) -> None:
        """`directory` is the index's own."""
        self.address = address
        self.problem = ""
        """Why the last request failed; empty if it did not."""
        self.connections = 0
        """Number of connections made so far: a server that was restarted has loaded nothing."""
        self._socket = _socket(directory)
        self._lock = threading.Lock()
        self._client: Any = None
        self._close_server: Callable[[], None] | None = None
        """Ends Milvus Lite; None if it does not run."""
        self._closed = False

    def call(self, work: Callable[[Any], _T]) -> _T:
        """Return `work(client)`. Raises `StoreUnavailable`, at once during an outage."""
        if self.problem and self._client is None:
            raise StoreUnavailable(self.problem)
        try:
            result = work(self._connected())
        except StoreUnavailable as error:
            self.problem = str(error)
            raise
        except Exception as error:  # pymilvus, grpc and Milvus Lite raise what they like
            raise self._failed(error) from None
        self.problem = ""
        return result

    def _connected(self) -> Any:
        with self._lock:
            if self._closed:
                raise StoreUnavailable(f"{self.address} is closed")
            if self._client is None:
                self._client = self._connect()
                self.connections += 1
            return self._client

    def reconnect(self) -> None:
        """End an outage if Milvus answers again. Raises `StoreUnavailable`."""
        try:
            self._connected().get_server_version(timeout=_CONNECT_SECONDS)
        except StoreUnavailable as error:
            self.problem = str(error)
            raise
        except Exception as error:  # see `call`
            raise self._failed(error) from None
        self.problem = ""

    def _connect(self) -> Any:
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise StoreUnavailable(f"{self.address}: pymilvus is missing: {INSTALL}") from error
        _silence_libraries()
        uri, token = self.address.uri, os.environ.get(TOKEN, "")
        options = grpc_options(uri)
        if self.address.file is not None:
            if self._close_server is None:
                self._close_server = _serve(self.address.file, self._socket)
            uri, token = f"unix:{self._socket}", ""
            options |= _NO_PINGS
        return MilvusClient(
            uri=uri, token=token, timeout=_CONNECT_SECONDS, dedicated=True, grpc_options=options
        )

    def _failed(self, error: Exception) -> StoreUnavailable:
        """Describe `error`; a server that does not answer is connected to again."""
        if self._closed:
            return StoreUnavailable(f"{self.address} is closed")
        message = str(getattr(error, "message", "")) or grpc_status(error)
        reason = message or str(error) or type(error).__name__
        secret = os.environ.get(TOKEN)
        if secret:
            reason = reason.replace(secret, "…")
        reason = " ".join(shown(reason).split())[:_REASON_CHARACTERS]
        if refused := refusal(error):
            problem = f"refuses ({refused}): is the engine's {TOKEN} right?"
        else:
            problem = f"does not answer ({reason}); trying again"
        self.problem = f"{self.address} {problem}"
        log.warning("%s does not answer (%s)", self.address, refused or type(error).__name__)
        if self.address.file is None:
            with self._lock:
                self._disconnect()
        return StoreUnavailable(self.problem)

    def _disconnect(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            try:
                client.close()
            except Exception:  # the connection may be gone
                log.debug("the connection was gone", exc_info=True)

    def close(self) -> None:
        """Close the connection, and Milvus Lite."""
        with self._lock:
            self._closed = True
            self._disconnect()
            if self._close_server is not None:
                self._close_server()
                self._close_server = None


def _socket(directory: Path) -> Path:
    """A short path for the socket of Milvus Lite, in a directory that only the user can enter."""
    name = hashlib.sha256(os.fsencode(directory)).hexdigest()[:16]
    return paths.own_socket(directory).parent / "milvus" / f"{name}.sock"


def _serve(file: Path, socket: Path) -> Callable[[], None]:
    """Start Milvus Lite on `file` in this process; returns what ends it.

    The kernel releases the lock on the file when this process ends, however it ends.
    """
    try:
        from milvus_lite.adapter.grpc.server import start_server_in_thread
        from milvus_lite.exceptions import DataDirLockedError
    except ImportError as error:
        raise StoreUnavailable(f"milvus-lite is missing: {INSTALL}") from error
    if file.is_file():
        raise StoreUnavailable(f"{file} is not a directory: Milvus Lite 3 cannot read older files")
    if file.is_dir() and any(file.iterdir()) and not is_milvus_lite(file):
        raise StoreUnavailable(f"{file} has files of something else: set `store.uri` to a new path")
    paths.private(file).chmod(0o700)
    paths.private(socket.parent).chmod(0o700)
    socket.unlink(missing_ok=True)
    try:
        server, database, _ = start_server_in_thread(str(file), host="unix", port=str(socket))
    except DataDirLockedError as error:
        raise StoreUnavailable(f"another process uses {file}") from error

    def close() -> None:
        server.stop(grace=0.1).wait()
        database.close()
        socket.unlink(missing_ok=True)

    return close


def _silence_libraries() -> None:
    """Let pymilvus and Milvus Lite log nothing: their errors may quote notes and tokens.

    pymilvus configures its logger when it is imported.
    """
    for name in ("pymilvus", "milvus_lite", "grpc._server", "faiss"):
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
