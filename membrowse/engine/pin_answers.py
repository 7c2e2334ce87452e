"""Pins told, added and taken out, for clients."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from membrowse.engine.courtesy import Pause
from membrowse.engine.golden import GoldenFile
from membrowse.engine.inspections import PinRequest, PinsRequest, UnpinRequest
from membrowse.engine.parts import Parts
from membrowse.engine.refusals import Impossible, Unknown
from membrowse.findings import golden
from membrowse.findings.diagnosis import Target
from membrowse.findings.golden import Golden
from membrowse.findings.pins import Pin, PinRun
from membrowse.ranking.evaluation import Evaluation
from membrowse.ranking.targets import bare, best
from membrowse.recall import Chunk

STRETCH = 160
"""Characters of a chunk that a pin remembers it by, at most."""


def pins(parts: Parts, request: PinsRequest, pause: Pause) -> PinRun:
    """The folder's pins, or those that the client gives."""
    if request.pins is not None:
        return parts.pins.run(Golden(pins=request.pins), request.file, pause)
    if request.file:
        file = _readable(parts, Path(request.file))
        return parts.pins.run(file.read(), request.file, pause)
    return parts.pins.current(pause)


def _readable(parts: Parts, path: Path) -> GoldenFile:
    """A file of the folder; others are the client's to read, who may have no right to them."""
    inside = path.resolve().is_relative_to(parts.folder.resolve())
    if not inside and path != parts.pins.file.path:
        raise Impossible(f"{path} is not in {parts.folder}: send its pins instead")
    return GoldenFile(path)


def pin(parts: Parts, request: PinRequest, pause: Pause) -> PinRun:
    """Append a pin, unless there is the same already, and run all."""
    if not request.text.strip():
        raise Impossible("a pin needs a query")
    evaluation = parts.evaluations.of(request.text, request.syntax)
    generation = evaluation.at()
    place = parts.targets.place(generation, request.target)
    row = best(evaluation, place.rows)
    if row is None:
        sought = parts.targets.sought(
            generation, request.target, parts.configuration.settings.agent
        )
        raise Unknown(sought.reason or place.reason)
    chunk = generation.chunks[row]
    siblings = [generation.chunks[other] for other in generation.rows(chunk.path) if other != row]
    wanted = Pin(
        id="",
        query=request.text,
        path=chunk.path,
        text=_expected_text(evaluation, request.target, chunk, siblings),
        k=request.k or parts.configuration.settings.agent.k,
        syntax=request.syntax,
    )
    _append(parts, wanted)
    return parts.pins.current(pause)


def _append(parts: Parts, wanted: Pin) -> None:
    file = parts.pins.file
    known = {each.id: each for each in file.read().pins}
    if any(_same(each, wanted) for each in known.values()):
        return
    name = golden.unique(golden.made_up_id(wanted.query, wanted.path, wanted.text), known)
    named = Pin(
        id=name,
        query=wanted.query,
        path=wanted.path,
        text=wanted.text,
        k=wanted.k,
        syntax=wanted.syntax,
    )
    try:
        file.append(named)
    except OSError as error:
        raise Impossible(f"{file.path} cannot be written: {error.strerror or error}") from error


def _same(one: Pin, other: Pin) -> bool:
    said = ((each.query, each.syntax, each.path, bare(each.text), each.k) for each in (one, other))
    return next(said) == next(said)


def unpin(parts: Parts, request: UnpinRequest, pause: Pause) -> PinRun:
    """Take a pin out of the file, and run the others."""
    file = parts.pins.file
    try:
        file.remove(request.id)
    except OSError as error:
        raise Impossible(f"{file.path} cannot be written: {error.strerror or error}") from error
    return parts.pins.current(pause)


def _expected_text(
    evaluation: Evaluation, target: Target, chunk: Chunk, siblings: Sequence[Chunk]
) -> str:
    """What the pin is to be found by: the text that was given; nothing for a whole note."""
    if target.text:
        return target.text
    whole_note = not target.chunk and target.line is None
    return "" if whole_note else stretch(chunk, siblings, evaluation.parsed.words)


def stretch(chunk: Chunk, siblings: Sequence[Chunk], query: str) -> str:
    """A line of `chunk`, or its beginning: one that no sibling has, no heading if it can be, with
    the most of the query's words."""
    words = _words(query)
    elsewhere = [bare(sibling.text) for sibling in siblings]

    def telling(line: str) -> tuple[bool, bool, int]:
        alone = not any(bare(line) in other for other in elsewhere)
        return alone, not line.startswith("#"), len(words & _words(line))

    lines = [_cut(line.strip()) for line in chunk.text.splitlines() if bare(line)]
    return max(lines, key=telling, default="")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _cut(line: str) -> str:
    if len(line) <= STRETCH:
        return line
    whole, _, _ = line[:STRETCH].rpartition(" ")
    return (whole or line[:STRETCH]).strip()
