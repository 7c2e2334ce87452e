"""Why the engine cannot answer a request; the message says what to do.

Exception
├── NotReady       the index is not open (503)
├── Unknown        no such response, chunk, pin or note (404)
├── Impossible     the request cannot be carried out (409)
├── SettingsError  from `membrowse.settings`: settings that cannot be used (400)
├── StoreUnavailable  from `membrowse.index`: the store does not answer (503)
└── InvalidFilter  from `membrowse.ranking`: a filter that cannot be read (400)
"""

from __future__ import annotations


class NotReady(Exception):
    """The index could not be opened, or is still being opened."""


class Unknown(Exception):
    """There is no such response, chunk, pin or note."""


class Impossible(Exception):
    """The request cannot be carried out."""
