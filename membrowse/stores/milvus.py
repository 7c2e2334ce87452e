"""A Milvus Lite database, read from a private copy, or a Milvus server; needs `pymilvus`."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from membrowse.stores.address import grpc_options
from membrowse.stores.fields import Fields
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

    def __init__(self, uri: str, original: str, token: str, chosen: Fields) -> None:
        """Raises `StoreUnreadable`."""
        try:
            from pymilvus import MilvusClient
        except ImportError as error:
            raise StoreUnreadable(
                f"{original}: reading it needs pymilvus: pip install 'membrowse[milvus]'"
            ) from error
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self._original, self._chosen = original, chosen
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
        self._name, whole = collection, f"{self._original}#{collection}"
        self._schema = _schema(described, whole, self._chosen)
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
            (f"text from {fields.document}, vectors from {fields.vector or 'no field of floats'}",),
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


def _schema(described: Mapping[str, Any], collection: str, chosen: Fields) -> _Schema:
    """The fields of a collection; the person may have `chosen` some.

    Raises `StoreUnreadable` if none of them is a text.
    """
    fields = {str(each["name"]): each for each in described["fields"]}
    types = {
        name: getattr(each["type"], "name", str(each["type"])) for name, each in fields.items()
    }
    key = next((name for name, each in fields.items() if each.get("is_primary")), "")
    dynamic, of_kind = described["enable_dynamic_field"], _by_kind(types)
    if chosen.text and not dynamic:
        _require("text", chosen.text, of_kind["VARCHAR"], collection)
    if chosen.vector:
        _require("vector", chosen.vector, of_kind["FLOAT_VECTOR"], collection)
    texts = [name for name in of_kind["VARCHAR"] if name != key]
    named = [name for name in _DOCUMENTS if name in texts]
    longest = sorted(texts, key=lambda name: -int(fields[name]["params"].get("max_length", 0)))
    document = chosen.text or next(iter((*named, *longest)), "text" if dynamic else "")
    if not document:
        raise StoreUnreadable(
            f"{collection} has no field with a text ({', '.join(types)}): if its key is one, "
            "`membrowse open --fields text=NAME` names it"
        )
    vector = chosen.vector or next(iter(of_kind["FLOAT_VECTOR"]), "")
    functions = described.get("functions") or ()
    made = {name for each in functions for name in each.get("output_field_names", ())}
    sparse = [name for name in of_kind["SPARSE_FLOAT_VECTOR"] if name in made]
    return _Schema(key, vector, sparse, document)


def _by_kind(types: Mapping[str, str]) -> Mapping[str, list[str]]:
    """The names of the fields of each type."""
    names: dict[str, list[str]] = defaultdict(list)
    for name, kind in types.items():
        names[kind].append(name)
    return names


def _require(part: str, name: str, known: Sequence[str], collection: str) -> None:
    if name not in known:
        raise StoreUnreadable(
            f"{collection} has no {part} field {name}: it has {', '.join(known) or 'none'}"
        )


def _opening_problem(uri: str, original: str, error: Exception) -> str:
    """Why the database or server that the person calls `original` cannot be opened."""
    words = str(error)[:300]
    if "://" in uri:
        if refused := refusal(error):
            return f"{original} refuses ({refused}): is its token right?"
        return f"{original} does not answer: {grpc_status(error) or words}"
    return f"{original}: Milvus cannot open it: {words}"
