"""The notes that the tests of this room search, and queries through all stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.index.change_plan import NoteChange
from membrowse.index.generation import Generation
from membrowse.index.index import Index
from membrowse.index.manifest import Recipe
from membrowse.notes.chunker import chunk_note
from membrowse.notes.note import parse_note
from membrowse.notes.reader import read_file
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.ranker import Ranker
from membrowse.roots import Roots
from membrowse.settings import NotesSettings, Settings
from membrowse.wire.explanation import IndexedVersion
from membrowse.wire.notes import Freshness
from tests.index.factories import change, note

BACKUP = "Backups run every night at two. They are kept for thirty days.\nRestore with `restic`."
NOTES = (
    change(
        "runbooks/deploy.md",
        "Deploy with the release script.\nAsk in the channel before you deploy on a Friday.",
        "Roll back with `release --undo`. The port of staging is 2222.",
        title="Deploying",
        headings=("Steps",),
        tags=("ops", "release/steps"),
    ),
    change(
        "runbooks/backup.md", BACKUP, "Test a restore once a month.", title="Backups", tags=("ops",)
    ),
    change("logs/2026-03-01.md", BACKUP, "The staging server listens on port 22 for ssh."),
    change("logs/2026-03-02.md", "Ssh moved: staging now listens on port 2222.", tags=("ssh",)),
    change(
        "people/maintainer.md",
        "The maintainer prefers short answers and tea with milk.",
        title="Maintainer",
    ),
    change("中文.md", "服务器的备份每天晚上两点运行。", "部署之前请先询问团队。", title="中文笔记"),
)


def opened(directory: Path) -> Index:
    recipe = Recipe(chunker="1", analyser="1", encoder="all-MiniLM-L6-v2")
    return Index(directory, recipe, token_budget=100_000_000, dimension=384)


def indexed(directory: Path, encoder: ResidentEncoder) -> Index:
    """An index of `NOTES` with every chunk encoded."""
    index = opened(directory)
    index.apply(NOTES)
    index.add_vectors(encoder.encode(index.unencoded()), "float32")
    return index


@dataclass(frozen=True)
class RankQuery:
    """Takes queries through all stages."""

    index: Index
    encoder: ResidentEncoder
    today: date = date(2026, 11, 24)
    """A Tuesday."""

    def __call__(
        self,
        text: str,
        syntax: str = "literal",
        *,
        settings: Settings | None = None,
        generation: Generation | None = None,
    ) -> RankedQuery:
        ranker = Ranker(settings or Settings(), lambda: self.today)
        ranked_query = ranker.prepare(generation or self.index.generation, text, syntax)
        ranker.keyword(ranked_query)
        ranker.vector(ranked_query, self.encoder)
        ranker.fuse(ranked_query)
        ranker.gather(ranked_query, self.index.tokens)
        ranker.rerank(ranked_query, self.index.tokens, self.encoder)
        return ranked_query


def as_indexed(ranked_query: RankedQuery, row: int) -> IndexedVersion:
    """The indexed version of the chunk's note, as if the file were unchanged."""
    note = ranked_query.notes[ranked_query.chunks[row].path]
    return IndexedVersion(
        generation=ranked_query.generation_number,
        indexed_at=note.indexed_at,
        freshness=Freshness.CURRENT,
    )


def paths(ranked_query: RankedQuery, ranking: str) -> list[str]:
    """The note paths of a ranking's chunks, best first."""
    return [ranked_query.chunks[row].path for row in ranked_query.rankings[ranking].order.tolist()]


def written(
    directory: Path, files: Mapping[str, str], encoder: ResidentEncoder, today: date
) -> RankQuery:
    """An index of notes that are read from `directory`, where `files` are written first."""
    folder = directory / "notes"
    changes = []
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        parsed = parse_note(read_file(Roots.of_folder(folder), path, NotesSettings()))
        chunks = tuple(chunk_note(parsed, encoder.pieces.count))
        indexed = replace(
            note(path, len(chunks), date_source=parsed.date_source),
            name=parsed.name,
            title=parsed.title,
            date=parsed.date,
        )
        changes.append(NoteChange(path, indexed, chunks))
    index = opened(directory / "index")
    index.apply(changes)
    index.add_vectors(encoder.encode(index.unencoded()), "float32")
    return RankQuery(index, encoder, today)
