"""All settings, with their defaults and what they mean."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable
from enum import StrEnum
from itertools import combinations
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from membrowse import gitignore

# Every number has a range, which excludes `nan` and `inf`, too.
Share = Annotated[float, Meta(ge=0.0, le=1.0)]
Positive = Annotated[int, Meta(ge=1, le=1_000_000)]
NonNegative = Annotated[float, Meta(ge=0.0, le=1000.0)]


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


class DateReading(StrEnum):
    MONTH_FIRST = "month-first"
    DAY_FIRST = "day-first"
    OFF = "off"


class StoreKind(StrEnum):
    EMBEDDED = "embedded"
    MILVUS = "milvus"


class VectorIndex(StrEnum):
    FLAT = "flat"
    HNSW = "hnsw"


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table of the settings file; unknown keys are errors."""


class NotesSettings(_Section, frozen=True):
    """`[notes]`: which files of the folder are notes."""

    include: tuple[str, ...] = ("*.md", "*.markdown", "*.txt")
    """Globs (gitignore syntax) of the files that are notes."""
    honour_gitignore: bool = False
    """Whether files that `.gitignore` excludes are left out."""
    max_bytes: Annotated[int, Meta(ge=1, le=1_000_000_000)] = 5_000_000
    """Larger files are listed, not indexed."""
    follow: tuple[str, ...] = ()
    """Directories outside the folder that symbolic links may point to."""
    encodings: dict[str, str] = {}
    """Encodings of files that are not UTF-8, by glob: `{"old/*.txt" = "cp1252"}`; the last that
    matches counts."""

    @property
    def kinds(self) -> str:
        """What the notes are, in words: `.md, .markdown and .txt files`."""
        suffixes = [glob.removeprefix("*") for glob in self.include]
        if not suffixes or not all(each[:1] == "." and each[1:].isalnum() for each in suffixes):
            return f"files that match {' '.join(self.include) or 'no pattern'} (notes.include)"
        *others, last = suffixes
        return f"{', '.join(others)}{' and ' if others else ''}{last} files"

    def __post_init__(self) -> None:
        """Raise `ValueError` for a glob or an encoding that cannot be used."""
        _check_globs("include", self.include)
        _check_globs("encodings", self.encodings)
        for encoding in self.encodings.values():
            try:
                "-".encode(encoding)
            except (LookupError, ValueError) as error:
                raise ValueError(f"unknown encoding {encoding!r} in notes.encodings") from error


def _check_globs(name: str, globs: Iterable[str]) -> None:
    for text in globs:
        try:
            gitignore.parse(text)
        except gitignore.InvalidPattern as error:
            raise ValueError(f"`{name}`: {text!r}: {error}") from error


class FieldWeights(_Section, frozen=True):
    """`[keyword.weights]`: how much a match in each field counts."""

    title: NonNegative = 1.5
    """A match in the title, or in the file name."""
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
    dates: DateReading = DateReading.MONTH_FIRST
    """Whether dates in a query match notes' dates: `month-first` (11/3 is 3 November), `day-first`
    or `off`."""
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
    pool: Annotated[int, Meta(ge=1, le=10_000)] = 50
    """Candidates that are reranked: the first of the fused ranking."""
    blend: Share = 0.65
    """The reranker's share of the final score; the rest is the fused score's."""
    stop_word_weight: Share = 0.5
    """Weight of a stop word of the query in late interaction."""
    name_bonus: NonNegative = 1.0
    """Added to the score of the best chunk of a note whose name, with or without folders, is
    the query."""
    per_root_limit: Annotated[int, Meta(ge=0, le=10_000)] = 0
    """Chunks of one root (the first segment of a path) that keep their place in the pool; its
    others follow after all other chunks of the pool. 0: no limit."""
    idf: bool = True
    """Weight words of the query by the square root of their idf in late interaction."""


class EncoderSettings(_Section, frozen=True):
    """`[encoder]`: what turns text into vectors."""

    model: str = "all-MiniLM-L6-v2"
    """The bundled encoder's name, or the path of a local sentence-transformers model."""
    precision: Precision = Precision.AUTO
    """Of bulk encoding; queries are always float32. `auto` takes bfloat16 where the CPU is
    faster with it and there is much to encode."""
    token_budget_mb: Annotated[int, Meta(ge=0, le=10_000_000)] = 2048
    """Disk for stored token vectors, in MB; the least recently used are evicted first."""


class AgentSettings(_Section, frozen=True):
    """`[agent]`: the agent's own cut, drawn as a line across the reranked ranking."""

    k: Positive = 5
    """Hits that the agent gets."""
    min_score: Annotated[float, Meta(ge=-1000.0, le=1000.0)] = 0.0
    """Minimum reranked score; 0: none."""


class StoreSettings(_Section, frozen=True):
    """`[store]`: where chunks, words and vectors are kept."""

    kind: StoreKind = StoreKind.EMBEDDED
    """`embedded`, in files of this machine, or `milvus` (see `membrowse docs scale`)."""
    uri: str = ""
    """Milvus: `http://HOST:PORT` of a server, to which the text of notes is sent, or a file
    (Milvus Lite); empty: a file beside the index."""
    vector_index: VectorIndex = VectorIndex.FLAT
    """Milvus: `flat` compares all vectors; `hnsw` is faster and misses some."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for an address with a password, or one of no known kind."""
        scheme, separator, rest = self.uri.partition("://")
        if separator and scheme not in ("http", "https"):
            raise ValueError("`uri`: an address begins with http:// or https://")
        if separator and "@" in rest:
            raise ValueError("`uri`: name no password here; set MEMBROWSE_MILVUS_TOKEN")
        if self.uri and not separator and not self.uri.startswith(("/", "~")):
            raise ValueError("`uri`: a file needs its whole path, from / or ~ on")


class StoresSettings(_Section, frozen=True):
    """`[stores]`: stores of other programs, opened read-only."""

    refresh_minutes: Annotated[float, Meta(ge=0.0, le=100_000.0)] = 10.0
    """How often a store is read again; 0: only when asked. Files that did not change are not."""


class PinsSettings(_Section, frozen=True):
    """`[pins]`: queries with the notes that they should find."""

    file: str = ""
    """The pin file: relative to the folder, or an absolute path; empty: the folder's
    `golden.jsonl` if it has one, else a file beside the index."""


class EngineSettings(_Section, frozen=True):
    """`[engine]`: the process that owns the index."""

    idle_minutes: Annotated[float, Meta(ge=0.0, le=1_000_000.0)] = 10.0
    """An engine that a client started ends after this long without clients; 0: never."""
    settle_ms: Annotated[int, Meta(ge=0, le=600_000)] = 300
    """A file is read when it has not changed for this long."""
    settle_limit_ms: Annotated[int, Meta(ge=1, le=3_600_000)] = 3000
    """A file that keeps changing is read this often."""
    check_seconds: Annotated[float, Meta(ge=1.0, le=86_400.0)] = 30.0
    """How often the folder is compared with the index, even if the watcher reports nothing."""
    reserve_mb: Annotated[int, Meta(ge=0, le=1_000_000)] = 100
    """Indexing pauses while less disk than this is free, in MB; searches go on."""


class JournalSettings(_Section, frozen=True):
    """`[journal]`: how long the index keeps text that notes no longer contain, so that `why` can
    tell what it held when the agent asked. 0: not at all."""

    keep_days: Annotated[float, Meta(ge=0.0, le=36500.0)] = 30.0
    """Days that the text of changes is kept."""
    keep_generations: Annotated[int, Meta(ge=0, le=1_000_000)] = 1000
    """Changes of the index whose text is kept."""
    keep_mb: Annotated[int, Meta(ge=0, le=100_000)] = 64
    """Disk for it, in MB; the oldest text goes first."""


class LogSettings(_Section, frozen=True):
    """`[log]`: the recall log, which has what agents asked and what they got."""

    record: bool = True
    """Whether the recalls of agents that ask membrowse are recorded."""
    keep_recalls: Positive = 50_000
    """Recalls kept; the oldest go first."""
    keep_days: Annotated[float, Meta(ge=0.0, le=36500.0)] = 400.0
    """Days that a recall is kept."""


class UiSettings(_Section, frozen=True):
    """`[ui]`: the browser."""

    theme: str = ""
    """A Textual theme; empty: the one chosen last."""
    reduced_motion: bool = False
    """Whether animations are switched off."""
    one_line_rows: bool = False
    """Whether a hit takes one line, instead of as many as the height allows."""


_NAME = re.compile(r"\w[\w.-]{0,59}")


def _check_name(name: str, what: str) -> None:
    """Raise `ValueError` for a name that cannot be a segment of a path."""
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} cannot be the name of a {what}: letters, digits, `.`, `_` and `-`, up to 60"
        )


class RootSettings(_Section, frozen=True):
    """A root of a collection: `{path = "/srv/team", include = ["*.md"]}`."""

    path: str
    """A directory, or a single note: absolute, or with `~`."""
    include: tuple[str, ...] = ()
    """Globs of its notes, relative to it; empty: those of `notes.include`."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a path or a glob that cannot be used."""
        _check_globs("include", self.include)
        if "\0" in self.path or not self.expanded.is_absolute():
            raise ValueError(f"{self.path!r} is not an absolute path, nor does it begin with ~/")

    @property
    def expanded(self) -> Path:
        """The path without `~`, `.` and `..`."""
        return Path(os.path.normpath(os.path.expanduser(self.path)))  # noqa: PTH111 (never raises)


class CollectionSettings(_Section, frozen=True):
    """`[collections.NAME]`: several folders as one."""

    roots: dict[str, str | RootSettings]
    """By name: a path, or a table with path and globs."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a name that cannot be used, and for nested roots."""
        if not self.roots:
            raise ValueError("`roots` is empty")
        found: dict[str, Path] = {}
        for name, root in self.roots.items():
            _check_name(name, "root")
            try:
                found[name] = (RootSettings(path=root) if isinstance(root, str) else root).expanded
            except ValueError as error:
                raise ValueError(f"the root {name}: {error}") from error
        for (name, path), (other, above) in combinations(found.items(), 2):
            if path == above:
                raise ValueError(f"the roots {name} and {other} are the same directory ({path})")
            if path.is_relative_to(above):
                raise ValueError(f"the root {name} ({path}) lies in the root {other} ({above})")
            if above.is_relative_to(path):
                raise ValueError(f"the root {other} ({above}) lies in the root {name} ({path})")


class Settings(_Section, frozen=True):
    """All settings, with their defaults."""

    notes: NotesSettings = NotesSettings()
    keyword: KeywordSettings = KeywordSettings()
    vector: VectorSettings = VectorSettings()
    fusion: FusionSettings = FusionSettings()
    rerank: RerankSettings = RerankSettings()
    encoder: EncoderSettings = EncoderSettings()
    agent: AgentSettings = AgentSettings()
    store: StoreSettings = StoreSettings()
    stores: StoresSettings = StoresSettings()
    pins: PinsSettings = PinsSettings()
    engine: EngineSettings = EngineSettings()
    journal: JournalSettings = JournalSettings()
    log: LogSettings = LogSettings()
    ui: UiSettings = UiSettings()
    collections: dict[str, CollectionSettings] = {}
    """Several folders as one tree, by name: `--collection NAME` opens it."""
    keys: dict[str, str] = {}
    """Keys of the browser by the ids of actions (`membrowse config keys`), comma-separated."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for the name of a collection that cannot be used."""
        for name in self.collections:
            _check_name(name, "collection")

    @property
    def digest(self) -> str:
        """Short hash of all settings that can change a ranking."""
        ranking: list[_Section] = [
            self.keyword,
            self.vector,
            self.fusion,
            self.rerank,
            self.encoder,
            self.notes,
        ]
        if self.store.kind is not StoreKind.EMBEDDED:
            ranking.append(self.store)
        return hashlib.sha256(msgspec.json.encode(ranking)).hexdigest()[:12]
