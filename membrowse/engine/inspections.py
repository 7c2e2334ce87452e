"""The part of the protocol that inspects: one request a question, one record a reply.

Each is a `POST` of the request to its path; `INSPECTIONS` is the whole table, which client and
server both read. All run beside the queries and give way to them; a client that goes away cancels.
"""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from membrowse.engine.protocol import Right
from membrowse.findings.diagnosis import Target, Why
from membrowse.findings.explanation import Comparison, Explanation, RankFlow, Spelling
from membrowse.findings.pins import Pin, PinRun
from membrowse.findings.rulers import Rulers
from membrowse.findings.tuning import Overrides, Tuned, Tunings

T = TypeVar("T")


class Inspection(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A request whose reply is a T."""


class ExplainRequest(Inspection[Explanation], frozen=True, kw_only=True):
    """Explain one chunk: by id, or the chunk of `target`."""

    text: str
    syntax: str = "literal"
    chunk: str = ""
    target: Target | None = None


class SpellingRequest(Inspection[list[Spelling]], frozen=True, kw_only=True):
    """Near spellings of the query's words that match nothing: slow (0.3 s a word at 19k chunks)."""

    text: str
    syntax: str = "literal"


class FlowRequest(Inspection[RankFlow], frozen=True, kw_only=True):
    text: str
    syntax: str = "literal"
    depth: int = 20


class CompareRequest(Inspection[Comparison], frozen=True, kw_only=True):
    text: str
    syntax: str = "literal"
    left: str
    """A chunk's id."""
    right: Target


class WhyRequest(Inspection[Why], frozen=True, kw_only=True):
    text: str
    syntax: str = "literal"
    target: Target
    k: int | None = None
    """None: the agent's."""
    changes: bool = True
    """Whether to look for changes that help (slow), or only for the ladder."""


class RulersRequest(Inspection[Rulers], frozen=True, kw_only=True):
    text: str = ""
    """A query (or any text)."""
    chunk: str = ""
    """A chunk's id."""


class PinsRequest(Inspection[PinRun], frozen=True, kw_only=True):
    """The pins' last run; with `file`, the pins of that file are run now and not kept."""

    file: str = ""
    """An absolute path, readable by the engine."""
    pins: tuple[Pin, ...] | None = None
    """Pins to run now instead, as the client has read them."""


class PinRequest(Inspection[PinRun], frozen=True, kw_only=True):
    """Pin a query to a target; the pins are run."""

    text: str
    syntax: str = "literal"
    target: Target
    k: int | None = None


class UnpinRequest(Inspection[PinRun], frozen=True, kw_only=True):
    id: str


class TuneRequest(Inspection[Tuned], frozen=True, kw_only=True):
    """The open query with other settings; nothing is saved or indexed.

    `overrides` (and `against`) are all that differs from `Tunings.base`, as in `SaveTuningRequest`:
    what is tried is what saving it would give. Keys that are `fixed` stay as they are.
    """

    text: str
    syntax: str = "literal"
    overrides: Overrides
    against: Overrides | None = None
    """A second configuration to set beside it."""
    limit: int = 50
    number: int = 0
    track: tuple[str, ...] = ()
    """As in `RecallRequest`, and told in the recall of `a`; `target` likewise."""
    target: Target | None = None
    pins: bool = False
    """Whether to run the pins, too (slower)."""


class TuningsRequest(Inspection[Tunings], frozen=True, kw_only=True):
    """What is saved and in force."""


class SaveTuningRequest(Inspection[Tunings], frozen=True, kw_only=True):
    """Save `overrides` (all that differs from `Tunings.base`) under `name` and put them in force;
    no overrides: forget the name."""

    name: str
    overrides: Overrides | None


class UseTuningRequest(Inspection[Tunings], frozen=True, kw_only=True):
    """Put a saved configuration in force; an empty name: the settings file's values."""

    name: str


class Route(msgspec.Struct, frozen=True):
    path: str
    reply: object
    right: Right = Right.READ


INSPECTIONS: dict[type, Route] = {
    ExplainRequest: Route("/explain", Explanation),
    SpellingRequest: Route("/spellings", list[Spelling]),
    FlowRequest: Route("/flow", RankFlow),
    CompareRequest: Route("/compare", Comparison),
    WhyRequest: Route("/why", Why),
    RulersRequest: Route("/rulers", Rulers),
    PinsRequest: Route("/pins", PinRun),
    PinRequest: Route("/pin", PinRun, Right.REINDEX),
    UnpinRequest: Route("/unpin", PinRun, Right.REINDEX),
    TuneRequest: Route("/tune", Tuned),
    TuningsRequest: Route("/tunings", Tunings),
    SaveTuningRequest: Route("/tunings/save", Tunings, Right.ADMINISTER),
    UseTuningRequest: Route("/tunings/use", Tunings, Right.ADMINISTER),
}
