"""A folder of notes with a running engine, as in the tests of the Python interface."""

from tests.api.conftest import notes

__all__ = ["notes"]
