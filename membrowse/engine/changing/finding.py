"""The changes that help, with what each does to the pins, in the order of their offer."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import msgspec

from membrowse.engine.changing import edits, knobs, wordings
from membrowse.engine.changing.trial import Candidate, Collateral, NotTried, OutOfTime, Trial
from membrowse.engine.courtesy import Pause
from membrowse.findings.diagnosis import Change, ChangeKind
from membrowse.index.hypothesis import Supposition

MOST = 8
"""Changes that are offered."""
SECONDS = 2.2
"""For all searches together; running the pins comes on top."""
_MOST_OF_A_KIND = {ChangeKind.SETTING: 5, ChangeKind.QUERY: 3, ChangeKind.NOTE: 2}

_SEARCHES: tuple[tuple[str, Callable[[Trial], Iterator[Candidate]], float], ...] = (
    ("settings", knobs.candidates, 0.35),
    ("queries", wordings.candidates, 0.7),
    ("edits of the note", edits.candidates, 1.0),
)
"""What is tried, and by which share of the time it must be done."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to."""

    changes: tuple[Change, ...]
    tried: int
    unfinished: str


def find(trial: Trial, collateral: Collateral, seconds: float = SECONDS) -> Found:
    """Changes that bring the target into the first k, at most `MOST` of them."""
    began = time.monotonic()
    found: list[Candidate] = []
    late: list[str] = []
    unfinished: list[str] = []
    for name, search, share in _SEARCHES:
        try:
            with trial.within(began + share * seconds):
                for candidate in search(trial):
                    found.append(_lightened(candidate, collateral, trial.pause))
        except OutOfTime:
            late.append(name)
        except NotTried as reason:
            unfinished.append(f"{name} were not tried: {reason}")
    offered = [_with_pins(each, collateral, trial.pause) for each in _chosen(found)]
    offered.sort(key=lambda each: (len(each.change.broken), each.size, each.change.rank))
    if late:
        unfinished.insert(0, f"out of time: not all {' and '.join(late)} were tried")
    changes = tuple(each.change for each in offered[:MOST])
    return Found(changes, trial.tried, "; ".join(unfinished))


def _chosen(found: list[Candidate]) -> list[Candidate]:
    """The best few of each kind: the smallest changes, of equal ones those with the best rank."""
    chosen: list[Candidate] = []
    for kind, most in _MOST_OF_A_KIND.items():
        of_kind = [each for each in found if each.change.kind is kind]
        chosen += sorted(of_kind, key=lambda each: (each.size, each.change.rank))[:most]
    return chosen


def _lightened(candidate: Candidate, collateral: Collateral, pause: Pause) -> Candidate:
    """A supposed generation is as large as the real one: none is kept until the end."""
    if isinstance(candidate.variant, Supposition):
        return replace(_with_pins(candidate, collateral, pause), variant=None)
    return candidate


def _with_pins(candidate: Candidate, collateral: Collateral, pause: Pause) -> Candidate:
    if candidate.variant is None:
        return candidate
    outcome = collateral(candidate.variant, pause)
    change = msgspec.structs.replace(
        candidate.change, pins=outcome.pins, broken=outcome.broken, mended=outcome.mended
    )
    return replace(candidate, change=change)
