"""The Python interface: `Memory` and `AsyncMemory`, clients of the engine like every other.

They return the records of `wire` and raise `MembrowseError`. Nothing here knows a terminal.
"""

from membrowse.api.async_memory import AsyncMemory
from membrowse.api.memory import Memory
from membrowse.client.engine import EngineRefused, EngineUnavailable
from membrowse.client.readiness import NeverCurrent
from membrowse.errors import MembrowseError
from membrowse.wire.search import Filters

__all__ = [
    "AsyncMemory",
    "EngineRefused",
    "EngineUnavailable",
    "Filters",
    "MembrowseError",
    "Memory",
    "NeverCurrent",
]
