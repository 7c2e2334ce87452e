"""A Milvus Lite database, read from a private copy, or a Milvus server; needs `pymilvus`."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from membrowse.stores.address import grpc_options
from membrowse.stores.grpc_errors import grpc_status, refusal
from membrowse.stores.source import BATCH, Answer, CollectionFacts, Found, Record, StoreUnreadable

_SECONDS = 20.0
_DOCUMENTS = ("content", "text", "document", "page_content", "chunk", "body")
"""Usual names of the field with the text."""
_RRF_K = 60
_EVERY_FIELD = ["*"]
"""The dynamic ones included."""
_BY_KEY = {"iterator": "True", "reduce_stop_for_best": "True"}
"""Rows in the order of their primary key."""


class Milvus:
    """A database at `uri`: a path of a copy, or the URL of a server."""

    def __init__(self, uri: str, original: str, token: str = "") -> None:
        """Raises `StoreUnreadable`."""
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise StoreUnreadable(
                f"{original}: reading it needs pymilvus: pip install 'membrowse[milvus]'"
            ) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self._original = original
        self._schema = _Schema()
        self._name = ""
        options: dict[str, Any] = {"token": token} if token else {}
        try:
            self._client: Any = MilvusClient(
                uri=uri, timeout=_SECONDS, grpc_options=grpc_options(uri), **options
            )
        except Exception as error:  # whatever the library raises
            raise StoreUnreadable(_opening_problem(uri, original, error)) from error

    def collections(self) -> list[str]:
        return list(map(str, self._client.list_collections(timeout=_SECONDS)))

    def use(self, collection: str) -> CollectionFacts:
        described = self._client.describe_collection(collection, timeout=_SECONDS)
        self._name, self._schema = collection, _schema(described, self._original)
        self._client.load_collection(collection, timeout=_SECONDS)
        count = self._client.query(
            collection,
            filter="",
            output_fields=["count(*)"],
            consistency_level="Strong",
            timeout=_SECONDS,
        )
        metric = self._metric(self._schema.vector) if self._schema.vector else ""
        fields = self._schema
        return CollectionFacts(
            collection,
            int(count[0]["count(*)"]),
            metric.lower(),
            str(described.get("description") or "")[:200],
            (f"text from {fields.document}, vectors from {fields.vector or 'no field'}",),
        )

    def records(self) -> Iterator[Sequence[Record]]:
        """By primary key, like pymilvus's iterator, which does not quote keys that are texts."""
        condition, key = "", self._schema.key
        while rows := self._client.query(
            self._name,
            filter=condition,
            output_fields=_EVERY_FIELD,
            limit=BATCH,
            consistency_level="Strong",
            timeout=_SECONDS,
            **_BY_KEY,
        ):
            yield [self._record(row) for row in rows]
            condition = f"{key} > {json.dumps(rows[-1][key], ensure_ascii=False)}"

    def search(self, text: str, vector: Sequence[float] | None, k: int) -> Answer:
        """Hybrid search of the dense vector and BM25 by RRF, as memsearch does; else one of both.

        Which of them is left out, the answer's warning says.
        """
        fields = self._schema
        dense = vector is not None and bool(fields.vector)
        if not dense and not fields.sparse:
            raise StoreUnreadable("its search needs the query's vector, and it has no BM25 field")
        if dense and fields.sparse:
            rows = self._hybrid(text, list(vector or ()), k)
            return Answer([self._found(row) for row in rows])
        data, field = (list(vector or ()), fields.vector) if dense else (text, fields.sparse[0])
        rows = self._client.search(
            self._name,
            data=[data],
            anns_field=field,
            limit=k,
            output_fields=_EVERY_FIELD,
            timeout=_SECONDS,
        )[0]
        missing = "" if dense else "only its BM25 was asked: no encoder here makes its vectors"
        return Answer([self._found(row) for row in rows], missing)

    def _hybrid(self, text: str, vector: Sequence[float], k: int) -> Sequence[Any]:
        from pymilvus import AnnSearchRequest, RRFRanker

        metric = self._metric(self._schema.vector) or "COSINE"
        requests = [
            AnnSearchRequest(
                data=[vector],
                anns_field=self._schema.vector,
                param={"metric_type": metric, "params": {}},
                limit=k,
            ),
            AnnSearchRequest(
                data=[text],
                anns_field=self._schema.sparse[0],
                param={"metric_type": "BM25"},
                limit=k,
            ),
        ]
        answer: Sequence[Any] = self._client.hybrid_search(
            self._name,
            reqs=requests,
            ranker=RRFRanker(k=_RRF_K),
            limit=k,
            output_fields=_EVERY_FIELD,
            timeout=_SECONDS,
        )
        return answer[0] if answer else []

    def close(self) -> None:
        self._client.close()

    def _metric(self, field: str) -> str:
        for name in self._client.list_indexes(self._name, field_name=field, timeout=_SECONDS):
            described = self._client.describe_index(self._name, index_name=name, timeout=_SECONDS)
            return str((described or {}).get("metric_type", ""))
        return ""

    def _record(self, row: Mapping[str, Any]) -> Record:
        fields = self._schema
        document = row.get(fields.document)
        metadata = {
            name: value
            for name, value in row.items()
            if name not in (fields.document, fields.vector, *fields.sparse, fields.key)
        }
        return Record(
            str(row.get(fields.key, "")),
            document if isinstance(document, str) else None,
            metadata,
            row.get(fields.vector) if fields.vector else None,
        )

    def _found(self, hit: Mapping[str, Any]) -> Found:
        entity = dict(hit.get("entity") or {})
        entity.setdefault(self._schema.key, hit.get(self._schema.key, hit.get("id", "")))
        return Found(self._record(entity), float(hit["distance"]))


@dataclass(frozen=True, slots=True)
class _Schema:
    """Names of the fields that are read as such; all others are metadata."""

    key: str = ""
    vector: str = ""
    sparse: Sequence[str] = ()
    """Fields with BM25 of a text."""
    document: str = ""


def _schema(described: Mapping[str, Any], original: str) -> _Schema:
    """The fields of a collection. Raises `StoreUnreadable` if none of them is a text."""
    fields = {str(each["name"]): each for each in described["fields"]}
    types = {
        name: getattr(each["type"], "name", str(each["type"])) for name, each in fields.items()
    }
    key = next((name for name, each in fields.items() if each.get("is_primary")), "")
    texts = [name for name, kind in types.items() if kind == "VARCHAR" and name != key]
    named = [name for name in _DOCUMENTS if name in texts]
    longest = sorted(texts, key=lambda name: -int(fields[name]["params"].get("max_length", 0)))
    document = next(iter((*named, *longest)), "text" if described["enable_dynamic_field"] else "")
    if not document:
        raise StoreUnreadable(f"{original}: no field of the collection is a text")
    dense = [name for name, kind in types.items() if kind == "FLOAT_VECTOR"]
    functions = described.get("functions") or ()
    sparse = [name for each in functions for name in each.get("output_field_names", ())]
    return _Schema(key, dense[0] if dense else "", sparse, document)


def _opening_problem(uri: str, original: str, error: Exception) -> str:
    """Why the database or server that the person calls `original` cannot be opened."""
    words = str(error)[:300]
    if "://" in uri:
        if refused := refusal(error):
            return f"{original} refuses ({refused}): is its token right?"
        return f"{original} does not answer: {grpc_status(error) or words}"
    return f"{original}: Milvus cannot open it: {words}"
