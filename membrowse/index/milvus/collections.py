"""The two collections of an index in Milvus: its chunks, and the passages of those encoded.

A row of the first is a chunk with its text and its terms as a sparse vector (see `term_weights`); a
row of the second is a passage's vector. `note` is a hash of the path, by which searches are limited
to the notes that pass the filters.
"""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from membrowse.index.batches import batched
from membrowse.index.milvus.connection import SEARCH_SECONDS, TIMEOUT_SECONDS, MilvusConnection
from membrowse.index.milvus.term_weights import SparseVector
from membrowse.index.store_errors import StoreUnavailable
from membrowse.notes.chunk import Chunk
from membrowse.paths import replace_file
from membrowse.settings import VectorIndex

LISTED = 400
"""Chunks that a search by words returns."""
LISTED_PASSAGES = 1200
"""Passages that a search by vector returns."""
COUNTED = 16_384
"""Results at most: the limit of a Milvus server."""
_BATCH = 500
_UNFLUSHED_ROWS = 4000
"""Milvus Lite builds an index of rows that are not flushed for every search, but every flush makes
a file that is merged with others later."""
_SETTLED_ROWS = 100
"""The same, while nothing is written."""
_TEXT_BYTES = 65_535
_NAME_BYTES = 4096
_NAME = re.compile(r"membrowse_[0-9a-f]{16}")
_KIND = re.compile(rf"({_NAME.pattern}) (\d+) (flat|hnsw)")
_CHUNKS, _PASSAGES = "chunks", "passages"
_EFFORT = {"ef": 2 * LISTED_PASSAGES}
"""Search parameter of HNSW."""

Scored = list[tuple[str, float]]
"""Ids of chunks and their scores, best first; a chunk may repeat."""


@dataclass(frozen=True, slots=True)
class CollectionKind:
    """The collections of an index; those of another kind are others."""

    name: str
    dimension: int
    index: VectorIndex


class CollectionRecord:
    """Which collections are the index's, and which it had before, in a file of its directory.

    A name is random, so that no two indexes share collections on a server. Nothing is emptied: a
    rebuild takes a new name, and the old collections are dropped when Milvus answers.
    """

    def __init__(self, file: Path, dimension: int, index: VectorIndex) -> None:
        """A dimension of 0 stands for that of the existing collections."""
        self._file = file
        try:
            lines = file.read_text(encoding="ascii").splitlines()
        except (OSError, UnicodeDecodeError):
            lines = []
        found = _KIND.fullmatch(lines[0]) if lines else None
        self.creating = threading.Lock()
        """Held while collections are created or dropped."""
        self.outdated = [name for name in lines[1:] if _NAME.fullmatch(name)]
        dimension = dimension or (int(found[2]) if found else 1)
        self.kind = CollectionKind(found[1] if found else "", dimension, index)
        if not found or (int(found[2]), found[3]) != (dimension, index):
            self.renew()

    def renew(self) -> None:
        """Take a new name: the collections are empty."""
        if self.kind.name:
            self.outdated.append(self.kind.name)
        self.kind = replace(self.kind, name=f"membrowse_{secrets.token_hex(8)}")
        self._write()

    def forget_outdated(self) -> None:
        """The outdated collections are dropped."""
        if self.outdated:
            self.outdated = []
            self._write()

    def _write(self) -> None:
        first = f"{self.kind.name} {self.kind.dimension} {self.kind.index}"
        text = "\n".join((first, *self.outdated))
        replace_file(self._file, text.encode(), sync=True)


class MilvusCollections:
    """Creates the collections when they are first used. All calls raise `StoreUnavailable`, also
    once the record has others."""

    def __init__(self, connection: MilvusConnection, record: CollectionRecord) -> None:
        self.connection = connection
        self._name = record.kind.name
        self.names = _names(self._name)
        self._record = record
        self._dimension = record.kind.dimension
        self._index = record.kind.index
        self._ready_since = 0
        """Number of the connection on which both collections were created and loaded."""
        self._unflushed = dict.fromkeys(self.names, 0)

    def _call(self, work: Any) -> Any:
        def ready(client: Any) -> Any:
            with self._record.creating:
                self._require_current()
                if self._ready_since != self.connection.connections:
                    self._create(client)
                    self._ready_since = self.connection.connections
            return work(client)

        self._require_current()
        return self.connection.call(ready)

    def _require_current(self) -> None:
        if self._record.kind.name != self._name:
            raise StoreUnavailable("the rows in Milvus are being written anew: ask again")

    def _create(self, client: Any) -> None:
        for outdated in self._record.outdated:
            for name in _names(outdated).values():
                client.drop_collection(name, timeout=TIMEOUT_SECONDS)
        self._record.forget_outdated()
        for part, create in ((_CHUNKS, self._create_chunks), (_PASSAGES, self._create_passages)):
            if client.has_collection(self.names[part], timeout=TIMEOUT_SECONDS):
                client.load_collection(self.names[part], timeout=TIMEOUT_SECONDS)
            else:
                create(client, self.names[part])  # and loads it

    @staticmethod
    def _create_chunks(client: Any, name: str) -> None:
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False)
        schema.add_field("chunk", DataType.VARCHAR, max_length=64, is_primary=True)
        schema.add_field("note", DataType.VARCHAR, max_length=16)
        for field in ("path", "title", "heading"):
            schema.add_field(field, DataType.VARCHAR, max_length=_NAME_BYTES)
        schema.add_field("text", DataType.VARCHAR, max_length=_TEXT_BYTES)
        schema.add_field("date", DataType.VARCHAR, max_length=64)
        schema.add_field("line", DataType.INT64)
        schema.add_field("terms", DataType.SPARSE_FLOAT_VECTOR)
        indexes = client.prepare_index_params()
        indexes.add_index("terms", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        client.create_collection(
            name, schema=schema, index_params=indexes, consistency_level="Strong"
        )

    def _create_passages(self, client: Any, name: str) -> None:
        from pymilvus import DataType

        schema = client.create_schema(auto_id=False)
        schema.add_field("passage", DataType.VARCHAR, max_length=80, is_primary=True)
        schema.add_field("chunk", DataType.VARCHAR, max_length=64)
        schema.add_field("note", DataType.VARCHAR, max_length=16)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=self._dimension)
        indexes = client.prepare_index_params()
        hnsw = self._index is VectorIndex.HNSW
        indexes.add_index(
            "vector",
            index_type="HNSW" if hnsw else "FLAT",
            metric_type="IP",
            params={"M": 16, "efConstruction": 200} if hnsw else {},
        )
        client.create_collection(
            name, schema=schema, index_params=indexes, consistency_level="Strong"
        )

    def write_chunks(self, chunks: Sequence[Chunk], terms: Sequence[SparseVector]) -> None:
        """Add these chunks, or replace those with the same id."""
        rows = [_chunk_row(*each) for each in zip(chunks, terms, strict=True)]
        self._write(_CHUNKS, rows)

    def write_passages(self, vectors: Mapping[str, tuple[str, NDArray[np.float32]]]) -> None:
        """Add passages [p, d] by chunk id, with the path of the note, or replace them."""
        rows = [
            {"passage": f"{chunk}:{n}", "chunk": chunk, "note": note_key(path), "vector": vector}
            for chunk, (path, passages) in vectors.items()
            for n, vector in enumerate(passages)
        ]
        self._write(_PASSAGES, rows)

    def _write(self, part: str, rows: Sequence[Mapping[str, object]]) -> None:
        for batch in batched(rows, _BATCH):
            self._call(
                lambda client, batch=batch: client.upsert(
                    self.names[part], batch, timeout=TIMEOUT_SECONDS
                )
            )
            self._unflushed[part] += len(batch)
            if self._unflushed[part] >= _UNFLUSHED_ROWS:
                self._flush(part)

    def settle(self) -> None:
        """Let Milvus Lite flush what was written; call it now and then."""
        for part, rows in self._unflushed.items():
            if rows >= _SETTLED_ROWS:
                self._flush(part)

    def _flush(self, part: str) -> None:
        if self.connection.address.file is not None:  # a server does that by itself
            self._call(lambda client: client.flush(self.names[part], timeout=TIMEOUT_SECONDS))
        self._unflushed[part] = 0

    def delete(self, chunks: Collection[str]) -> None:
        """Remove passages, then chunks: after a kill in between, the count of chunks tells."""
        self.delete_passages(chunks)
        self.delete_chunks(chunks)

    def delete_passages(
        self, chunks: Collection[str], kept: Mapping[str, int] = MappingProxyType({})
    ) -> None:
        """Remove the passages of these chunks, but for as many of each as `kept` says by id."""
        for batch in batched(sorted(chunks), _BATCH):
            condition = in_filter("chunk", batch)
            if stay := [f"{chunk}:{n}" for chunk in batch for n in range(kept.get(chunk, 0))]:
                condition += f" and {in_filter('passage', stay, negated=True)}"
            self._delete(_PASSAGES, condition)

    def delete_chunks(self, chunks: Collection[str]) -> None:
        """Remove these chunks, whose passages are removed."""
        for batch in batched(sorted(chunks), _BATCH):
            self._delete(_CHUNKS, in_filter("chunk", batch))

    def _delete(self, part: str, condition: str) -> None:
        self._call(
            lambda client: client.delete(
                self.names[part], filter=condition, timeout=TIMEOUT_SECONDS
            )
        )

    def count(self) -> int:
        """Number of chunks."""
        rows = self._call(
            lambda client: client.query(
                self.names[_CHUNKS], output_fields=["count(*)"], timeout=TIMEOUT_SECONDS
            )
        )
        return int(rows[0]["count(*)"])

    def chunk_ids(self) -> list[str]:
        """The ids of all chunks."""
        return [row["chunk"] for row in self._all_rows(_CHUNKS, ["chunk"])]

    def passage_ids(self) -> list[str]:
        """The ids of all passages: the chunk's, a colon and the number."""
        return [row["passage"] for row in self._all_rows(_PASSAGES, ["passage"])]

    def _all_rows(self, part: str, fields: list[str]) -> list[dict[str, Any]]:
        def read(client: Any) -> list[dict[str, Any]]:
            rows: list[dict[str, Any]] = []
            pages = client.query_iterator(
                self.names[part],
                batch_size=COUNTED // 2,
                output_fields=fields,
                timeout=TIMEOUT_SECONDS,
            )
            while page := pages.next():
                rows.extend(page)
            pages.close()
            return rows

        found: list[dict[str, Any]] = self._call(read)
        return found

    def search_terms(
        self, query: SparseVector, condition: str, limit: int, above: float | None = None
    ) -> Scored:
        """Chunks by inner product with `query`; with `above`, only those that score more."""
        if not query:
            return []
        found = self._search(_CHUNKS, "terms", query, condition, limit, above)
        return [(hit["chunk"], float(hit["distance"])) for hit in found]

    def search_passages(
        self,
        query: NDArray[np.float32],
        condition: str,
        limit: int,
        above: float | None = None,
    ) -> Scored:
        """Chunks by the inner product of their passages, once per passage."""
        found = self._search(_PASSAGES, "vector", query.tolist(), condition, limit, above)
        return [(hit["entity"]["chunk"], float(hit["distance"])) for hit in found]

    def _search(
        self,
        part: str,
        field: str,
        query: object,
        condition: str,
        limit: int,
        above: float | None,
    ) -> list[dict[str, Any]]:
        lite = self.connection.address.file is not None  # the first search builds its index
        seconds = TIMEOUT_SECONDS if lite else SEARCH_SECONDS
        effort = _EFFORT if part == _PASSAGES and self._index is VectorIndex.HNSW else {}
        bound = {} if above is None else {"radius": above, "range_filter": _NO_BOUND}
        found = self._call(
            lambda client: client.search(
                self.names[part],
                data=[query],
                anns_field=field,
                filter=condition,
                limit=limit,
                output_fields=["chunk"],
                search_params={"metric_type": "IP", "params": effort | bound},
                timeout=seconds,
            )
        )
        hits: list[dict[str, Any]] = found[0]
        return hits


_NO_BOUND = 1e30


def _names(name: str) -> dict[str, str]:
    return {part: f"{name}_{part}" for part in (_CHUNKS, _PASSAGES)}


def note_key(path: str) -> str:
    """The note at `path`, in filters: a hash needs no quoting."""
    return hashlib.sha256(path.encode(errors="surrogatepass")).hexdigest()[:16]


def in_filter(field: str, values: Iterable[str], *, negated: bool = False) -> str:
    """A condition on a field of hashes."""
    return f"{field} {'not in' if negated else 'in'} {json.dumps(list(values))}"


def _chunk_row(chunk: Chunk, terms: SparseVector) -> dict[str, object]:
    return {
        "chunk": chunk.id,
        "note": note_key(chunk.path),
        "path": _cut(chunk.path, _NAME_BYTES),
        "title": _cut(chunk.title, _NAME_BYTES),
        "heading": _cut(chunk.heading, _NAME_BYTES),
        "text": _cut(chunk.text, _TEXT_BYTES),
        "date": _cut(chunk.date, 64),
        "line": chunk.start_line,
        "terms": terms,
    }


def _cut(text: str, limit: int) -> str:
    """`text` as far as it fits into `limit` bytes; the manifest has all of it."""
    return text.encode(errors="replace")[:limit].decode(errors="ignore")
