"""membrowse: see how an agent's memory is recalled, live, ranking beside ranking.

`from membrowse import Memory, AsyncMemory, Filters` is the Python interface; `membrowse.api` has
its errors.
"""

TYPE_CHECKING = False  # `typing` takes half of the time of `membrowse --version` to import
if TYPE_CHECKING:
    from membrowse.api import AsyncMemory, Filters, Memory

__all__ = ["AsyncMemory", "Filters", "Memory", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    """Import the interface when it is used: the program itself does without it."""
    if name in ("AsyncMemory", "Filters", "Memory"):
        from importlib import import_module

        return getattr(import_module("membrowse.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
