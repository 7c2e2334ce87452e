"""The stores of one index, opened together, and made to agree with the manifest."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from membrowse.index import sqlite
from membrowse.index.change_plan import Recipe, content_key
from membrowse.index.chroma_store import ChromaStore
from membrowse.index.generation import Generation, IndexedNote, no_vectors
from membrowse.index.keyword_reader import KeywordReader
from membrowse.index.keyword_store import KeywordStore
from membrowse.index.manifest import FORMAT, Manifest
from membrowse.index.repair import repair_keyword
from membrowse.index.token_store import TokenStore
from membrowse.index.vector_store import VectorStore
from membrowse.notes.chunk import Chunk

log = logging.getLogger(__name__)

_MANIFEST, _KEYWORD, _VECTORS, _CHROMA, _TOKENS = (
    "manifest.sqlite",
    "keyword",
    "vectors.sqlite",
    "chroma",
    "tokens.sqlite",
)
_CHROMA_STEP = 500


class Stores:
    """All that an index keeps on disk, in one directory."""

    def __init__(self, directory: Path, *, token_budget: int, dimension: int) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        self._dimension = dimension
        self.notices: list[str] = []
        """What had to be repaired, in words, oldest first."""
        with ExitStack() as opened:
            self.manifest = Manifest(directory / _MANIFEST, now)
            opened.callback(self.manifest.close)
            self.keyword = KeywordStore(directory / _KEYWORD)
            opened.callback(self.keyword.close)
            self.vectors = VectorStore(directory / _VECTORS, dimension)
            opened.callback(self.vectors.close)
            self.tokens = TokenStore(directory / _TOKENS, token_budget)
            opened.callback(self.tokens.close)
            self.chroma = ChromaStore(directory / _CHROMA)
            opened.callback(self.chroma.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        self._opened.close()

    def sizes(self) -> dict[str, int]:
        """Bytes on disk of each store."""
        return {
            "manifest": self.manifest.size(),
            "keyword": self.keyword.size(),
            "vectors": self.vectors.size(),
            "chroma": self.chroma.size(),
            "tokens": self.tokens.size(),
        }

    def difference(self, recipe: Recipe) -> str:
        """Which parts of `recipe` the index was not made with; an empty index takes it over."""
        made_with = self.manifest.recipe
        if made_with is None:
            self.manifest.begin(recipe)
            return ""
        if self.manifest.format != FORMAT:
            return f"manifest {self.manifest.format} → {FORMAT}"
        return recipe.difference(made_with)

    def load(self, recipe: Recipe) -> Generation:
        """The generation that the manifest holds; keyword is made to agree with it."""
        if self.manifest.format != FORMAT:
            return self.empty(self.manifest.generation)
        content = self.manifest.content()
        chunks = [chunk for path in sorted(content.chunks) for chunk in content.chunks[path]]
        self._repair(chunks, content.notes)
        keys = [content_key(chunk, recipe.encoder) for chunk in chunks]
        row_of = {chunk.id: row for row, chunk in enumerate(chunks)}
        table = self.vectors.table(keys)
        self.note_remade()
        return Generation(
            self.manifest.generation,
            content.notes,
            chunks,
            keys,
            row_of,
            self.keyword.reader(row_of),
            table,
        )

    def empty(self, number: int) -> Generation:
        """A generation without notes."""
        return Generation(
            number, {}, [], [], {}, KeywordReader([], [], {}), no_vectors(0, self._dimension)
        )

    def note_remade(self) -> None:
        """Take note of stores that could not be read and were made anew."""
        for store in (self.keyword, self.vectors, self.tokens, self.chroma):
            if store.remade:
                self.notice(store.remade)
                store.remade = ""

    def notice(self, text: str) -> None:
        log.warning("%s", text)
        self.notices.append(text)

    def _repair(self, chunks: list[Chunk], notes: Mapping[str, IndexedNote]) -> None:
        doubtful = self.manifest.intent()
        repaired = repair_keyword(self.keyword, chunks, notes, doubtful)
        if doubtful:
            self.manifest.repaired()
        if repaired:
            self.notice(f"the keyword index was repaired ({repaired} entries)")

    def write_keyword_anew(
        self, chunks: Sequence[Chunk], notes: Mapping[str, IndexedNote], error: Exception
    ) -> None:
        """Make the keyword index hold `chunks` and nothing of what it held; `error` is why."""
        log.warning("the keyword index cannot be written", exc_info=error)
        self.notice(f"the keyword index was damaged ({error!r}): it is written anew")
        self.keyword.clear()
        repair_keyword(self.keyword, chunks, notes, ())

    def write_chroma(self, generation: Generation, among: Collection[str] | None = None) -> bool:
        """Make Chroma, if it is open, agree with `generation` for the chunk ids `among`; for all
        ids, a step at a time, if None. Says whether there was anything to do."""
        chroma = self.chroma
        if not chroma.opened:
            return False
        rows, surplus = _chroma_differences(chroma.keys, generation, among)
        if among is None:
            rows, surplus = rows[:_CHROMA_STEP], surplus[:_CHROMA_STEP]
        if not rows and not surplus:
            return False
        try:
            # An entry that changes is removed first: HNSW takes ten times as long to move one.
            ids = [generation.chunks[row].id for row in rows]
            chroma.remove([*surplus, *(chunk for chunk in ids if chunk in chroma.keys)])
            chroma.put(ids, [generation.keys[row] for row in rows], generation.matrix[rows])
        except Exception as error:  # Chroma only stands beside: keyword and vectors go on
            chroma.fail(error)
            self.notice(chroma.problem)
            return False
        return True


def _chroma_differences(
    held: Mapping[str, str], generation: Generation, among: Collection[str] | None
) -> tuple[list[int], list[str]]:
    """Rows whose vectors Chroma lacks or has otherwise, and ids that it should not have."""
    rows: list[int] = []
    surplus: list[str] = []
    for chunk in {*held, *generation.row_of} if among is None else among:
        row = generation.row_of.get(chunk, -1)
        if row >= 0 and generation.encoded[row]:
            if held.get(chunk) != generation.keys[row]:
                rows.append(row)
        elif chunk in held:
            surplus.append(chunk)
    return sorted(rows), sorted(surplus)


def now() -> str:
    """The time, ISO 8601 in UTC with a trailing Z."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def discard(directory: Path) -> None:
    """Remove a damaged index, so that an empty one can be opened; no process may have it open.

    Stored vectors stay: they are found by content, and checked when they are opened.
    """
    sqlite.remove(directory / _MANIFEST)
    for store in (_KEYWORD, _CHROMA):
        shutil.rmtree(directory / store, ignore_errors=True)
