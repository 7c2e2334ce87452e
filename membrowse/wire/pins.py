"""Pins: queries with the note they should find, and whether they find it."""

from __future__ import annotations

import msgspec

from membrowse.wire.overrides import Overrides
from membrowse.wire.request import Request
from membrowse.wire.search import Filters, Target


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """A query and the note that it should find: one line of a pin file."""

    id: str
    """Unique in its file; generated if the line has none."""
    query: str
    path: str
    """The note that should be found."""
    text: str = ""
    """A passage of the expected chunk; empty: any chunk of the note passes."""
    k: int = 5
    """The expected chunk must be in the first k of the reranked ranking."""
    syntax: str = "literal"
    filters: Filters = Filters()
    """As in `SearchRequest`."""


def pin_line(pin: Pin) -> bytes:
    """`pin` as a line of a pin file, without line end; default values are left out."""
    fields = msgspec.to_builtins(pin)
    if pin.syntax == "literal":
        del fields["syntax"]
    if not pin.text:
        del fields["text"]
    if not pin.filters:
        del fields["filters"]
    return msgspec.json.encode(fields)


class PinResult(msgspec.Struct, frozen=True, kw_only=True):
    """A pin, run over one generation."""

    pin: Pin
    passes: bool = msgspec.field(name="holds")
    rank: int | None
    """Reranked; None if no chunk has the expected text."""
    ranks: dict[str, int | None]
    """By ranking."""
    before: int | None = None
    """Reranked rank in the previous run, over another generation or configuration."""
    chunk: str = ""
    """Id of the chunk that was found for the pin; empty if there is none."""
    problem: str = ""
    """Why there is no rank: the text was edited away, the note is not indexed."""
    at_least: tuple[str, ...] = ()
    """Rankings in which the rank is a lower bound (see `Hit.at_least`)."""
    history: tuple[int | None, ...] = ()
    """Reranked ranks over generations, the newest last (at most 60)."""


class Measures(msgspec.Struct, frozen=True, kw_only=True):
    """Means over all pins, 0 to 1."""

    recall_at_1: float
    recall_at_5: float
    mrr: float
    """Mean reciprocal rank, 0 beyond the first 10."""


class PinRun(msgspec.Struct, frozen=True, kw_only=True):
    """All pins over one generation with one configuration."""

    generation: int
    at: str
    file: str
    """Where the pins are kept."""
    settings_digest: str
    results: tuple[PinResult, ...]
    measures: dict[str, Measures]
    """By ranking: keyword, vector, fused, reranked."""
    problems: tuple[str, ...] = ()
    """Lines of the file that cannot be used, with number and reason."""
    provisional: str = ""
    """Why the results may still change by themselves, or empty."""

    @property
    def total(self) -> int:
        return len(self.results)

    @property
    def passing(self) -> int:
        return sum(result.passes for result in self.results)


class PinsState(msgspec.Struct, frozen=True, kw_only=True):
    """A summary of the last run, as part of the engine's state."""

    total: int = 0
    passing: int = msgspec.field(default=0, name="holding")
    generation: int = 0
    """Of the last run."""
    moved: tuple[str, ...] = ()
    """What the last run moved, most important first: `ssh port: decisions/ssh.md #9 → #4`."""
    running: bool = False
    problem: str = ""
    """Why the pins could not be read or run, or their history not be saved; empty if all is
    well."""


class PinsRequest(Request[PinRun], frozen=True, kw_only=True):
    """The last run of the folder's pins; or with `content`, a run of the pins in that file, which
    is not remembered."""

    file: str = ""
    """Name of the file that `content` was read from."""
    content: str | None = None
    """A pin file's content, as the client read it."""


class AddPinRequest(Request[PinRun], frozen=True, kw_only=True):
    """Pin a query to a target and run all pins."""

    text: str
    syntax: str = "literal"
    target: Target
    k: int | None = None
    """None: the agent's."""
    filters: Filters = Filters()
    """As in `SearchRequest`."""
    profile: Overrides = {}
    """Settings of an agent's profile: its k is the default."""


class RemovePinRequest(Request[PinRun], frozen=True, kw_only=True):
    """Remove a pin and run the others."""

    id: str
