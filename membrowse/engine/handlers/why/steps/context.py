"""What the steps look at: the files first, then one chunk of a ranked query."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from membrowse.engine.components import Components
from membrowse.engine.priority import Pause
from membrowse.index.generation import Generation
from membrowse.notes.chunk import Chunk
from membrowse.notes.not_indexable import NotIndexable
from membrowse.notes.reader import FileContent, read_file
from membrowse.ranking.explanation.chunk_explanation import ExplanationSources
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.targets import LocatedTarget, TargetChunks
from membrowse.settings import NotesSettings
from membrowse.wire.search import VECTOR, Target


@dataclass(frozen=True)
class FileContext:
    """The target's note on its way from the folder into the index."""

    components: Components
    generation: Generation
    wanted: Target
    """As the person gave it."""
    target: LocatedTarget
    row: int | None
    """The chunk that represents the target, if any."""
    notes: NotesSettings
    pause: Pause

    @property
    def chunks(self) -> TargetChunks:
        return self.target.chunks

    @property
    def path(self) -> str:
        """The note's; empty if a text was looked for in all notes and not found."""
        return self.chunks.path or (
            "" if self.row is None else self.generation.chunks[self.row].path
        )

    @cached_property
    def file(self) -> FileContent | str:
        """The file, read once; or why it cannot be a note."""
        try:
            return read_file(self.components.roots, self.path, self.notes)
        except NotIndexable as error:
            return error.reason
        except (OSError, ValueError) as error:
            return f"cannot be read: {error}"

    @property
    def text(self) -> str:
        """The file's text; empty if it cannot be read."""
        return "" if isinstance(self.file, str) else self.file.text

    @property
    def warnings(self) -> tuple[str, ...]:
        """The warnings from reading the note."""
        note = self.generation.notes.get(self.path)
        return note.warnings if note is not None else ()

    @property
    def exists(self) -> bool:
        """Whether the folder has the file, or the store a record of it."""
        if self.components.store:
            return self.path in self.components.indexer.state.comparison.found
        try:
            return self.components.roots.resolve(self.path).is_file()
        except (OSError, ValueError):
            return False

    def waiting(self) -> Iterator[str]:
        """Why what is on disk is not in the index yet."""
        state = self.components.indexer.state
        if state.paused:
            yield "watching is paused: resume it, or reindex this note"
        elif state.progress is not None:
            yield f"the engine is busy ({state.progress.phase})"
        if state.problem:
            yield state.problem


@dataclass(frozen=True, slots=True)
class ChunkContext:
    """The chunk that represents the target, in one unfinished ranked query."""

    ranked_query: RankedQuery
    row: int
    k: int
    sources: ExplanationSources

    @property
    def chunk(self) -> Chunk:
        return self.ranked_query.chunks[self.row]

    def is_lower_bound(self, name: str) -> bool:
        """Whether the chunk may rank lower in the ranking `name` than its rank says."""
        return self.ranked_query.ranking(name).is_lower_bound(self.row)

    def place(self, name: str) -> str:
        """`#12`, or `≥#401` for a lower bound."""
        rank = self.ranked_query.ranking(name).rank_of(self.row) or 0
        return f"{'≥' if self.is_lower_bound(name) else ''}#{rank:,}"

    def place_of(self, name: str) -> str:
        """`#12 of 57`, or `≥#401 of ≥408` for lower bounds."""
        ranking = self.ranked_query.ranking(name)
        counted = ranking.complete or name == VECTOR  # every encoded chunk has a rank by vector
        return f"{self.place(name)} of {'' if counted else '≥'}{ranking.ranked:,}"
