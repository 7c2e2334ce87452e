"""What engine and clients say to each other: HTTP with JSON bodies over a Unix socket.

| request             | body            | reply                                              |
|---------------------|-----------------|----------------------------------------------------|
| `GET /hello`        | –               | `Hello`                                            |
| `GET /status`       | –               | `Status`                                           |
| `GET /events`       | –               | server-sent events; the data of each is a `State`  |
| `POST /recall`      | `RecallRequest` | `Recall` a line, each more complete than the last  |
| `POST /page`        | `PageRequest`   | `Ranking`: hits of one ranking from an offset      |
| `POST /chunk`       | `ChunkRequest`  | `ChunkView`                                        |
| `GET /files`        | –               | list of `FileRecord`                               |
| `POST /reindex`     | `ReindexRequest`| `State`                                            |
| `POST /watching`    | `WatchRequest`  | `State`                                            |
| `POST /stop`        | –               | `State`                                            |
| `GET /check`        | –               | `CheckReport`                                      |
| `POST` …            | an inspection   | as `inspections.INSPECTIONS` says                  |

An error is a `Problem` with an HTTP status: 400 bad request, 403 not your right, 404 no such thing
(a page of a recall that is forgotten: ask again), 503 not ready. `State` is a whole snapshot each
time, never a difference, so that a client which missed some is right again after the next.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.findings.diagnosis import Target
from membrowse.findings.health import Discrepancy
from membrowse.findings.pins import PinsState
from membrowse.recall import Freshness, NoteState, RankingState

PROTOCOL = 1


class Right(StrEnum):
    """What a caller may do; taken from the credentials of its end of the socket."""

    READ = "read"
    REINDEX = "reindex"
    ADMINISTER = "administer"


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    pid: int
    user: str
    since: str
    version: str
    memory_bytes: int = 0
    log: str = ""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    protocol: int
    folder: str
    rights: tuple[Right, ...]
    engine: EngineInfo


class RecallRequest(msgspec.Struct, frozen=True, kw_only=True):
    text: str
    syntax: str = "literal"
    """`literal` or `operators`."""
    limit: int = 25
    """Hits of each ranking to return, from rank 1; pages bring the rest."""
    client: str = "cli"
    number: int = 0
    progressive: bool = False
    """Send the recall as each ranking is finished, not only when all are."""
    track: tuple[str, ...] = ()
    """Chunk ids whose place is asked for, wherever it is; successors are followed."""
    target: Target | None = None
    """What the person expects to find: its place is told in `Recall.target`."""


class PageRequest(msgspec.Struct, frozen=True, kw_only=True):
    recall: str
    ranking: str
    offset: int
    limit: int = 50


class ChunkRequest(msgspec.Struct, frozen=True, kw_only=True):
    chunk: str
    text: str = ""
    """A query whose matched words are to be marked."""
    syntax: str = "literal"


class ChunkView(msgspec.Struct, frozen=True, kw_only=True):
    """A chunk within its note, as indexed, for the preview."""

    chunk: str
    """The id now: a successor's, where the one asked for was edited away."""
    path: str
    title: str
    heading: str
    header: str
    """The context put before the text for encoding."""
    position: int
    """0-based place among the note's `count` chunks."""
    count: int
    start_line: int
    end_line: int
    date: str
    date_source: str
    """`front matter`, `file name` or `mtime`."""
    indexed_at: str
    freshness: Freshness
    first_line: int
    """The line number of the first of `lines`."""
    lines: tuple[str, ...]
    """Lines of the note around the chunk, as indexed, without their line ends."""
    marks: tuple[tuple[int, int, int], ...] = ()
    """(line number, start, end): where words of the query stand."""
    warnings: tuple[str, ...] = ()


class FileRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the folder, indexed or not."""

    path: str
    state: NoteState
    reason: str = ""
    """Why it is not indexed, or what went wrong, in full."""
    warnings: tuple[str, ...] = ()
    chunks: int = 0
    size: int = 0
    modified_at: str = ""
    indexed_at: str = ""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """How the folder differs from the index, exactly, as of the last check."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.new + self.changed + self.deleted + self.failed


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    phase: str
    """`scanning`, `reading`, `encoding`."""
    notes_done: int = 0
    notes_total: int = 0
    chunks_done: int = 0
    chunks_total: int = 0
    chunks_per_second: float = 0.0
    seconds_left: float | None = None


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    kind: str
    """`inotify`, `fsevents`, `polling`, or `none` before it started."""
    alive: bool = True
    paused: bool = False
    last_event: str = ""
    last_check: str = ""
    restarted_at: str = ""
    """When a watcher that had died was last started again; empty if it never was."""
    message: str = ""


class EncoderState(msgspec.Struct, frozen=True, kw_only=True):
    state: RankingState
    name: str
    precision: str = ""
    """Of the stored vectors, such as `float32` or `bfloat16`."""
    message: str = ""


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """The last thing that happened to the index."""

    at: str
    path: str
    """The note, or empty where several changed at once."""
    notes: int
    chunks: int


class State(msgspec.Struct, frozen=True, kw_only=True):
    """All that a client shows of the engine; sent whole whenever any of it changes."""

    folder: str
    generation: int
    notes: int
    chunks: int
    encoded: int
    """Chunks that have a vector."""
    not_indexed: int
    pending: Pending
    watcher: Watcher
    encoder: EncoderState
    progress: Progress | None = None
    last_change: Change | None = None
    changed: tuple[str, ...] = ()
    """Paths of indexed notes that changed since they were indexed (at most 1,000)."""
    deleted: tuple[str, ...] = ()
    """Paths of indexed notes that are gone from disk (at most 1,000)."""
    stale: str = ""
    """Why the whole index is out of date (another recipe), or empty."""
    problem: str = ""
    """What keeps the engine from its work, and what to do, or empty."""
    pins: PinsState = PinsState()
    settings_digest: str = ""
    """Of the settings in force: where it changes, ask again."""
    tuning: str = ""
    """The saved configuration in force, or empty."""
    agent_k: int = 5
    agent_min_score: float = 0.0
    asked: int = 0
    """`/reindex` requests accepted so far; its reply counts the one it answers."""
    answered: int = 0
    """The first so many of them have been begun: the folder was compared since they came, and what
    they ask for is done as soon as `progress` is None and nothing is pending."""
    stopping: bool = False


class TokenVectors(msgspec.Struct, frozen=True, kw_only=True):
    chunks: int
    bytes: int
    budget_bytes: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """Everything `membrowse status` tells."""

    state: State
    engine: EngineInfo
    index_dir: str
    sizes: dict[str, int]
    """Bytes on disk of each store: manifest, keyword, vectors, chroma, tokens."""
    notes_by_state: dict[str, int]
    token_vectors: TokenVectors
    recipe: dict[str, str]
    """chunker, analyser and encoder that made the index."""
    settings_digest: str


class ReindexRequest(msgspec.Struct, frozen=True, kw_only=True):
    paths: tuple[str, ...] = ()
    """These notes, whether they changed or not; none: whatever differs from the index."""
    rebuild: bool = False
    """Forget the index and build it again (cached vectors are used again)."""


class WatchRequest(msgspec.Struct, frozen=True, kw_only=True):
    paused: bool


class CheckReport(msgspec.Struct, frozen=True, kw_only=True):
    """The stores against each other, and the chunks against the encoder's window."""

    generation: int
    notes: int
    chunks: int
    discrepancies: tuple[Discrepancy, ...] = ()
    longest_chunk: int = 0
    """Word pieces of the longest chunk, context header and specials included."""
    window: int = 0
    recipe: dict[str, str] = {}
    """chunker, analyser and encoder that are wanted now."""
    stale: str = ""
    """Which of these the index was made with otherwise; empty if none."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An error: what, where, and what to do."""

    message: str
    kind: str = ""
