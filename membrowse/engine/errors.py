"""Why the engine cannot answer, as exceptions; the message says what to do."""

from __future__ import annotations


class NotReady(Exception):
    """The index could not be opened (or is not yet)."""


class Impossible(Exception):
    """What is asked for cannot be done."""


class Unknown(Exception):
    """No such recall or chunk."""
