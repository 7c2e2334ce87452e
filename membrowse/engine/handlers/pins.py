"""Pins told, added and taken out, for clients."""

from __future__ import annotations

import re
from collections.abc import Sequence

from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible, Unknown
from membrowse.engine.pins import pin_format
from membrowse.engine.priority import Pause
from membrowse.notes.chunk import Chunk
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.targets import best_row, comparable
from membrowse.wire.pins import AddPinRequest, Pin, PinRun, PinsRequest, RemovePinRequest
from membrowse.wire.search import Target

STRETCH = 160
"""Characters of a chunk that a pin remembers it by, at most."""


def pins(components: Components, request: PinsRequest, pause: Pause) -> PinRun:
    """The folder's pins, or those of a file that the client has read."""
    if request.content is None:
        return components.pins.current(pause)
    parsed = pin_format.parse(request.content.encode("utf-8", "surrogatepass"))
    return components.pins.run(parsed, request.file, pause)


def add(components: Components, request: AddPinRequest, pause: Pause) -> PinRun:
    """Append a pin, unless there is the same already, and run all."""
    if not request.text.strip():
        raise Impossible("a pin needs a query")
    ranked_query = components.ranked_queries.of(request.text, request.syntax)
    generation = ranked_query.generation
    place = components.targets.chunks(generation, request.target)
    row = best_row(ranked_query, place.rows)
    if row is None:
        sought = components.targets.locate(
            generation, request.target, components.configuration.settings.agent
        )
        raise Unknown(sought.reason or place.reason)
    chunk = generation.chunks[row]
    siblings = [generation.chunks[other] for other in generation.rows(chunk.path) if other != row]
    wanted = Pin(
        id="",
        query=request.text,
        path=chunk.path,
        text=_expected_text(ranked_query, request.target, chunk, siblings),
        k=request.k or components.configuration.settings.agent.k,
        syntax=request.syntax,
    )
    _append(components, wanted)
    return components.pins.current(pause)


def _append(components: Components, wanted: Pin) -> None:
    file = components.pins.file
    known = {each.id: each for each in file.read().pins}
    if any(_same(each, wanted) for each in known.values()):
        return
    name = pin_format.unique(pin_format.generated_id(wanted.query, wanted.path, wanted.text), known)
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
    said = (
        (each.query, each.syntax, each.path, comparable(each.text), each.k) for each in (one, other)
    )
    return next(said) == next(said)


def remove(components: Components, request: RemovePinRequest, pause: Pause) -> PinRun:
    """Take a pin out of the file, and run the others."""
    file = components.pins.file
    try:
        file.remove(request.id)
    except OSError as error:
        raise Impossible(f"{file.path} cannot be written: {error.strerror or error}") from error
    return components.pins.current(pause)


def _expected_text(
    ranked_query: RankedQuery, target: Target, chunk: Chunk, siblings: Sequence[Chunk]
) -> str:
    """What the pin is to be found by: the text that was given; nothing for a whole note."""
    if target.text:
        return target.text
    whole_note = not target.chunk and target.line is None
    return "" if whole_note else stretch(chunk, siblings, ranked_query.parsed.words)


def stretch(chunk: Chunk, siblings: Sequence[Chunk], query: str) -> str:
    """A line of `chunk`, or its beginning: one that no sibling has, no heading if it can be, with
    the most of the query's words."""
    words = _words(query)
    elsewhere = [comparable(sibling.text) for sibling in siblings]

    def telling(line: str) -> tuple[bool, bool, int]:
        alone = not any(comparable(line) in other for other in elsewhere)
        return alone, not line.startswith("#"), len(words & _words(line))

    lines = [_cut(line.strip()) for line in chunk.text.splitlines() if comparable(line)]
    return max(lines, key=telling, default="")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _cut(line: str) -> str:
    if len(line) <= STRETCH:
        return line
    whole, _, _ = line[:STRETCH].rpartition(" ")
    return (whole or line[:STRETCH]).strip()
