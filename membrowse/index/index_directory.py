"""The directory of an index: its stores, opened together and made to agree with the manifest."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack
from pathlib import Path

from membrowse import sqlite
from membrowse.index.chroma_store import ChromaStore, fingerprint
from membrowse.index.chunk_table import ChunkTable, ContentKeys
from membrowse.index.generation import EmbeddedGeneration, Generation, IndexedNote
from membrowse.index.journal import JournalEntry, Retention
from membrowse.index.keyword_reader import KeywordReader
from membrowse.index.keyword_store import KeywordStore, failed_access
from membrowse.index.local_stores import FORMAT_FILE, MANIFEST, TERMS, LocalStores
from membrowse.index.manifest import FORMAT, Recipe
from membrowse.index.vector_table import empty_vector_table

log = logging.getLogger(__name__)

_KEYWORD, _CHROMA = "keyword", "chroma"


class IndexDirectory:
    """Opens all stores of an index in one directory, created if missing.

    Raises `IndexTooNew`, before anything is changed, and `IndexCorrupt` if the manifest cannot be
    read; the other stores are recreated.
    """

    def __init__(
        self, directory: Path, *, token_budget: int, dimension: int, retention: Retention
    ) -> None:
        self.local = LocalStores(
            directory, token_budget=token_budget, dimension=dimension, retention=retention
        )
        self.manifest = self.local.manifest
        self.vectors = self.local.vectors
        self.tokens = self.local.tokens
        self._dimension = dimension
        with ExitStack() as opened:
            opened.callback(self.local.close)
            sqlite.delete_database(directory / TERMS)  # Milvus would be outdated if used again
            self.keyword = KeywordStore(directory / _KEYWORD)
            opened.callback(self.keyword.close)
            self.chroma = ChromaStore(directory / _CHROMA)
            opened.callback(self.chroma.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        self._opened.close()

    def change_dimension(self, dimension: int) -> None:
        """Expect vectors of `dimension`; stored ones of another are not used any more."""
        self._dimension = self.vectors.dimension = dimension

    def sizes(self) -> dict[str, int]:
        """Bytes on disk of each store."""
        return {
            "manifest": self.manifest.size(),
            "keyword": self.keyword.size(),
            "vectors": self.vectors.size(),
            "chroma": self.chroma.size(),
            "tokens": self.tokens.size(),
        }

    def load(self, recipe: Recipe) -> EmbeddedGeneration:
        """Load the generation that the manifest describes; repairs the keyword index."""
        if self.manifest.format != FORMAT:
            return self.empty(self.manifest.generation)
        content = self.manifest.content()
        chunks = content.table(recipe.encoder)
        self._repair_keyword(chunks, content.notes)
        row_of = {chunk: row for row, chunk in enumerate(chunks.ids)}
        return EmbeddedGeneration(
            self.manifest.generation,
            content.notes,
            chunks,
            self.keyword.reader(row_of),
            self.vectors.table(ContentKeys(chunks)),
        )

    def empty(self, number: int) -> EmbeddedGeneration:
        """A generation without notes."""
        table = empty_vector_table(0, self._dimension)
        return EmbeddedGeneration(number, {}, ChunkTable([]), KeywordReader([], [], {}), table)

    def _repair_keyword(self, chunks: ChunkTable, notes: Mapping[str, IndexedNote]) -> None:
        intent = self.manifest.intent()
        doubtful = set(chunks.ids) if intent.any else intent.chunks
        repaired = self.keyword.repair(chunks, notes, doubtful)
        if intent.any or intent.chunks:
            self.manifest.settle_all()
        if repaired:
            log.warning("the keyword index was repaired; entries: %d", repaired)

    def rewrite_keyword(
        self, chunks: ChunkTable, notes: Mapping[str, IndexedNote], error: Exception
    ) -> None:
        """Replace the content of the keyword index, which `error` shows to be damaged."""
        log.warning("the keyword index is damaged; rewriting it", exc_info=error)
        self.keyword.rewrite(chunks, notes)

    def purge(self, generation: Generation, condition: Callable[[JournalEntry], bool]) -> int:
        """Delete history that satisfies `condition`, and what other stores keep of removed chunks.

        Chroma is left empty and the keyword readers are outdated. Returns the number of entries.
        """
        purged = self.local.purge(generation, condition)
        self.keyword.rewrite(generation.chunks, generation.notes)
        self.chroma.clear()
        return purged

    def mend(self, generation: Generation, made_with: Recipe) -> dict[str, int]:
        """Check every byte of manifest and keyword index, and replace what is damaged.

        `generation` is what they contain, made with the recipe `made_with`. Returns the number of
        damaged entries by store. If the keyword index was damaged, its readers are outdated.
        """
        damaged = {
            "manifest": self.local.mend_manifest(generation, made_with),
            "keyword": self._mend_keyword(generation),
        }
        return {store: count for store, count in damaged.items() if count}

    def _mend_keyword(self, generation: Generation) -> int:
        try:
            self.keyword.check()
        except Exception as error:  # Whoosh's parsers raise anything on damaged files
            if failed_access(error):
                raise
            self.rewrite_keyword(generation.chunks, generation.notes, error)
            return max(1, len(generation.chunks))
        return 0

    def chroma_decayed(self) -> bool:
        """Whether Chroma, if it is open, has files that changed by themselves, or are gone."""
        try:
            return self.chroma.opened and self.chroma.decayed()
        except Exception:  # Chroma raises anything on damaged files
            log.exception("Chroma cannot be checked, and is filled again; see `membrowse doctor`")
            return True

    def check_chroma(self, generation: Generation, among: Collection[str]) -> int:
        """Number of damaged entries of the chunks `among` in Chroma, if it is open."""
        chroma = self.chroma
        if not chroma.opened:
            return 0
        rows = [
            row
            for chunk in among
            if (row := generation.chunks.row(chunk)) >= 0
            and generation.encoded[row]
            and fingerprint(generation.keys[row]) == chroma.keys.get(chunk)
        ]
        try:
            return chroma.check(
                [generation.chunks.id(row) for row in rows], generation.vectors.vectors(rows)
            )
        except Exception:  # Chroma raises anything on damaged files
            log.exception("Chroma cannot be checked, and is filled again; see `membrowse doctor`")
            return max(1, len(rows))

    def chroma_differences(self, generation: Generation) -> list[str]:
        """Ids of chunks whose vectors Chroma, if it is open, lacks or has outdated; surplus ids."""
        if not self.chroma.opened:
            return []
        rows, surplus = _chroma_differences(self.chroma.keys, generation, None)
        return [*surplus, *(generation.chunks.id(row) for row in rows)]

    def sync_chroma(self, generation: Generation, among: Collection[str]) -> None:
        """Bring the entries of the chunks `among` in Chroma, if it is open, in step with
        `generation`."""
        chroma = self.chroma
        if not chroma.opened:
            return
        rows, surplus = _chroma_differences(chroma.keys, generation, among)
        try:
            # A changed entry is removed first: HNSW takes ten times as long to move one.
            ids = [generation.chunks.id(row) for row in rows]
            chroma.remove([*surplus, *(chunk for chunk in ids if chunk in chroma.keys)])
            chroma.put(
                ids, [generation.keys[row] for row in rows], generation.vectors.vectors(rows)
            )
        except Exception as error:  # keyword and vectors work without Chroma
            chroma.fail(error)


def _chroma_differences(
    stored_keys: Mapping[str, int], generation: Generation, among: Collection[str] | None
) -> tuple[list[int], list[str]]:
    """Return rows whose vectors Chroma lacks or has outdated, and surplus ids."""
    rows: list[int] = []
    surplus: list[str] = []
    for chunk in {*stored_keys, *generation.row_of} if among is None else among:
        row = generation.row_of.get(chunk, -1)
        if row >= 0 and generation.encoded[row]:
            if stored_keys.get(chunk) != fingerprint(generation.keys[row]):
                rows.append(row)
        elif chunk in stored_keys:
            surplus.append(chunk)
    return sorted(rows), sorted(surplus)


def discard(directory: Path) -> None:
    """Delete an index that cannot be used, so that an empty one can be opened.

    No process may have it open.

    Stored vectors stay: they are found by content and checked when opened. So do rows in Milvus:
    without the counts of terms, all are compared and written again.
    """
    (directory / FORMAT_FILE).unlink(missing_ok=True)
    for database in (MANIFEST, TERMS):
        sqlite.delete_database(directory / database)
    for store in (_KEYWORD, _CHROMA):
        shutil.rmtree(directory / store, ignore_errors=True)
