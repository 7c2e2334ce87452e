"""All settings, with their defaults and what they mean."""

from __future__ import annotations

import hashlib
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta

from membrowse import gitignore

Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[int, Meta(ge=1)]
NonNegative = Annotated[float, Meta(ge=0.0)]


class FusionMethod(StrEnum):
    CONVEX = "convex"
    RRF = "rrf"


class RerankMethod(StrEnum):
    LATE_INTERACTION = "late-interaction"
    CROSS_ENCODER = "cross-encoder"
    NONE = "none"


class Precision(StrEnum):
    AUTO = "auto"
    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file; unknown keys are errors."""


class NotesSettings(_Section, frozen=True):
    """`[notes]`: which files of the folder are notes."""

    include: tuple[str, ...] = ("*.md", "*.markdown", "*.txt")
    """Globs (gitignore syntax) of the files that are notes."""
    honour_gitignore: bool = False
    """Whether files that `.gitignore` excludes are left out."""
    max_bytes: Positive = 5_000_000
    """Larger files are listed, not indexed."""
    follow: tuple[str, ...] = ()
    """Directories outside the folder that symbolic links may point to."""

    def __post_init__(self) -> None:
        for text in self.include:
            try:
                gitignore.parse(text)
            except gitignore.InvalidPattern as error:
                raise ValueError(f"`include`: {text!r}: {error}") from error


class FieldWeights(_Section, frozen=True):
    """`[keyword.weights]`: how much a match in each field counts."""

    title: NonNegative = 0.5
    """A match in the title."""
    headings: NonNegative = 0.5
    """A match in the heading path."""
    body: NonNegative = 1.0
    """A match in the text."""
    path: NonNegative = 0.25
    """A match in the path."""
    tags: NonNegative = 0.5
    """A match in the tags."""
    date: NonNegative = 1.0
    """The note's date, in words and digits."""


class KeywordSettings(_Section, frozen=True):
    """`[keyword]`: BM25, summed over the fields."""

    k1: NonNegative = 1.2
    """How soon repeated occurrences of a term stop counting more."""
    b: Share = 0.75
    """How much long fields are penalised, 0 to 1."""
    weights: FieldWeights = FieldWeights()


class VectorSettings(_Section, frozen=True):
    """`[vector]`: exact cosine, to a chunk and to its passages."""

    passage_weight: Share = 1.0
    """The best passage's share of a chunk's score; the rest is the whole chunk's."""


class FusionSettings(_Section, frozen=True):
    """`[fusion]`: how keyword and vector become one ranking."""

    method: FusionMethod = FusionMethod.CONVEX
    """`convex` (a weighted sum of normalised scores) or `rrf` (reciprocal rank fusion)."""
    weight: Share = 0.4
    """The vector's share of the convex combination (and of weighted RRF)."""
    rrf_k: Positive = 60
    """The constant k of reciprocal rank fusion."""


class RerankSettings(_Section, frozen=True):
    """`[rerank]`: the last ranking, over a pool of candidates."""

    method: RerankMethod = RerankMethod.LATE_INTERACTION
    """`late-interaction`, `cross-encoder` or `none`."""
    model: str = ""
    """Path of a local CrossEncoder; used by `cross-encoder`."""
    pool: Positive = 50
    """Candidates that are reranked: the first of the fused ranking."""
    blend: Share = 0.65
    """The reranker's share of the final score; the rest is the fused score's."""
    stop_word_weight: Share = 0.5
    """Weight of a stop word of the query in late interaction."""
    idf: bool = True
    """Weight words of the query by the square root of their idf in late interaction."""


class EncoderSettings(_Section, frozen=True):
    """`[encoder]`: what turns text into vectors."""

    model: str = "all-MiniLM-L6-v2"
    """The bundled encoder's name, or the path of a local sentence-transformers model."""
    precision: Precision = Precision.AUTO
    """Of bulk encoding; queries are always float32. `auto` takes bfloat16 where the CPU is
    faster with it and there is much to encode."""
    token_budget_mb: Annotated[int, Meta(ge=0)] = 2048
    """Disk for stored token vectors, in MB; the least recently used are evicted first."""


class AgentSettings(_Section, frozen=True):
    """`[agent]`: the agent's own cut, drawn as a line across the reranked ranking."""

    k: Positive = 5
    """Hits that the agent gets."""
    min_score: float = 0.0
    """Minimum reranked score; 0: none."""


class PinsSettings(_Section, frozen=True):
    """`[pins]`: queries with the notes that they should find."""

    file: str = "golden.jsonl"
    """The pin file: relative to the folder, or an absolute path."""


class EngineSettings(_Section, frozen=True):
    """`[engine]`: the process that owns the index."""

    idle_minutes: NonNegative = 10.0
    """An engine that a client started ends after this long without clients; 0: never."""
    settle_ms: Annotated[int, Meta(ge=0)] = 300
    """A file is read when it has not changed for this long."""
    settle_limit_ms: Positive = 3000
    """A file that keeps changing is read this often."""
    check_seconds: NonNegative = 30.0
    """How often the folder is compared with the index, even if the watcher reports nothing."""


class UiSettings(_Section, frozen=True):
    """`[ui]`: the browser."""

    theme: str = ""
    """A Textual theme; empty: the one chosen last."""
    reduced_motion: bool = False
    """Whether animations are switched off."""
    one_line_rows: bool = False
    """Whether a hit takes one line, instead of as many as the height allows."""


class Settings(_Section, frozen=True):
    """All settings, with their defaults."""

    notes: NotesSettings = NotesSettings()
    keyword: KeywordSettings = KeywordSettings()
    vector: VectorSettings = VectorSettings()
    fusion: FusionSettings = FusionSettings()
    rerank: RerankSettings = RerankSettings()
    encoder: EncoderSettings = EncoderSettings()
    agent: AgentSettings = AgentSettings()
    pins: PinsSettings = PinsSettings()
    engine: EngineSettings = EngineSettings()
    ui: UiSettings = UiSettings()
    keys: dict[str, str] = {}
    """Keys of the browser by the ids of actions (`membrowse config keys`), comma-separated."""

    @property
    def digest(self) -> str:
        """Short hash of all settings that can change a ranking."""
        ranking = (
            self.keyword,
            self.vector,
            self.fusion,
            self.rerank,
            self.encoder,
            self.notes,
        )
        return hashlib.sha256(msgspec.json.encode(ranking)).hexdigest()[:12]
