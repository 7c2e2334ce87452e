"""The own directory of a store: it plays the part of the folder, and keeps how the store is read.

Index, socket and pins are found by this directory, as for any folder. It holds no note.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import shutil
from pathlib import Path

import msgspec

from membrowse import paths
from membrowse.settings import SettingsError
from membrowse.stores.address import StoreAddress, StoreKind, require_files
from membrowse.stores.fields import fields_of

_FILE = "store.json"
_LARGEST = 1 << 16
_NAME = re.compile(r"[^A-Za-z0-9_.]+")


class OpenedStore(msgspec.Struct, frozen=True, kw_only=True):
    """A store, and how the person wants it read."""

    address: StoreAddress
    fields: str = "auto"
    """See `fields.fields_of`."""
    encoder: str = ""
    """The local encoder that made its vectors, if the person said so: `encoder.model`."""
    remote: bool = False
    """Whether the person agreed that queries and text go to another machine."""
    token_variable: str = ""
    """The environment variable with the server's token."""

    def check(self) -> None:
        """Raise `SettingsError` if it has no such fields, or may not be asked, being elsewhere."""
        chosen = fields_of(self.fields, ())[1]
        if self.address.kind is StoreKind.CHROMA and (chosen.text or chosen.vector):
            raise SettingsError("--fields: `text` and `vector` are fields of Milvus, not of Chroma")
        if self.address.is_remote and not self.remote:
            raise SettingsError(
                f"{self.address} is on another machine: its records come, and your queries go, "
                f"over the network. `membrowse open --remote {shlex.quote(str(self.address))}` "
                "agrees to that"
            )

    @property
    def token_name(self) -> str:
        """The environment variable that is read for the server's token."""
        return self.token_variable or f"{self.address.kind.upper()}_TOKEN"

    @property
    def token(self) -> str:
        """The server's token; empty for files."""
        return os.environ.get(self.token_name, "").strip() if self.address.is_server else ""

    def without_token(self, text: str) -> str:
        """`text`, which a server or a library may have made, as it may be shown and logged."""
        return text.replace(self.token, "…") if self.token else text


def directory_of(address: StoreAddress) -> Path:
    """The own directory of the store at `address`; it need not exist."""
    digest = hashlib.sha256(str(address).encode("utf-8", "surrogateescape")).hexdigest()[:12]
    named = address.collection or Path(address.place).name
    name = _NAME.sub("-", named).strip("-.")[:40]
    stores = Path(os.path.realpath(paths.data_dir() / "stores"))
    return stores / f"{address.kind}-{name}-{digest}"


def keep(store: OpenedStore) -> Path:
    """Write how `store` is read, and return its own directory. Raises `SettingsError`.

    A store that was opened before may be gone meanwhile: its index is still there.
    """
    store.check()
    directory = directory_of(store.address)
    if not (directory / _FILE).exists():
        require_files(store.address)
    try:
        content = msgspec.json.format(msgspec.json.encode(store), indent=2) + b"\n"
        paths.replace_file(directory / _FILE, content)
    except paths.Untrusted:
        raise
    except OSError as error:
        raise SettingsError(f"{directory}: cannot be written: {error.strerror}") from error
    return directory


def opened(address: StoreAddress) -> Path:
    """The own directory of the store at `address`, made if need be. Raises `SettingsError`."""
    directory = directory_of(address)
    known = opened_store(directory)
    if known is None:
        return keep(OpenedStore(address=address))
    known.check()
    return directory


def forget(directory: Path) -> None:
    """Delete the own directory of a store and its index; its pins are kept. For its engine alone.

    What cannot be deleted is left.
    """
    if is_own_directory(directory):
        for each in (paths.index_dir(directory), directory):
            shutil.rmtree(each, ignore_errors=True)


def is_own_directory(folder: Path) -> bool:
    """Whether `folder` is the own directory of a store, and no folder of notes."""
    return folder.parent == Path(os.path.realpath(paths.data_dir() / "stores"))


def title_of(folder: Path) -> str:
    """The address of the store that `folder` is the own directory of; empty if it is of none."""
    try:
        store = opened_store(folder)
    except SettingsError:
        return ""
    return str(store.address) if store is not None else ""


def opened_store(directory: Path) -> OpenedStore | None:
    """The store that `directory` is the own directory of; None for a folder of notes.

    Raises `SettingsError` if its file cannot be read.
    """
    if not is_own_directory(directory):
        return None
    file = directory / _FILE
    try:
        return msgspec.json.decode(paths.read_regular(file, _LARGEST), type=OpenedStore)
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file}: cannot be read: {error}; open the store again") from error
