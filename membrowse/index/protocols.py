"""What the rest of the program asks of an index, whichever stores it consists of.

The engine asks a `SearchIndex`, and rankings ask a generation's `KeywordIndex`. The embedded stores
also have every posting and every vector in reach, so that they rank all chunks. A `BestChunks`
store answers only what is best for a query; `ranking.best_chunks` makes rankings of that, and says
which ranks are known and which are lower bounds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from membrowse.encoding.encoder import EncodedText, EncoderInput
    from membrowse.index.change_plan import NoteChange
    from membrowse.index.generation import Generation, IndexedNote
    from membrowse.index.journal import JournalEntry
    from membrowse.index.manifest import Recipe
    from membrowse.index.token_store import TokenStore
    from membrowse.index.vector_store import VectorStore
    from membrowse.index.vector_table import StoredVectors
    from membrowse.wire.health import Discrepancy

Rows = NDArray[np.int32]
Mask = NDArray[np.bool_]
TermWeights = Mapping[tuple[str, str], float]
"""Field and term to the factor of the term's BM25 in this field: field weight times idf."""


class KeywordIndex(Protocol):
    """The words of a generation's chunks, by row. Safe to use from any thread."""

    @property
    def rows(self) -> int:
        """Number of chunks."""

    def rows_with(self, field: str, term: str) -> Rows:
        """Rows, ascending, of the chunks with `term` in `field`."""

    def is_date(self, term: str) -> bool:
        """Whether the date of any note has `term`."""

    def df(self, term: str) -> int:
        """Number of chunks that contain `term` in any field."""

    def phrase(self, field: str, terms: Sequence[str]) -> Rows:
        """Rows, ascending, of the chunks with `terms` at consecutive positions of `field`."""

    def positions(self, field: str, term: str, row: int) -> list[int]:
        """Positions (from 0, in terms) of `term` in `field` of the chunk at `row`."""

    def length(self, field: str, row: int) -> float:
        """Terms in `field` of the chunk at `row`."""

    def mean_length(self, field: str) -> float:
        """The length of `field` that BM25 neither rewards nor penalises."""


@dataclass(frozen=True, slots=True, eq=False)
class Best:
    """The best chunks for a query, best first; equal scores by row."""

    rows: Rows
    """[n]"""
    scores: NDArray[np.float64]
    """[n]"""
    complete: bool
    """Whether no other chunk has a score."""
    exact: bool = True
    """Whether no better chunk was missed, as an approximate index does."""


class BestChunks(KeywordIndex, Protocol):
    """A store that answers only what is best. All calls raise `StoreUnavailable`, except `is_date`.

    A `scope` limits a search to these rows; None: all.
    """

    @property
    def k1(self) -> float: ...
    @property
    def b(self) -> float: ...

    def frequency(self, field: str, term: str, row: int) -> int:
        """How often `term` occurs in `field` of the chunk at `row`."""

    def best_by_words(self, weights: TermWeights, scope: Mask | None) -> Best:
        """The chunks with the highest sum of weighted BM25."""

    def scores_by_words(self, weights: TermWeights, rows: Sequence[int]) -> Best:
        """The same for these chunks, without those that contain no term."""

    def above_by_words(self, weights: TermWeights, score: float, scope: Mask | None) -> Best:
        """All chunks, or as many as the store lists, that score at least `score`."""

    def nearest(self, vector: NDArray[np.float32], scope: Mask | None) -> Best:
        """The chunks whose best passage has the highest cosine to `vector` ([d], unit length)."""

    def nearer(self, vector: NDArray[np.float32], cosine: float, scope: Mask | None) -> Best:
        """All chunks, or as many as the store lists, with a passage of at least `cosine`."""

    def vectors(self, rows: Sequence[int]) -> Mapping[int, StoredVectors]:
        """The vectors of those of `rows` that are encoded."""


class SearchIndex(Protocol):
    """The index of one folder: what the engine asks of it. See `index.Index` for the calls."""

    directory: Path
    recipe: Recipe
    stale: str
    vectors: VectorStore
    tokens: TokenStore

    @property
    def generation(self) -> Generation:
        """The current state; read it once and use it for a whole answer."""

    @property
    def store(self) -> str:
        """Where chunks and vectors are kept, if not in files beside the index."""

    @property
    def problem(self) -> str:
        """What is wrong with a store now and may mend itself, or empty."""

    @property
    def unstored(self) -> int:
        """Number of chunks that the store may not have yet, or not as they are."""

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed`, from any thread, when rankings or `problem` change by themselves."""

    @property
    def hnsw_problem(self) -> str: ...
    @property
    def last_check(self) -> float: ...
    def apply(
        self,
        changes: Sequence[NoteChange],
        encoded: Sequence[EncodedText] = (),
        precision: str = "",
        published: Callable[[Generation], None] | None = None,
    ) -> Generation: ...
    def add_vectors(self, encoded: Sequence[EncodedText], precision: str) -> Generation: ...
    def touch(self, notes: Sequence[IndexedNote]) -> Generation: ...
    def adopt_recipe(self) -> None: ...
    def clear(self, recipe: Recipe) -> Generation: ...
    def purge(self, condition: Callable[[JournalEntry], bool]) -> int: ...
    def trim_history(self) -> None: ...
    def open_chroma(self, wanted: Callable[[], bool] = ...) -> None: ...
    def fill_chroma(self, wanted: Callable[[], bool] = ...) -> None: ...
    def compact_chroma(self) -> None: ...
    def missing_inputs(self, changes: Iterable[NoteChange]) -> list[EncoderInput]: ...
    def unencoded(self) -> list[EncoderInput]: ...
    def approximate_nearest(self, vector: NDArray[np.float32], n: int) -> list[str] | None: ...
    def successor(self, chunk: str) -> str | None: ...
    def journal(self, path: str | None = None, *, since: int = 0) -> list[JournalEntry]: ...
    def check(self) -> list[Discrepancy]: ...
    def repair(self) -> None: ...
    def sizes(self) -> dict[str, int]: ...
    def close(self) -> None: ...
