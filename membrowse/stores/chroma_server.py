"""A Chroma server, asked over HTTP (its API of version 2) with a time limit on every reply."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec

from membrowse.stores.chroma_directory import NEEDS_VECTOR, facts, found_in, records_of
from membrowse.stores.source import BATCH, Answer, CollectionFacts, Record, StoreUnreadable

_T = TypeVar("_T")

_SECONDS = 20.0
_FIRST_SECONDS = 8.0
"""Timeout of the first reply, which is small."""
_BASE = "/api/v2/tenants/default_tenant/databases/default_database/collections"
_PAGE = 100
LARGEST_REPLY = 256 << 20
"""Bytes of a reply that are read."""


class _Named(msgspec.Struct):
    name: str


class _Collection(msgspec.Struct):
    id: str
    metadata: dict[str, Any] | None = None
    configuration_json: dict[str, Any] | None = None


class _Page(msgspec.Struct):
    """Records."""

    ids: list[str]
    documents: list[str | None] | None = None
    metadatas: list[dict[str, Any] | None] | None = None
    embeddings: list[Any] | None = None


class _Pages(msgspec.Struct):
    """The records found for each query."""

    ids: list[list[str]]
    documents: list[list[str | None]] | None = None
    metadatas: list[list[dict[str, Any] | None]] | None = None
    distances: list[list[float | None]] | None = None


class ChromaServer:
    """A server at `url`; redirects are not followed, and no proxy is used on this machine."""

    def __init__(self, url: str, token: str, *, remote: bool) -> None:
        import httpx

        if not (token.isascii() and token.isprintable()):
            raise StoreUnreadable(
                f"{url}: the token in its environment variable has a line break or a letter that "
                "no request can carry"
            )
        headers = {"Authorization": f"Bearer {token}", "X-Chroma-Token": token} if token else {}
        self._url = url
        self._errors: type[Exception] = httpx.HTTPError
        self._client = httpx.Client(
            base_url=url,
            headers=headers,
            trust_env=remote,
        )
        self._path = ""
        self._space = ""

    def collections(self) -> list[str]:
        names: list[str] = []
        while True:
            path = f"{_BASE}?limit={_PAGE}&offset={len(names)}"
            page = self._ask(list[_Named], "GET", path, seconds=_FIRST_SECONDS)
            self._require_new("collections", {each.name for each in page}, names)
            names += [each.name for each in page]
            if len(page) < _PAGE:
                return names

    def use(self, collection: str) -> CollectionFacts:
        found = self._ask(_Collection, "GET", f"{_BASE}/{quote(collection, safe='')}")
        self._path = f"{_BASE}/{quote(found.id, safe='')}"
        count = self._ask(int, "GET", f"{self._path}/count")
        configuration = found.configuration_json or {}
        known = facts(collection, count, configuration, found.metadata or {})
        self._space = known.space
        return known

    def records(self) -> Iterator[Sequence[Record]]:
        include = ["documents", "metadatas", "embeddings"]
        offset, seen = 0, set[str]()
        while True:
            wanted = {"include": include, "limit": BATCH, "offset": offset}
            page = self._ask(_Page, "POST", f"{self._path}/get", wanted)
            if not page.ids:
                return
            self._require_new("records", set(page.ids), seen)
            seen.update(page.ids)
            yield records_of(msgspec.structs.asdict(page))
            offset += len(page.ids)

    def search(self, text: str, vector: Sequence[float] | None, k: int) -> Answer:
        if vector is None:
            raise StoreUnreadable(NEEDS_VECTOR)
        wanted = {
            "query_embeddings": [list(vector)],
            "n_results": k,
            "include": ["documents", "metadatas", "distances"],
        }
        found = self._ask(_Pages, "POST", f"{self._path}/query", wanted)
        return Answer(found_in(msgspec.structs.asdict(found), self._space))

    def close(self) -> None:
        self._client.close()

    def _require_new(self, what: str, page: set[str], seen: Collection[str]) -> None:
        """Raise `StoreUnreadable` if a page repeats what was `seen`, and would so for ever."""
        if page and page.issubset(seen):
            raise StoreUnreadable(
                f"{self._url} returns the same {what} again, whatever `offset` says: they cannot "
                "be read a page at a time"
            )

    def _ask(
        self,
        kind: type[_T],
        method: str,
        path: str,
        body: object = None,
        *,
        seconds: float = _SECONDS,
    ) -> _T:
        """The reply's JSON as `kind`. Raises `StoreUnreadable`."""
        try:
            with self._client.stream(method, path, json=body, timeout=seconds) as response:
                content = bytearray()
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > LARGEST_REPLY:
                        raise StoreUnreadable(f"{self._url}: a reply is larger than 256 MB")
        except self._errors as error:
            what = str(error) or type(error).__name__
            raise StoreUnreadable(f"{self._url} does not answer: {what}") from error
        return self._read(kind, response.status_code, bytes(content))

    def _read(self, kind: type[_T], status: int, content: bytes) -> _T:
        if status in (401, 403):
            raise StoreUnreadable(f"{self._url} refuses (HTTP {status}): is its token right?")
        if status in (404, 405, 410) and not self._path:
            raise StoreUnreadable(
                f"{self._url} answers HTTP {status}: it is no Chroma server of version 1, or the "
                "collection is gone"
            )
        if not 200 <= status < 300:
            words = content[:200].decode("utf-8", "replace")
            raise StoreUnreadable(f"{self._url} answers HTTP {status}: {words}")
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.DecodeError as error:
            raise StoreUnreadable(
                f"{self._url} answers as no Chroma server of version 1 does: {error}"
            ) from error
