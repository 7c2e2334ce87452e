"""Addresses of stores: `chroma:PATH#COLLECTION`, `milvus+http://HOST:PORT#COLLECTION` and alike."""

from __future__ import annotations

import ipaddress
import os
from enum import StrEnum
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from membrowse.settings import SettingsError

FORMS = (
    "chroma:PATH, chroma+http://HOST:PORT, milvus:FILE.db or milvus+http://HOST:PORT, each with "
    "#COLLECTION if it has several"
)
_LONGEST = 4096
_PORTS = {"chroma": 8000, "milvus": 19530}


class StoreKind(StrEnum):
    CHROMA = "chroma"
    MILVUS = "milvus"


class StoreAddress(msgspec.Struct, frozen=True, kw_only=True):
    """Where a store is, and which of its collections is meant."""

    kind: StoreKind
    place: str
    """An absolute path without links, or `http://HOST:PORT`."""
    collection: str = ""
    """Empty: the only one."""

    def __str__(self) -> str:
        joint = "+" if self.is_server else ":"
        part = f"#{self.collection}" if self.collection else ""
        return f"{self.kind}{joint}{self.place}{part}"

    @property
    def is_server(self) -> bool:
        """Whether a server is asked, and no file is read."""
        return "://" in self.place

    @property
    def is_remote(self) -> bool:
        """Whether queries and text leave this machine: the server's host is not a loopback one."""
        return self.is_server and not _is_loopback(urlsplit(self.place).hostname or "")


def grpc_options(uri: str) -> dict[str, int]:
    """Options of the gRPC channel to a Milvus at `uri`: no proxy is used on this machine.

    gRPC obeys `http_proxy` even for a loopback address, at which Milvus Lite listens, too.
    """
    local = "://" not in uri or _is_loopback(urlsplit(uri).hostname or "")
    return {"grpc.enable_http_proxy": 0} if local else {}


def is_address(text: str) -> bool:
    """Whether `text` is meant as a store's address, and not as a path."""
    kind = text.partition(":")[0].partition("+")[0]
    return ":" in text and kind in tuple(StoreKind)


def parse_address(text: str) -> StoreAddress:
    """Read an address; a path is relative to the working directory. Raises `SettingsError`."""
    scheme, colon, rest = text.partition(":")
    kind, plus, protocol = scheme.partition("+")
    if not colon or not rest or kind not in tuple(StoreKind) or len(text) > _LONGEST:
        raise SettingsError(f"{text[:100]!r} is not the address of a store: {FORMS}")
    if plus:
        return _server(StoreKind(kind), protocol, rest)
    return _file(StoreKind(kind), rest)


def require_files(address: StoreAddress) -> None:
    """Raise `SettingsError` if the files of a store are not there."""
    path = Path(address.place)
    if address.is_server:
        return
    if not path.exists():
        raise SettingsError(f"there is no {path}: {FORMS}")
    if address.kind is StoreKind.CHROMA and not (path / "chroma.sqlite3").is_file():
        raise SettingsError(f"{path} is not a Chroma directory: it has no chroma.sqlite3")
    if address.kind is StoreKind.MILVUS and not is_milvus_lite(path):
        raise SettingsError(
            f"{path} is not a database of Milvus Lite 3, which has a folder `collections`. A file, "
            "as Milvus Lite 2 wrote it, its program has to write again"
        )


def is_milvus_lite(path: Path) -> bool:
    """Whether `path` is a database of Milvus Lite 3."""
    return (path / "collections").is_dir()


def _server(kind: StoreKind, protocol: str, rest: str) -> StoreAddress:
    if protocol not in ("http", "https") or not rest.startswith("//"):
        raise SettingsError(f"a server's address is {kind}+http://HOST:PORT, not {kind}+{protocol}")
    url, _, collection = f"{protocol}:{rest}".partition("#")
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS[kind]
    except ValueError as error:
        raise SettingsError(f"{kind}+{url} is not an address: {error}") from error
    if parts.username is not None or parts.password is not None:
        raise SettingsError("an address has no password: set the token's environment variable")
    if not parts.hostname or parts.path not in ("", "/") or parts.query:
        raise SettingsError(f"a server's address is {kind}+{protocol}://HOST:PORT, nothing more")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return StoreAddress(kind=kind, place=f"{protocol}://{host}:{port}", collection=collection)


def _file(kind: StoreKind, rest: str) -> StoreAddress:
    name, collection = rest, ""
    if not _path(rest).exists():
        before, separator, after = rest.rpartition("#")
        name, collection = (before, after) if separator else (rest, "")
    path = _path(name)
    if kind is StoreKind.CHROMA and path.name == "chroma.sqlite3":
        path = path.parent
    return StoreAddress(kind=kind, place=str(path), collection=collection)


def _path(name: str) -> Path:
    try:
        return Path(os.path.realpath(Path(name).expanduser()))
    except (RuntimeError, ValueError, OSError) as error:
        raise SettingsError(f"{name!r} cannot be a path: {error}") from error


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
