"""Return freed memory to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back() -> None:
    """Make the C library return freed memory; takes milliseconds.

    Every change of the index allocates and frees megabytes, and glibc keeps more of them each time.
    """
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
