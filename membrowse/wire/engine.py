"""The engine itself: handshake, state, status, and the commands that change the index."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.pins import PinsState
from membrowse.wire.request import Request, StreamRequest
from membrowse.wire.search import RankingState

PROTOCOL = 3
"""Version of the protocol; engine and client must have the same."""


class Right(StrEnum):
    """What a caller may do, derived from the credentials of its end of the socket."""

    READ = "read"
    REINDEX = "reindex"
    ADMINISTER = "administer"


class EngineInfo(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's process."""

    pid: int
    user: str
    since: str
    version: str
    memory_bytes: int = 0
    """Resident memory."""
    log: str = ""
    """Path of the log file."""


class Hello(msgspec.Struct, frozen=True, kw_only=True):
    """The handshake."""

    protocol: int
    folder: str
    rights: tuple[Right, ...]
    """The caller's rights."""
    engine: EngineInfo
    roots: dict[str, str] = {}
    """Path by name of the roots of a collection; none for a folder, or before the index is open."""


class HelloRequest(Request[Hello], frozen=True, kw_only=True):
    """Introduce the engine; answered before the index is open."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """How the folder differs from the index, in notes, exact as of the last check."""

    new: int = 0
    changed: int = 0
    deleted: int = 0
    failed: int = 0

    @property
    def total(self) -> int:
        return self.new + self.changed + self.deleted + self.failed


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """How far the current work is."""

    phase: str
    """`opening`, `scanning`, `reading`, `indexing` (records that were read), `loading` (the
    encoder), `preparing` (the encoder, on its first run), `encoding` or `storing` (in Milvus)."""
    notes_done: int = 0
    notes_total: int = 0
    chunks_done: int = 0
    chunks_total: int = 0
    chunks_per_second: float = 0.0
    seconds_left: float | None = None
    seconds: float = 0.0
    """Seconds that `loading` or `preparing` has taken so far."""


class Watcher(msgspec.Struct, frozen=True, kw_only=True):
    """How the folder is watched."""

    kind: str
    """`inotify`, `fsevents` or `polling`; `none` before the watcher starts; `store` for a store,
    which is read again from time to time."""
    alive: bool = True
    paused: bool = False
    last_event: str = ""
    last_check: str = ""
    restarted_at: str = ""
    """When a dead watcher was last restarted; empty if never."""
    restarts: int = 0
    """How often since the engine started."""
    message: str = ""


class EncoderState(msgspec.Struct, frozen=True, kw_only=True):
    """The encoder: which one, and whether it is ready."""

    state: RankingState
    name: str
    precision: str = ""
    """Of the stored vectors, such as `float32` or `bfloat16`."""
    message: str = ""


class SelfCheck(msgspec.Struct, frozen=True, kw_only=True):
    """What the daily check of all stores found; it runs while nothing is indexed."""

    at: str
    """When it last ended."""
    checked: int = 0
    """Chunks whose entries it compared in every store; 0 if an earlier process did it."""
    repaired: dict[str, int] = {}
    """Damaged or differing entries that were made again since the engine started, by store."""
    unrepaired: dict[str, int] = {}
    """Entries that still differ, by store."""


class IndexChange(msgspec.Struct, frozen=True, kw_only=True):
    """The last change of the index."""

    at: str
    path: str
    """The note, or empty if several changed at once."""
    notes: int
    chunks: int


class RootState(msgspec.Struct, frozen=True, kw_only=True):
    """A root of a collection."""

    name: str
    """First segment of the paths of its notes."""
    path: str
    """Where it is on the disk."""
    problem: str = ""
    """Why it is not indexed now, or empty; its part of the index is kept."""


class EngineState(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a client shows of the engine.

    Always a whole snapshot, never a difference: a client that missed some is right again after the
    next one.
    """

    folder: str
    generation: int
    notes: int
    chunks: int
    encoded: int
    """Chunks that have a vector."""
    not_indexed: int
    """Files that are ignored, skipped or failed."""
    pending: Pending
    watcher: Watcher
    encoder: EncoderState
    store: str = ""
    """Address of the store that is served read-only; empty for a folder."""
    records: tuple[str, ...] = ()
    """How the records of a store are read: its collection, fields and vectors."""
    kept_in: str = ""
    """Where chunks and vectors are: in files, or in Milvus; empty until the index is open."""
    vectorless: int = 0
    """Chunks that never get a vector: the store has none for them."""
    progress: Progress | None = None
    last_change: IndexChange | None = None
    changed: tuple[str, ...] = ()
    """Paths of notes that changed since they were indexed (at most 1,000)."""
    deleted: tuple[str, ...] = ()
    """Paths of indexed notes that are gone from disk (at most 1,000)."""
    stale: str = ""
    """Why the whole index is out of date (another recipe), or empty."""
    problem: str = ""
    """What stops the engine from working, and what to do, or empty."""
    roots: tuple[RootState, ...] = ()
    """The roots of a collection; none for a folder."""
    self_check: SelfCheck | None = None
    """None before the first daily check."""
    pins: PinsState = PinsState()
    settings_digest: str = ""
    """Hash of the settings in force: when it changes, ask again."""
    configuration: str = msgspec.field(default="", name="tuning")
    """Name of the saved configuration in force, or empty."""
    agent_k: int = 5
    agent_min_score: float = 0.0
    agent_set: bool = False
    """Whether somebody set the agent's cut, be it to the default values."""
    requested: int = msgspec.field(default=0, name="asked")
    """Reindex and rebuild requests accepted so far; the reply to one counts itself."""
    started: int = msgspec.field(default=0, name="answered")
    """How many of these have started, in order: the folder was compared since they came, and their
    work is done as soon as `progress` is None and nothing is pending."""
    reading: bool = False
    """The first pass over the folder has not ended: the index lacks notes, and nothing is final."""
    stopping: bool = False


class StatesRequest(StreamRequest[EngineState], frozen=True, kw_only=True):
    """The state now and after every change, until the engine ends."""


class TokenStorage(msgspec.Struct, frozen=True, kw_only=True):
    """Disk used by token vectors."""

    chunks: int
    bytes: int
    budget_bytes: int


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `membrowse status` prints."""

    state: EngineState
    engine: EngineInfo
    index_dir: str
    sizes: dict[str, int]
    """Bytes on disk by store: manifest, keyword, vectors, chroma, tokens, recalls."""
    store: str = ""
    """Where chunks and vectors are kept, if not in files beside the index."""
    notes_by_state: dict[str, int]
    notes_by_root: dict[str, int] = {}
    """Indexed notes by root of a collection; empty for a folder."""
    token_vectors: TokenStorage
    recipe: dict[str, str]
    """Chunker, analyser and encoder that made the index."""
    settings_digest: str


class StatusRequest(Request[Status], frozen=True, kw_only=True):
    """The engine, its index and its state."""


class MetricsFormat(StrEnum):
    """A text format of metrics."""

    OPENMETRICS = "openmetrics"
    PROMETHEUS = "prometheus"
    """The older one, which node_exporter's textfile collector reads."""


class Metrics(msgspec.Struct, frozen=True, kw_only=True):
    """What a monitoring system reads."""

    text: str


class MetricsRequest(Request[Metrics], frozen=True, kw_only=True):
    """The engine's metrics; answered before the index is open."""

    text_format: MetricsFormat = MetricsFormat.OPENMETRICS


class ReindexRequest(Request[EngineState], frozen=True, kw_only=True):
    """Index whatever differs from the folder."""

    paths: tuple[str, ...] = ()
    """Index these notes even if they did not change."""


class RebuildRequest(Request[EngineState], frozen=True, kw_only=True):
    """Rebuild the index from scratch; cached vectors are reused."""


class Purged(msgspec.Struct, frozen=True, kw_only=True):
    """What was removed from the index for good."""

    entries: int
    """Entries of the history: what one generation changed in one note."""
    still_in: tuple[str, ...] = ()
    """Notes that still contain it, and so the index does, too."""


class PurgeRequest(Request[Purged], frozen=True, kw_only=True):
    """Remove text that notes no longer contain from every store, to the last byte.

    At most one field limits which history is removed; without one, all of it is.
    """

    text: str = ""
    """Changes of chunks that contain this, however it is cased and spaced."""
    note: str = ""
    """Changes of the note at this path."""
    before: str = ""
    """Changes before this ISO date (UTC)."""


class WatchRequest(Request[EngineState], frozen=True, kw_only=True):
    """Pause or resume the indexing of changes."""

    paused: bool


class StopRequest(Request[EngineState], frozen=True, kw_only=True):
    """Stop the engine."""
