"""Runs, adds and removes pins."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from membrowse.engine.components import Components
from membrowse.engine.errors import Impossible, Unknown
from membrowse.engine.handlers.explain import located, rank_query
from membrowse.engine.pins import pin_file
from membrowse.engine.pins.pin_file import PinFile
from membrowse.engine.priority import Pause
from membrowse.engine.querying.provisional import provisional
from membrowse.notes.chunk import Chunk
from membrowse.ranking.query_parser import with_days
from membrowse.ranking.ranked_query import RankedQuery
from membrowse.ranking.targets import best_row, comparable
from membrowse.wire.pins import AddPinRequest, Pin, PinRun, PinsRequest, RemovePinRequest
from membrowse.wire.search import Filters, Target

PASSAGE_CHARACTERS = 160
"""Length limit of the passage by which a pin identifies a chunk."""


def pins(components: Components, request: PinsRequest, pause: Pause) -> PinRun:
    """The folder's pins, or those of a file that the client has read."""
    began, index = components.indexer.state, components.index
    doubt = provisional(began, index.generation, components.models.state, index.unstored)
    if request.content is None:
        run = components.pins.current(pause)
    else:
        content = request.content.encode("utf-8", "surrogatepass")
        parsed = pin_file.parse(content, components.folder)
        run = components.pins.run(parsed, request.file, pause)
    return msgspec.structs.replace(run, provisional=doubt)


def add(components: Components, request: AddPinRequest, pause: Pause) -> PinRun:
    """Append a pin, unless the same one exists, and run all pins."""
    if not request.text.strip():
        raise Impossible("a pin needs a query")
    ranked_query, settings = rank_query(components, request)
    generation = ranked_query.generation
    target = components.targets.locate(generation, request.target, settings.agent)
    ranked_query = located(components, ranked_query, target.chunks.rows, settings)
    row = best_row(ranked_query, target.chunks.rows)
    if row is None:
        raise Unknown(target.reason or target.chunks.reason)
    chunk = generation.chunks[row]
    siblings = [generation.chunks[other] for other in generation.rows(chunk.path) if other != row]
    pin = Pin(
        id="",
        query=request.text,
        path=chunk.path,
        text=_expected_text(ranked_query, request.target, chunk, siblings),
        k=request.k or settings.agent.k,
        syntax=request.syntax,
        filters=with_days(request.filters, ranked_query.parsed.filters),
    )
    _append(components.pins.file, pin)
    return components.pins.current(pause)


def _append(file: PinFile, pin: Pin) -> None:
    known = {each.id: each for each in file.read().pins}
    if any(_same_pin(each, pin) for each in known.values()):
        return
    name = pin_file.unique(pin_file.generated_id(pin.query, pin.path, pin.text), known)
    try:
        file.append(msgspec.structs.replace(pin, id=name))
    except OSError as error:
        raise _unwritable(file, error) from error


def _unwritable(file: PinFile, error: OSError) -> Impossible:
    message = f"{file.path} cannot be written: {error.strerror or error}"
    if file.shared and isinstance(error, PermissionError):
        message += ": who owns the folder edits it, or `pins.file` names another file"
    return Impossible(message)


def _same_pin(one: Pin, other: Pin) -> bool:
    def content(pin: Pin) -> tuple[str, str, Filters, str, str, int]:
        return pin.query, pin.syntax, pin.filters, pin.path, comparable(pin.text), pin.k

    return content(one) == content(other)


def remove(components: Components, request: RemovePinRequest, pause: Pause) -> PinRun:
    """Remove a pin and run the others."""
    file = components.pins.file
    try:
        file.remove(request.id)
    except OSError as error:
        raise _unwritable(file, error) from error
    return components.pins.current(pause)


def _expected_text(
    ranked_query: RankedQuery, target: Target, chunk: Chunk, siblings: Sequence[Chunk]
) -> str:
    """The text that identifies the chunk: as given, or a passage of it; empty for a whole note."""
    if target.text:
        return target.text
    whole_note = not target.chunk and target.line is None
    return "" if whole_note else pin_passage(chunk, siblings, ranked_query.parsed.words)


def pin_passage(chunk: Chunk, siblings: Sequence[Chunk], query: str) -> str:
    """The line of `chunk` (or its beginning) that identifies it best.

    A line that no sibling contains is preferred, then one that is not a heading, then the one with
    the most query words.
    """
    words = _words(query)
    elsewhere = [comparable(sibling.text) for sibling in siblings]

    def quality(line: str) -> tuple[bool, bool, int]:
        unique = not any(comparable(line) in other for other in elsewhere)
        return unique, not line.startswith("#"), len(words & _words(line))

    lines = [_cut_passage(line.strip()) for line in chunk.text.splitlines() if comparable(line)]
    return max(lines, key=quality, default="")


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _cut_passage(line: str) -> str:
    if len(line) <= PASSAGE_CHARACTERS:
        return line
    whole, _, _ = line[:PASSAGE_CHARACTERS].rpartition(" ")
    return (whole or line[:PASSAGE_CHARACTERS]).strip()
