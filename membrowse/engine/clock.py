"""Times in the format of the protocol."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> str:
    """The current time, ISO 8601 in UTC to the second, with a trailing Z."""
    return stamp(datetime.now(UTC).timestamp())


def stamp(seconds: float) -> str:
    """`seconds` since the epoch, in the same format."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
