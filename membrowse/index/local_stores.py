"""The stores that every index keeps on this machine: manifest, vectors and token vectors."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from membrowse import sqlite
from membrowse.encoding.encoder import EncodedText
from membrowse.index.generation import Generation
from membrowse.index.journal import JournalEntry, Retention
from membrowse.index.manifest import FORMAT, IndexCorrupt, Manifest, Recipe
from membrowse.index.token_store import TokenStore
from membrowse.index.vector_store import VectorStore
from membrowse.index.vector_table import VectorTable
from membrowse.paths import replace_file

log = logging.getLogger(__name__)

INDEX_FORMAT = 6
"""Version of all files of an index together. A program leaves an index of a later one alone."""
MANIFEST = "manifest.sqlite"
TERMS = "terms.sqlite"
"""Counts of terms, beside an index in Milvus."""
FORMAT_FILE = "format"
_VECTORS, _TOKENS = "vectors.sqlite", "tokens.sqlite"


class IndexTooNew(Exception):
    """A later version of the program made the index; the message says what to do."""


class LocalStores:
    """Opens the stores in one directory, created if missing.

    Raises `IndexTooNew`, before anything is changed, and `IndexCorrupt` if the manifest cannot be
    read; the other stores are recreated.
    """

    def __init__(
        self, directory: Path, *, token_budget: int, dimension: int, retention: Retention
    ) -> None:
        _check_format(directory)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        _write_format(directory)
        self._check_mark = directory / "checked"
        with ExitStack() as opened:
            self.manifest = Manifest(directory / MANIFEST, retention)
            opened.callback(self.manifest.close)
            self.vectors = VectorStore(directory / _VECTORS, dimension)
            opened.callback(self.vectors.close)
            self.tokens = TokenStore(directory / _TOKENS, token_budget)
            opened.callback(self.tokens.close)
            self._opened = opened.pop_all()

    def close(self) -> None:
        self._opened.close()

    def difference(self, recipe: Recipe) -> str:
        """Describe how `recipe` differs from the index's own; an empty index adopts it."""
        made_with = self.manifest.recipe
        if made_with is None:
            self.manifest.begin(recipe)
            return ""
        if self.manifest.format != FORMAT:
            return f"manifest {self.manifest.format} → {FORMAT}"
        return recipe.difference(made_with)

    def store_vectors(
        self,
        encoded: Sequence[EncodedText],
        precision: str,
        *,
        evict: bool,
        fault_point: Callable[[str], None],
    ) -> None:
        """Store vectors, then token vectors; without `evict`, the latter only fill the budget."""
        if encoded:
            self.vectors.put(encoded, precision)
            fault_point("vectors stored")
            self.tokens.put([text for text in encoded if len(text.tokens)], evict=evict)
            fault_point("token vectors stored")

    def prune(self, generation: Generation) -> None:
        """Delete the oldest vectors that `generation` does not use, if there are many."""
        removed = self.vectors.prune(generation.keys)
        if removed:
            self.tokens.delete(removed)

    def delete_orphaned_tokens(self) -> None:
        """Delete token vectors of texts whose vectors are not stored."""
        self.tokens.delete(self.tokens.keys() - self.vectors.keys())

    def purge(self, generation: Generation, condition: Callable[[JournalEntry], bool]) -> int:
        """Delete history that satisfies `condition`, and the vectors of removed chunks.

        Returns the number of entries.
        """
        purged = self.manifest.purge(condition)
        live = frozenset(generation.keys)
        self.vectors.purge(live)
        self.tokens.purge(live)
        return purged

    @property
    def last_check(self) -> float:
        """When (seconds since the epoch) `note_check` was called last; 0 if never."""
        try:
            return self._check_mark.stat().st_mtime
        except OSError:
            return 0.0

    def note_check(self) -> None:
        """Remember that everything has been checked now."""
        self._check_mark.touch(mode=0o600)

    def mend_vectors(self, generation: Generation, table: VectorTable) -> dict[str, int]:
        """Check every byte of vectors and token vectors, which are gigabytes, while changes go on.

        Returns the number of damaged entries by store, which are replaced by those of `table` or
        deleted.
        """
        damaged = {
            "vectors": self.vectors.check(generation.keys, table),
            "tokens": self.tokens.check(),
        }
        return {store: count for store, count in damaged.items() if count}

    def mend_manifest(self, generation: Generation, made_with: Recipe) -> int:
        """Write damaged notes again; a file that cannot be read is replaced.

        `generation` is what the manifest contains, made with the recipe `made_with`. Returns the
        number of damaged entries.
        """
        notes, chunks = generation.notes, generation.chunks
        try:
            damaged = self.manifest.check()
            if damaged:
                self.manifest.restore(notes, chunks)
        except IndexCorrupt as error:
            log.warning("%s; writing it again", error)
            self.manifest.rewrite(made_with, generation.number, notes, chunks)
            return max(1, len(notes))
        return damaged


def _check_format(directory: Path) -> None:
    """Raise `IndexTooNew` if the index in `directory` is of a later format than this program's."""
    if (found := _format(directory)) > INDEX_FORMAT:
        raise IndexTooNew(
            f"a newer version made the index in {directory} (format {found}; this one reads "
            f"{INDEX_FORMAT}): run that version, or rebuild the index"
        )


def _format(directory: Path) -> int:
    """The format of an index; 0 if it is not known, as before there was a file for it."""
    try:
        number, _, check = (directory / FORMAT_FILE).read_text(encoding="ascii").partition(" ")
    except (OSError, UnicodeDecodeError):
        return 0
    intact = number.isdecimal() and check.strip() == str(sqlite.checksum(number))
    return int(number) if intact else 0


def _write_format(directory: Path) -> None:
    if _format(directory) != INDEX_FORMAT:
        line = f"{INDEX_FORMAT} {sqlite.checksum(INDEX_FORMAT)}\n"
        replace_file(directory / FORMAT_FILE, line.encode())
