"""Chroma's HNSW over the sentence vectors: asked beside the exact ranking, never instead of it.

Chroma is imported and opened off the hot path. It is derived: each entry carries the content key of
its vector, so that comparing ids and keys is enough to bring it up to date, and a directory that
cannot be read is made again.
"""

from __future__ import annotations

import logging
import shutil
import threading
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from chromadb.api import ClientAPI
    from chromadb.api.client import Client
    from chromadb.api.models.Collection import Collection

log = logging.getLogger(__name__)

SYNC_THRESHOLD = 100
"""Writes after which HNSW is written to disk. At Chroma's default of 1000, a smaller collection
never is, and is replayed at every open (chroma#7463)."""
_DEAD_ENTRIES = 1000
"""Fewer are no waste."""
_COLLECTION = "chunks"
_PROBED = 10
_NOT_OURS = (KeyboardInterrupt, SystemExit, GeneratorExit)


class ChromaStore:
    """The collection in `directory`. Written by one thread; `approximate` may be called by any."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._client: ClientAPI | None = None
        self._collection: Collection | None = None
        self._keys: dict[str, str] = {}
        self._opening = threading.Lock()
        self.remade = ""
        """Why the collection had to be made anew when it was opened, or empty."""
        self.problem = ""
        """Why there is no collection although it was opened, or empty."""

    @property
    def opened(self) -> bool:
        return self._collection is not None

    @property
    def keys(self) -> Mapping[str, str]:
        """What the collection holds: chunk id to content key."""
        return self._keys

    def ids(self) -> list[str]:
        """What Chroma itself says that it holds."""
        return list(self._held.get(include=[])["ids"])

    def open(self) -> None:
        """Import Chroma and open the collection (0.6 s or more); makes it anew if it is damaged."""
        with self._opening:
            if self.opened:
                return
            attempts = self._attempts()
            name = max(attempts, key=int, default="1")
            try:
                self._examine(self._directory / name)
                self._open(name)
            except BaseException as error:  # a panic of Chroma's is not an Exception
                if isinstance(error, _NOT_OURS) or not attempts:
                    raise
                log.warning("Chroma's files cannot be read; making them anew", exc_info=True)
                self.remade = f"Chroma's files could not be read ({error}); they were made anew"
                self._release()
                self._make_anew()
            if self.wasteful:
                self.clear()

    @property
    def wasteful(self) -> bool:
        """Whether deleted entries take most of HNSW's room, as of its last writing to disk: it
        never gives that back, so `clear` and fill the collection again."""
        lengths = self._directory.glob("*/*/length.bin")  # four bytes for each entry
        dead = sum(file.stat().st_size for file in lengths) // 4 - len(self._keys)
        return dead > max(_DEAD_ENTRIES, len(self._keys))

    def _examine(self, place: Path) -> None:
        """Raises where the files are known to be bad: damaged HNSW files can end the process."""
        if self._mark.exists():
            raise RuntimeError("a process died while it opened them")
        if self._seal.exists():
            sealed = msgspec.json.decode(self._seal.read_bytes(), type=dict[str, int])
            self._seal.unlink()
            if sealed != _sums(place):
                raise RuntimeError("they are not as they were left")

    @property
    def _mark(self) -> Path:
        """Is there while Chroma is being opened."""
        return self._directory / "opening"

    @property
    def _seal(self) -> Path:
        """Holds the files' checksums while no process has them open; absent after a kill."""
        return self._directory / "sums.json"

    def _make_anew(self) -> None:
        """Under another name: Chroma remembers, by path, what it opened in this process."""
        last = max(map(int, self._attempts()), default=0)
        shutil.rmtree(self._directory, ignore_errors=True)
        self._open(str(last + 1))

    def _attempts(self) -> list[str]:
        if not self._directory.exists():
            return []
        return [place.name for place in self._directory.iterdir() if place.name.isdecimal()]

    def _open(self, name: str) -> None:
        import chromadb
        from chromadb.config import Settings

        place = self._directory / name
        for directory in (self._directory, place):
            directory.mkdir(mode=0o700, exist_ok=True)
        self._mark.touch(mode=0o600)
        client = chromadb.PersistentClient(
            str(place), settings=Settings(anonymized_telemetry=False)
        )
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
        found = collection.get(include=["metadatas"])
        keys = [str((data or {}).get("key", "")) for data in found["metadatas"] or ()]
        self._keys = dict(zip(found["ids"], keys, strict=True))
        self._probe(collection)
        self._mark.unlink()
        self._collection = collection
        self.problem = ""

    def _probe(self, collection: Collection) -> None:
        """Ask something, so that damaged HNSW files show now."""
        if not self._keys:
            return
        some = next(iter(self._keys))
        vectors = collection.get(ids=[some], include=["embeddings"])["embeddings"]
        wanted = min(_PROBED, len(self._keys))
        answer = collection.query(query_embeddings=cast(Any, vectors), n_results=wanted, include=[])
        if len(answer["ids"][0]) < wanted:
            raise RuntimeError(f"asked for {wanted} neighbours, {len(answer['ids'][0])} came")

    def remove(self, ids: Sequence[str]) -> None:
        """Delete these chunks."""
        for some in self._batches(ids):
            self._held.delete(ids=list(some))
        for chunk in ids:
            self._keys.pop(chunk, None)

    def put(self, ids: Sequence[str], keys: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """Add these chunks or replace their vectors, [len(ids), d]."""
        done = 0
        for some in self._batches(ids):
            last = done + len(some)
            self._held.upsert(
                ids=list(some),
                embeddings=vectors[done:last],
                metadatas=[{"key": key} for key in keys[done:last]],
            )
            self._keys.update(zip(some, keys[done:last], strict=True))
            done = last

    def approximate(self, vector: NDArray[np.float32], n: int) -> list[str] | None:
        """The ids of the `n` nearest chunks, as HNSW finds them, nearest first; None where the
        collection is not open."""
        collection = self._collection
        if collection is None:
            return None
        n = min(n, len(self._keys))
        if n <= 0:
            return []
        answer = collection.query(query_embeddings=vector[None], n_results=n, include=[])
        return list(answer["ids"][0])

    def fail(self, error: BaseException) -> None:
        """Give up on the collection until it is opened again."""
        log.error("Chroma failed", exc_info=error)
        self.problem = f"Chroma failed ({error}); it is opened anew when the engine starts again"
        self._release()

    def clear(self) -> None:
        """Forget everything; an open collection stays open."""
        if self.opened:
            self._release()
            self._make_anew()
        else:
            shutil.rmtree(self._directory, ignore_errors=True)

    def size(self) -> int:
        """Bytes on disk."""
        if not self._directory.exists():
            return 0
        return sum(file.stat().st_size for file in self._directory.rglob("*") if file.is_file())

    def close(self) -> None:
        """Close the collection; later changes to its files will be noticed."""
        with self._opening:
            if self.opened:
                self._release()
                name = max(self._attempts(), key=int)
                self._seal.write_bytes(msgspec.json.encode(_sums(self._directory / name)))

    @property
    def _held(self) -> Collection:
        if self._collection is None:
            raise RuntimeError("Chroma is not open")
        return self._collection

    def _release(self) -> None:
        client, self._client, self._collection = self._client, None, None
        self._keys = {}
        if client is not None:
            cast("Client", client).close()

    def _batches(self, ids: Sequence[str]) -> list[Sequence[str]]:
        if self._client is None:
            raise RuntimeError("Chroma is not open")
        size = self._client.get_max_batch_size()
        return [ids[first : first + size] for first in range(0, len(ids), size)]


def _sums(place: Path) -> dict[str, int]:
    """A checksum of every file below `place`."""
    files = sorted(file for file in place.rglob("*") if file.is_file())
    return {str(file.relative_to(place)): zlib.crc32(file.read_bytes()) for file in files}
