"""Recalls: what agents asked and what they got, as the engine keeps them beside the index."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.notes import Freshness
from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request, StreamRequest
from membrowse.wire.search import Filters, Target

HITS_KEPT = 20
"""Hits of each ranking that a recall keeps."""
QUERY_CHARACTERS = 10_000
"""Longer queries are cut."""
BATCH_BYTES = 400_000
"""Size of an import's batch, as JSON; the engine takes requests of up to 1 MB."""
BATCH_RECALLS = 500


class Outcome(StrEnum):
    """What became of a recall."""

    ANSWERED = "answered"
    EMPTY = "empty"
    """The agent got nothing."""
    CUT = "cut"
    """The agent's minimum score or its k removed hits, see `Recall.cut`."""


class RecallFlag(StrEnum):
    """Something worth knowing about a recall."""

    EMPTY = "empty"
    CUT = "cut"
    NEAR = "near"
    """A note that is pinned to the same query was not given and is in the first 20."""
    CHANGED = "changed"
    """The agent would get other hits today; only for recalls that membrowse answered."""
    STALE = "stale"
    """The file of a given hit has changed since, or is gone."""


class RecallHit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A hit as the agent got it, or of one of our rankings at that time."""

    path: str
    """Relative to the folder; as in the foreign log if it is outside."""
    start_line: int = 0
    """0 if it is not known; likewise `end_line`."""
    end_line: int = 0
    score: float | None = None
    chunk: str = ""
    """Id of the chunk that was given or, for a foreign log, that the lines meant when it was
    imported; empty if there was none."""
    text: str = ""
    """Only while a foreign log is imported: its text of the hit, by which the chunk is found."""


class Recall(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One question that an agent asked, with what it got."""

    id: str
    """Of the search response or, from a foreign log, a hash of the event: importing it again
    changes nothing."""
    at: str
    """To the millisecond."""
    agent: str
    session: str = ""
    query: str
    syntax: str = "literal"
    filters: tuple[str, ...] = ()
    """As they are shown, those in the query included."""
    narrowed_to: Filters = Filters()
    """The filters of the request itself."""
    k: int | None = None
    """Hits that the agent could get; None: not known."""
    min_score: float | None = None
    """None: none, or not known."""
    given: tuple[RecallHit, ...] = ()
    """What the agent got, in its order."""
    rankings: dict[str, tuple[RecallHit, ...]] = {}
    """The first hits of each of our rankings; empty for a recall that membrowse did not answer."""
    generation: int = 0
    """0 for a recall that membrowse did not answer."""
    settings_digest: str = ""
    took_ms: float | None = None
    cut_by_score: int = 0
    """Hits among the first k that the minimum score removed."""
    cut_by_k: int = 0
    """Reranked hits beyond k that reach the minimum score; 0 without a minimum score."""
    withholds_weak: bool = False
    """The agent gets no hit if nothing matches well."""
    withheld: int = 0
    """Hits that were not given because nothing matches well."""
    source: str = ""
    """Format of the foreign log, such as `openclaw`; empty if membrowse answered."""
    own_id: str | None = None
    """Only while a transcript is imported: the id that membrowse's own MCP server gave this recall;
    empty if the transcript lacks it, None if another program answered."""

    @property
    def cut(self) -> int:
        """Hits that the agent's minimum score and k removed, as far as known."""
        return self.cut_by_score + self.cut_by_k

    @property
    def outcome(self) -> Outcome:
        if not self.given:
            return Outcome.EMPTY
        return Outcome.CUT if self.cut else Outcome.ANSWERED


class RecallSummary(msgspec.Struct, frozen=True, kw_only=True):
    """A recall on one line."""

    id: str
    at: str
    agent: str
    session: str = ""
    query: str
    given: int
    """How many hits the agent got."""
    best: float | None = None
    """Score of the first."""
    outcome: Outcome
    cut: int = 0
    flags: tuple[RecallFlag, ...] = ()
    source: str = ""


class RecallDay(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one day (UTC)."""

    day: str
    recalls: int
    empty: int
    cut: int


class RecallPage(msgspec.Struct, frozen=True, kw_only=True):
    """Recalls, newest first."""

    recalls: tuple[RecallSummary, ...]
    next: str = ""
    """`before` of the next page; empty if there is none. A page may be shorter than its limit and
    have a next one."""
    total: int = 0
    """Recalls that the filters select; the flags `near`, `changed` and `stale` do not count."""
    empty: int = 0
    """Of `total`."""
    cut: int = 0
    """Of `total`: recalls with the flag `cut`, empty ones included."""
    days: tuple[RecallDay, ...] = ()
    """Of `total`, oldest first, without days that have none."""
    agents: dict[str, int] = {}
    """Recalls by agent, in the whole log."""
    unchecked: int = 0
    """Recalls of this page whose flags `near` and `changed` are not known yet, because each takes a
    ranking: ask again."""
    problem: str = ""
    """What is wrong with the log: it was damaged and set aside, or cannot be written."""


class RecallsRequest(Request[RecallPage], frozen=True, kw_only=True):
    """List recalls."""

    agent: str = ""
    since: str = ""
    """ISO date or time, inclusive."""
    until: str = ""
    """ISO date or time, exclusive."""
    flag: RecallFlag | None = None
    text: str = ""
    """Part of the query, however it is cased."""
    limit: int = 50
    before: str = ""
    """`RecallPage.next` of the page before."""


class GivenHit(msgspec.Struct, frozen=True, kw_only=True):
    """A hit that the agent got, and where it is today."""

    hit: RecallHit
    chunk: str = ""
    """Id of the chunk that holds it now: itself, its successor, or the one at its lines."""
    start_line: int = 0
    """Of `chunk`; likewise `end_line`. 0 if there is none."""
    end_line: int = 0
    title: str = ""
    heading: str = ""
    ranks: dict[str, int | None] = {}
    """Today, by ranking."""
    scores: dict[str, float | None] = {}
    freshness: Freshness = Freshness.CURRENT
    """Of the note's file; `deleted` if the folder has no such note."""
    edited: bool = False
    """The chunk is not the one that was given, but its successor."""
    gone_since: int | None = None
    """Generation that removed the chunk; None if it is there, or if that is not known any more."""
    gone_at: str = ""
    note: str = ""
    """A clause: why there is no chunk, or how it was found; empty for a chunk as it was given."""


class RecallView(msgspec.Struct, frozen=True, kw_only=True):
    """A recall, and what became of its hits."""

    recall: Recall
    outcome: Outcome
    flags: tuple[RecallFlag, ...] = ()
    given: tuple[GivenHit, ...] = ()
    missed: tuple[Target, ...] = ()
    """What is pinned to the same query, and was not given."""
    generation: int
    """Today's."""


class RecallRequest(Request[RecallView], frozen=True, kw_only=True):
    """One recall with today's rank of each hit."""

    id: str
    """Or a beginning that only one id has."""


class RecallRecordsRequest(Request[tuple[Recall, ...]], frozen=True, kw_only=True):
    """Whole recalls, oldest first, for export: at most `limit` after the one called `after`."""

    agent: str = ""
    since: str = ""
    after: str = ""
    """Id of a recall, or empty for the first ones."""
    limit: int = 500


class ForgottenRecalls(msgspec.Struct, frozen=True, kw_only=True):
    """What was deleted from the log."""

    recalls: int


class ForgetRecallsRequest(Request[ForgottenRecalls], frozen=True, kw_only=True):
    """Delete the recalls that match every field given, to the last byte; without one, all."""

    id: str = ""
    agent: str = ""
    before: str = ""
    """ISO date or time, exclusive."""
    text: str = ""
    """Part of the query, however it is cased."""


class ImportedRecalls(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a batch."""

    added: int
    known: int
    """Recalls that the log had already."""
    recorded: int
    """Recalls of a transcript that the log had already, since membrowse's own server answered."""
    expired: int
    """Recalls older than the log keeps."""
    hits: int
    """Hits of the added recalls; of these:"""
    located: int
    """Hits whose chunk is in the index."""
    outside: int
    """Hits outside the folder."""


class ImportRecallsRequest(Request[ImportedRecalls], frozen=True, kw_only=True):
    """Add recalls of a foreign log, as a client has read it."""

    recalls: tuple[Recall, ...]


class NewRecalls(msgspec.Struct, frozen=True, kw_only=True):
    """Recalls as they come, oldest first; empty at first, and now and then as a sign of life."""

    recalls: tuple[RecallSummary, ...] = ()


class FollowRecallsRequest(StreamRequest[NewRecalls], frozen=True, kw_only=True):
    """The recalls that are recorded or imported from now on, until the engine ends."""

    agent: str = ""


class ReplayedHit(msgspec.Struct, frozen=True, kw_only=True):
    """A hit that only one of the two answers has."""

    path: str
    start_line: int = 0
    end_line: int = 0
    rank: int | None = None
    """Of a lost hit: its reranked rank now; None if its chunk is gone. Of a gained hit: its place
    in the new answer."""


class ReplayedRecall(msgspec.Struct, frozen=True, kw_only=True):
    """A recall, asked again."""

    id: str
    at: str
    agent: str
    query: str
    k: int
    """Hits compared at most."""
    then: int
    """Hits of the answer that is compared with."""
    now: int
    same_top: bool
    """The first hit is the same."""
    overlap: float
    """Hits in both answers, divided by the hits of the longer one: 0 to 1."""
    rank_biased_overlap: float
    """Of the two rankings (p = 0.9), 0 to 1; Webber, Moffat and Zobel, "A Similarity Measure for
    Indefinite Rankings", TOIS 28 (2010), extrapolated."""
    lost: tuple[ReplayedHit, ...] = ()
    gained: tuple[ReplayedHit, ...] = ()
    took_ms: float
    took_then_ms: float | None = None


class Interval(msgspec.Struct, frozen=True, kw_only=True):
    """A mean with its 95% confidence interval: percentile bootstrap over the questions (Efron,
    "Bootstrap Methods: Another Look at the Jackknife", Annals of Statistics 7, 1979)."""

    mean: float
    low: float
    high: float


class ReplaySummary(msgspec.Struct, frozen=True, kw_only=True):
    """All recalls of a replay."""

    recalls: int
    left_out: int
    """Recalls of a foreign log that cannot be compared: with filters, or empty ones."""
    same_top: Interval
    overlap: Interval
    rank_biased_overlap: Interval
    lost: int
    gained: int
    took_ms: float
    """Mean time of a ranking."""
    seconds: float
    """Of the whole replay."""
    against: str
    """The saved configuration that is compared with; empty: what the agents got."""
    generation: int
    settings_digest: str


class ReplayProgress(msgspec.Struct, frozen=True, kw_only=True):
    """Recalls as they are replayed, and at the end the summary."""

    recalls: tuple[ReplayedRecall, ...] = ()
    total: int
    """Recalls to replay."""
    summary: ReplaySummary | None = None


class ReplayRequest(StreamRequest[ReplayProgress], frozen=True, kw_only=True):
    """Ask every logged question again, over today's index and settings, oldest first."""

    agent: str = ""
    since: str = ""
    """ISO date or time, inclusive."""
    against: str = ""
    """Name of a saved configuration to compare with, instead of with what the agents got."""
    profile: Overrides = {}
    """Settings of an agent's profile, over those in force and those compared with."""
