"""An endless, reproducible history of a folder: operation n makes generation n."""

from __future__ import annotations

import random

from membrowse.index.change_plan import NoteChange
from membrowse.index.index import Index
from tests.index.factories import change, encode, encoder_inputs, removal

State = dict[str, tuple[str, ...]]
"""Chunk texts by path."""

_PATHS = [f"notes/{name}.md" for name in "abcdefghij"]
_WORDS = ("deploy", "port", "staging", "fox", "ssh", "token", "error", "memory")


def operation(number: int, state: State) -> list[NoteChange]:
    """Return the changes that make generation `number` of a folder in `state`."""
    draw = random.Random(number)
    path = draw.choice(_PATHS)
    kind = draw.random()
    if path in state and kind < 0.15:
        return [removal(path)]
    if path in state and kind < 0.3:
        other = draw.choice([one for one in _PATHS if one != path])
        return [removal(path), change(other, *state[path])]
    texts = list(state.get(path, ()))
    for _ in range(draw.randint(1, 3)):
        text = " ".join(draw.choices(_WORDS, k=12))
        texts.insert(draw.randint(0, len(texts)), text)
    if len(texts) > 6:
        del texts[draw.randrange(len(texts))]
    return [change(path, *texts), *([change(_PATHS[0], *texts)] if kind > 0.9 else [])]


def after(changes: list[NoteChange], state: State) -> State:
    """Return the state after `changes`."""
    result = dict(state)
    for one in changes:
        result.pop(one.path, None)
        if one.note is not None:
            result[one.path] = tuple(part.text for part in one.chunks)
    return result


def state_of(generation: int) -> State:
    """The folder as of generation `generation`."""
    state: State = {}
    for number in range(1, generation + 1):
        state = after(operation(number, state), state)
    return state


def indexed_state(index: Index) -> State:
    """The folder according to the index."""
    texts: dict[str, list[str]] = {path: [] for path in index.generation.notes}
    for part in index.generation.chunks:
        texts[part.path].append(part.text)
    return {path: tuple(parts) for path, parts in texts.items()}


def step(index: Index) -> None:
    """Apply the next operation; two of three include their vectors."""
    number = index.generation.number + 1
    changes = operation(number, indexed_state(index))
    parts = [part for one in changes for part in one.chunks]
    encoded = encode(encoder_inputs(index, parts)) if number % 3 else []
    index.apply(changes, encoded, "float32")
