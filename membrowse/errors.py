"""The base of every error that membrowse raises for its callers.

MembrowseError
├── EngineUnavailable     no engine answers, and none can be started
│   ├── EngineHangs       it accepts connections, but does not answer
│   ├── EngineOutdated    it has another protocol version
│   ├── EngineUntrusted   somebody else's process answers
│   └── ServiceUnavailable  the folder's system service does not answer
├── EngineRefused         the engine says no: `status` 400 bad request, 403 no right, 404 not found,
│                         409 impossible, 503 index not open, 507 disk full
├── NeverCurrent          waiting cannot make the index current
├── SettingsError         settings that cannot be used; also a `ValueError`
└── Untrusted             a file of ours that somebody else could have written; also an `OSError`
"""

from __future__ import annotations


class MembrowseError(Exception):
    """The message says what is wrong and what to do."""
