"""How counts are written, by the engine and by its clients."""

from __future__ import annotations


def number(count: int) -> str:
    """A count with commas between thousands: `19,042`."""
    return f"{count:,}"


def counted(count: int, noun: str) -> str:
    """`1 note`, `3 notes`."""
    return f"{number(count)} {noun}" if count == 1 else f"{number(count)} {noun}s"
