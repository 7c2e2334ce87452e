"""Exit statuses: what a script can tell from how membrowse ended."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    """The status of the process, the same for every command."""

    DONE = 0
    """Hits were found, or what was asked for is done."""
    NONE = 1
    """No hit: nothing is indexed, or nothing passes the filters; `doctor`: not healthy."""
    USAGE = 2
    """The command, a query, a setting or an input line cannot be used."""
    UNAVAILABLE = 3
    """No engine answers, or it refuses."""
    INTERNAL = 70
    """An error of membrowse's own, of which a file tells more (`EX_SOFTWARE`), or an output that
    cannot be written."""
    INTERRUPTED = 130
    """Ended by ctrl+c."""
    READER_GONE = 141
    """Who read the output stopped reading, as `head` does; nothing is wrong."""
