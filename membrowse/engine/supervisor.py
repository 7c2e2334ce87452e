"""Keeps a client connected: finds or starts the engine, notices its death, starts it again."""

from __future__ import annotations

from dataclasses import dataclass

from membrowse.engine.client import Engine
from membrowse.engine.protocol import Hello


@dataclass(frozen=True, slots=True)
class Starting:
    """An engine is being looked for or started."""

    message: str


@dataclass(frozen=True, slots=True)
class Connected:
    """The engine answers."""

    engine: Engine
    hello: Hello


@dataclass(frozen=True, slots=True)
class Lost:
    """The engine went away; another attempt follows."""

    message: str


@dataclass(frozen=True, slots=True)
class GaveUp:
    """No further attempt is made; the message says why and what to do."""

    message: str
    log_tail: str = ""


Session = Starting | Connected | Lost | GaveUp
