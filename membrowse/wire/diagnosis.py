"""Why a note is missing from the top of a search, and what would change that."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request
from membrowse.wire.search import Filters, Target, TargetMatch


class StepName(StrEnum):
    """The steps of a diagnosis, in order: from the file on disk to the cut."""

    FOLDER = "folder"
    INDEXED = "indexed"
    TEXT = "text"
    FILTERS = "filters"
    """Only if the query has filters."""
    KEYWORD = "keyword"
    VECTOR = "vector"
    FUSED = "fused"
    RERANKED = "reranked"
    CUT = "cut"


class Outcome(StrEnum):
    """What a step found."""

    PASSES = "holds"
    """Nothing is wrong here."""
    WEAK = "weak"
    """Not a failure by itself, but worth knowing."""
    FAILS = "fails"
    SKIPPED = "skipped"
    """Not checked, because an earlier step fails or because it does not apply."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a diagnosis."""

    name: StepName = msgspec.field(name="step")
    outcome: Outcome
    finding: str
    """One sentence."""
    evidence: tuple[str, ...] = ()
    """Lines: figures, the rule and its file, missing terms, a diff."""
    rank: int | None = None
    """The target's rank in this step's ranking."""
    at_least: bool = False
    """Whether `rank` is a lower bound."""


class SuggestionKind(StrEnum):
    """What a suggestion changes."""

    SETTING = "setting"
    QUERY = "query"
    NOTE = "note"


class Edit(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a note to be replaced."""

    path: str
    line: int
    before: str
    after: str


class Suggestion(msgspec.Struct, frozen=True, kw_only=True):
    """A change that was tried and brings the target into the top k."""

    kind: SuggestionKind
    change: str
    """A clause: `write the answer's sentence at ssh.md:14 with the word “knock”`,
    `fusion.weight 0.5 → 0.62`, `add “bastion” to the query`."""
    rank: int
    """The target's reranked rank with this change; at most k."""
    settings: dict[str, str | float | int | bool] = {}
    """For a setting: dotted keys and the values to save (`fusion.weight`)."""
    query: str = ""
    """For a query: the query to type."""
    edit: Edit | None = None
    """For a note: what to write."""
    pins: int = 0
    """Pins that were run with this change."""
    broken: tuple[str, ...] = ()
    """Ids of pins that pass now and would fail."""
    fixed: tuple[str, ...] = msgspec.field(default=(), name="mended")
    """Ids of pins that fail now and would pass."""


class Diagnosis(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to "why not this note?"."""

    query: str
    target: Target
    match: TargetMatch = msgspec.field(name="found")
    k: int
    in_top_k: bool
    """By rank alone; the agent's minimum score counts in the last step and in `match.passes`."""
    verdict: str
    """One sentence."""
    steps: tuple[Step, ...] = msgspec.field(name="rungs")
    """All of `StepName` that apply, in order; the first that fails determines the verdict."""
    generation: int
    took_ms: float


class DiagnosisRequest(Request[Diagnosis], frozen=True, kw_only=True):
    """Find out why a target is not in the top k."""

    text: str
    syntax: str = "literal"
    target: Target
    k: int | None = None
    """None: the agent's."""
    filters: Filters = Filters()
    """As in `SearchRequest`."""
    profile: Overrides = {}
    """Settings of an agent's profile, over those in force."""


class Suggestions(msgspec.Struct, frozen=True, kw_only=True):
    """Changes that bring a target into the top k."""

    suggestions: tuple[Suggestion, ...] = msgspec.field(name="changes")
    """Those that work: edits of the note, then settings, then other queries; of a kind, least
    effect on pins first, then the smallest change."""
    tried: int
    """Changes that were tried to find these."""
    unfinished: str
    """Why the search stopped early (time), or empty."""
    generation: int
    took_ms: float


class SuggestionsRequest(Request[Suggestions], frozen=True, kw_only=True):
    """Look for changes that bring a target into the top k (slow: up to a few seconds)."""

    text: str
    syntax: str = "literal"
    target: Target
    k: int | None = None
    """None: the agent's."""
    filters: Filters = Filters()
    """As in `SearchRequest`."""
    profile: Overrides = {}
    """Settings of an agent's profile, over those in force."""


class DiagnosisReport(Diagnosis, frozen=True, kw_only=True):
    """A diagnosis with suggestions, as `membrowse why --json` prints it and a report keeps it."""

    suggestions: tuple[Suggestion, ...] = msgspec.field(default=(), name="changes")
    tried: int = 0
    unfinished: str = ""

    @classmethod
    def of(cls, diagnosis: Diagnosis, found: Suggestions | None) -> DiagnosisReport:
        """`diagnosis` with the suggestions that were found, if any were looked for."""
        fields = msgspec.structs.asdict(diagnosis)
        if found is None:
            return cls(**fields)
        fields["took_ms"] += found.took_ms
        return cls(
            **fields,
            suggestions=found.suggestions,
            tried=found.tried,
            unfinished=found.unfinished,
        )
