"""Times as a person types them: a date, a time, or an age such as `7d`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_AGE = re.compile(r"(\d{1,5})\s*([mhdw])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def iso_moment(text: str, now: datetime) -> str:
    """`text` as an ISO time in UTC; a time without a zone is local. Raises `ValueError`."""
    if age := _AGE.fullmatch(text.strip()):
        then = now - timedelta(**{_UNITS[age[2]]: int(age[1])})
    else:
        then = datetime.fromisoformat(text.strip())
        then = then if then.tzinfo else then.replace(tzinfo=now.tzinfo)
    return then.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
