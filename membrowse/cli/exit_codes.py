"""Exit statuses: what a script learns from how membrowse ended."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The exit status of the process, the same for every command."""

    DONE = 0
    """There are hits, or the command did what was asked."""
    NONE = 1
    """No hit: nothing is indexed, or nothing passes the filters; `doctor`: not healthy."""
    USAGE = 2
    """The command, a query, a setting or an input line cannot be used."""
    UNAVAILABLE = 3
    """No engine answers, or it refuses; or its store does not answer."""
    INTERNAL = 70
    """An internal error, whose details are in a file (`EX_SOFTWARE`), or an output that cannot be
    written."""
    INTERRUPTED = 130
    """Ended by ctrl+c."""
    READER_GONE = 141
    """The reader of the output stopped reading, as `head` does; nothing is wrong."""
