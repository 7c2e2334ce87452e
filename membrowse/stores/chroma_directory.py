"""A Chroma directory, read from a private copy with the `chromadb` that is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from membrowse.counts import counted
from membrowse.stores.source import BATCH, Answer, CollectionFacts, Found, Record, StoreUnreadable

DEFAULT_MODEL = "all-MiniLM-L6-v2"
"""What Chroma's own default embedding function runs."""


class ChromaDirectory:
    """The copy of a Chroma directory; no embedding function of it is ever made."""

    def __init__(self, copy: Path, original: str) -> None:
        """Raises `StoreUnreadable` if this version of Chroma cannot open it."""
        import chromadb
        from chromadb.config import Settings

        self._collection: Any = None
        self._space = ""
        try:
            settings = Settings(anonymized_telemetry=False)
            self._client: Any = chromadb.PersistentClient(str(copy), settings=settings)
            self._client.list_collections(limit=1)
        except BaseException as error:  # its Rust code panics with other exceptions
            if isinstance(error, (KeyboardInterrupt, SystemExit)):
                raise
            raise StoreUnreadable(
                f"{original}: Chroma {chromadb.__version__}, which membrowse uses, cannot open a "
                f"copy of it: {error}. Another version may have written it, or it is damaged"
            ) from error

    def collections(self) -> list[str]:
        return [each.name for each in self._client.list_collections()]

    def use(self, collection: str) -> CollectionFacts:
        found = self._client.get_collection(collection, embedding_function=None)
        self._collection = found
        configuration = found.configuration_json
        known = facts(collection, found.count(), configuration, found.metadata or {})
        self._space = known.space
        return known

    def records(self) -> Iterator[Sequence[Record]]:
        include = ["documents", "metadatas", "embeddings"]
        offset = 0
        while True:
            page = self._collection.get(include=include, limit=BATCH, offset=offset)
            if not page["ids"]:
                return
            yield records_of(page)
            offset += len(page["ids"])

    def search(self, text: str, vector: Sequence[float] | None, k: int) -> Answer:
        if vector is None:
            raise StoreUnreadable(NEEDS_VECTOR)
        answer = self._collection.query(
            query_embeddings=[list(vector)],
            n_results=min(k, max(1, self._collection.count())),
            include=["documents", "metadatas", "distances"],
        )
        return Answer(found_in(answer, self._space))

    def close(self) -> None:
        self._client.close()


NEEDS_VECTOR = "Chroma's search needs the query's vector, and no encoder here can make it"


def facts(
    name: str, records: int, configuration: Mapping[str, Any], metadata: Mapping[str, Any]
) -> CollectionFacts:
    """What a collection's configuration says."""
    index = configuration.get("hnsw") or configuration.get("spann") or {}
    space = str(index.get("space") or metadata.get("hnsw:space") or "l2")
    return CollectionFacts(name, records, space, _model(configuration.get("embedding_function")))


def _model(function: object) -> str:
    """The model of an embedding function; empty for one that Chroma does not know."""
    if not isinstance(function, Mapping) or function.get("type") != "known":
        return ""
    name, settings = str(function.get("name", "")), function.get("config") or {}
    if name in ("default", "onnx_mini_lm_l6_v2"):
        return DEFAULT_MODEL
    model = str(settings.get("model_name") or settings.get("model") or "")
    if name == "sentence_transformer":
        return model or DEFAULT_MODEL
    return f"{name}/{model}" if model else name


def records_of(page: Mapping[str, Any]) -> list[Record]:
    """The records of a reply with lists of ids, documents, metadata and vectors."""
    ids = page["ids"]
    documents, metadata, vectors = (
        _aligned(page.get(name), len(ids)) for name in ("documents", "metadatas", "embeddings")
    )
    return [
        Record(str(each), document, data or {}, vector)
        for each, document, data, vector in zip(ids, documents, metadata, vectors, strict=True)
    ]


def _aligned(values: Sequence[Any] | None, count: int) -> Sequence[Any]:
    if values is None:
        return [None] * count
    if len(values) != count:
        raise StoreUnreadable(
            f"Chroma returned {counted(len(values), 'value')} of {counted(count, 'record')}"
        )
    return values


def found_in(answer: Mapping[str, Any], space: str) -> list[Found]:
    """The records of a reply to one query, with the cosine, the inner product or minus the squared
    distance as score."""
    best = 0.0 if space == "l2" else 1.0
    page = {name: (answer.get(name) or [None])[0] for name in ("ids", "documents", "metadatas")}
    distances = (answer.get("distances") or [[]])[0] or [None] * len(page["ids"] or ())
    return [
        Found(record, None if distance is None else best - float(distance))
        for record, distance in zip(
            records_of({**page, "ids": page["ids"] or []}), distances, strict=True
        )
    ]
