"""What goes wrong with a store that is not a file of this machine. Light to import."""

from __future__ import annotations


class StoreUnavailable(Exception):
    """The store cannot be reached or does not answer; the message says where it is, and why."""
