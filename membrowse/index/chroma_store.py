"""Chroma's HNSW over the sentence vectors, compared with the exact ranking but never replacing it.

Chroma is imported and opened off the hot path. Its content is derived: each entry carries a
fingerprint of the content key of its vector, so comparing ids and fingerprints is enough to update
it. A directory that cannot be read is recreated.
"""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import stat
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from membrowse import paths
from membrowse.index.batches import batched

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

log = logging.getLogger(__name__)

SYNC_THRESHOLD = 100
"""Writes after which HNSW is persisted. With Chroma's default of 1000, a smaller collection never
is, and is replayed at every open (chroma#7463)."""
_DEAD_ENTRIES = 1000
"""Fewer deleted entries are not worth a rebuild."""
_COLLECTION = "chunks"
_PROBE_NEIGHBOURS = 10
_FINGERPRINT_DIGITS = 15
_READ_ENTRIES = 10_000
"""Chroma fails to read more than 32,766 entries at once: "too many SQL variables"."""
_TOLERANCE = 1e-4
"""By which the cosine of a vector with itself may differ from 1."""
_PASSED_ON = (KeyboardInterrupt, SystemExit, GeneratorExit)


class _FileVersion(NamedTuple):
    """A file's content, and what a write to it changes."""

    written: tuple[int, int]
    """Size and modification time (ns)."""
    checksum: int


class ChromaPanicked(Exception):
    """Chroma's Rust code panicked, as it does on some damaged files."""


@contextmanager
def _panics_raised() -> Iterator[None]:
    """Raise a panic, which is no `Exception` and would end the thread, as `ChromaPanicked`."""
    try:
        yield
    except BaseException as error:
        if isinstance(error, (Exception, *_PASSED_ON)):
            raise
        raise ChromaPanicked(str(error)) from error


class ChromaStore:
    """The collection in `directory`. One thread writes; any thread may query."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._client: ClientAPI | None = None
        self._collection: Collection | None = None
        self._keys: dict[str, int] = {}
        self._opening = threading.Lock()
        self._files: dict[str, _FileVersion] = {}
        """The files as they were last read by `open` or `check`."""
        self.problem = ""
        """Why there is no collection although it was opened, or empty."""

    @property
    def opened(self) -> bool:
        return self._collection is not None

    @property
    def keys(self) -> Mapping[str, int]:
        """Chunk id to the fingerprint of the content key of every entry."""
        return self._keys

    def open(self) -> None:
        """Import Chroma and open the collection (0.6 s or more); recreate it if it is damaged."""
        with self._opening:
            if self.opened:
                return
            attempts = self._attempts()
            name = max(attempts, key=int, default="1")
            try:
                self._check_files(self._directory / name)
                self._open(name)
                self._files = _versions(self._directory / name)
            except Exception:  # Chroma raises anything on damaged files
                if not attempts:
                    raise
                log.warning("Chroma's files cannot be read; recreating them", exc_info=True)
                self._release()
                self._recreate()
            if self.wasteful:
                self.clear()

    @property
    def wasteful(self) -> bool:
        """Whether HNSW, as last persisted, consists mostly of deleted entries.

        It never frees their space, so `clear` the collection and fill it again.
        """
        lengths = self._directory.glob("*/*/length.bin")  # four bytes for each entry
        dead = sum(file.stat().st_size for file in lengths) // 4 - len(self._keys)
        return dead > max(_DEAD_ENTRIES, len(self._keys))

    def _check_files(self, path: Path) -> None:
        """Raise if nothing vouches for the files: damaged HNSW files can crash the process."""
        if not path.exists():
            return
        if not self._checksum_file.exists():
            raise RuntimeError("a process died while it had them open")
        checksums = msgspec.json.decode(self._checksum_file.read_bytes(), type=dict[str, int])
        self._checksum_file.unlink()
        if checksums != _checksums(path):
            raise RuntimeError("they changed since they were closed")

    @property
    def _checksum_file(self) -> Path:
        """Contains the files' checksums while no process has them open; absent after a kill."""
        return self._directory / "sums.json"

    def _recreate(self) -> None:
        """Start over under a new name: Chroma caches, by path, what it opened in this process."""
        last = max(map(int, self._attempts()), default=0)
        shutil.rmtree(self._directory, ignore_errors=True)
        self._open(str(last + 1))

    def _attempts(self) -> list[str]:
        if not self._directory.exists():
            return []
        return [path.name for path in self._directory.iterdir() if path.name.isdecimal()]

    @_panics_raised()
    def _open(self, name: str) -> None:
        import chromadb
        from chromadb.config import Settings

        path = self._directory / name
        for directory in (self._directory, path):
            directory.mkdir(mode=0o700, exist_ok=True)
        client = chromadb.PersistentClient(str(path), settings=Settings(anonymized_telemetry=False))
        self._client = client
        collection = client.get_or_create_collection(
            _COLLECTION,
            embedding_function=None,
            configuration={
                "hnsw": {
                    "space": "cosine",
                    "sync_threshold": SYNC_THRESHOLD,
                    "batch_size": SYNC_THRESHOLD,
                }
            },
        )
        self._keys = _fingerprints(collection)
        self._probe(collection)
        self._collection = collection
        self.problem = ""

    def _probe(self, collection: Collection) -> None:
        """Query once, so that damaged HNSW files fail now."""
        if not self._keys:
            return
        chunk = next(iter(self._keys))
        vectors = collection.get(ids=[chunk], include=["embeddings"])["embeddings"]
        expected = min(_PROBE_NEIGHBOURS, len(self._keys))
        answer = collection.query(
            query_embeddings=cast(Any, vectors), n_results=expected, include=[]
        )
        if len(answer["ids"][0]) < expected:
            raise RuntimeError(f"{expected} neighbours expected, {len(answer['ids'][0])} found")

    @_panics_raised()
    def remove(self, ids: Sequence[str]) -> None:
        """Delete these chunks."""
        for batch in self._batches(ids):
            self._open_collection.delete(ids=list(batch))
        for chunk in ids:
            self._keys.pop(chunk, None)

    @_panics_raised()
    def put(self, ids: Sequence[str], keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Add these chunks or replace their vectors, [len(ids), d]."""
        done = 0
        for batch in self._batches(ids):
            end = done + len(batch)
            self._open_collection.upsert(
                ids=list(batch),
                embeddings=vectors[done:end],
                metadatas=[{"key": fingerprint(key)} for key in keys[done:end]],
            )
            self._keys.update(zip(batch, map(fingerprint, keys[done:end]), strict=True))
            done = end

    @_panics_raised()
    def approximate_nearest(self, vector: NDArray[np.float32], n: int) -> list[str] | None:
        """Return the ids of the `n` chunks that HNSW finds nearest, nearest first.

        None if the collection is not open.
        """
        collection = self._collection
        if collection is None:
            return None
        n = min(n, len(self._keys))
        if n <= 0:
            return []
        answer = collection.query(query_embeddings=vector[None], n_results=n, include=[])
        return list(answer["ids"][0])

    def fail(self, error: BaseException) -> None:
        """Close the collection after `error`; it stays closed until it is opened again."""
        log.error("Chroma failed and reopens soon; `membrowse doctor` checks it", exc_info=error)
        self.problem = f"Chroma failed ({error}); it reopens within a minute or two"
        self._release()

    def clear(self) -> None:
        """Delete all entries; an open collection stays open."""
        if self.opened:
            self._release()
            self._recreate()
        else:
            shutil.rmtree(self._directory, ignore_errors=True)

    def size(self) -> int:
        """Bytes on disk."""
        return paths.tree_size(self._directory)

    def check(self, ids: Sequence[str], vectors: NDArray[np.float32]) -> int:
        """Number of these entries whose vectors are not `vectors` [len(ids), d]."""
        damaged = done = 0
        for batch in self._batches(ids):
            end = done + len(batch)
            damaged += _different(self._open_collection, batch, vectors[done:end])
            done = end
        return damaged

    def decayed(self) -> bool:
        """Whether a file changed although nothing was written to it: it has other content than
        before, but the same size and time."""
        before = self._files
        self._files = now = _versions(self._directory / max(self._attempts(), key=int))
        return any(
            now[name].checksum != version.checksum and now[name].written == version.written
            for name, version in before.items()
            if name in now
        )

    def close(self) -> None:
        """Close the collection and record checksums that reveal later changes to its files."""
        with self._opening:
            if self.opened:
                decayed = self.decayed()
                self._release()
                if not decayed:
                    name = max(self._attempts(), key=int)
                    checksums = _checksums(self._directory / name)
                    self._checksum_file.write_bytes(msgspec.json.encode(checksums))

    @property
    def _open_collection(self) -> Collection:
        if self._collection is None:
            raise RuntimeError("Chroma is not open")
        return self._collection

    @_panics_raised()
    def _release(self) -> None:
        client, self._client, self._collection = self._client, None, None
        self._keys, self._files = {}, {}
        if client is not None:
            cast("Client", client).close()

    def _batches(self, ids: Sequence[str]) -> Iterator[Sequence[str]]:
        if self._client is None:
            raise RuntimeError("Chroma is not open")
        return batched(ids, self._client.get_max_batch_size())


def _fingerprints(collection: Collection) -> dict[str, int]:
    """Chunk id to fingerprint of every entry."""
    found: dict[str, int] = {}
    while True:
        part = collection.get(include=["metadatas"], limit=_READ_ENTRIES, offset=len(found))
        keys = [_stored_fingerprint((data or {}).get("key")) for data in part["metadatas"] or ()]
        found.update(zip(part["ids"], keys, strict=True))
        if len(keys) < _READ_ENTRIES:
            return found


def fingerprint(key: str) -> int:
    """60 bits of a content key: enough to see that a chunk's content is another one."""
    return int(key[:_FINGERPRINT_DIGITS], 16)


def _stored_fingerprint(value: object) -> int:
    """The fingerprint in an entry's metadata, where earlier versions stored the whole key."""
    if isinstance(value, str) and re.fullmatch(r"[0-9a-f]{64}", value):
        return fingerprint(value)
    return value if isinstance(value, int) else -1


def _different(collection: Collection, ids: Sequence[str], vectors: NDArray[np.float32]) -> int:
    """How many entries lack their vector, or have another direction."""
    stored = collection.get(ids=list(ids), include=["embeddings"])
    row_of = {chunk: row for row, chunk in enumerate(ids)}
    rows = [row_of[chunk] for chunk in stored["ids"]]
    if not rows:
        return len(ids)
    found = np.asarray(stored["embeddings"], dtype=np.float32)
    lengths = np.linalg.norm(found, axis=1) * np.linalg.norm(vectors[rows], axis=1)
    same = (found * vectors[rows]).sum(axis=1) >= (1 - _TOLERANCE) * lengths
    return len(ids) - int(same.sum())


def _versions(path: Path) -> dict[str, _FileVersion]:
    """Every file below `path`."""
    versions = {}
    for file in path.rglob("*"):
        with contextlib.suppress(FileNotFoundError):  # SQLite's files beside its database
            status = file.stat()
            if stat.S_ISREG(status.st_mode):
                checksum = zlib.crc32(file.read_bytes())
                written = (status.st_size, status.st_mtime_ns)
                versions[str(file.relative_to(path))] = _FileVersion(written, checksum)
    return versions


def _checksums(path: Path) -> dict[str, int]:
    """Checksum of every file below `path`."""
    return {name: version.checksum for name, version in sorted(_versions(path).items())}
