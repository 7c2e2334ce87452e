"""What torch would compute with on this machine, found out without importing it."""

from __future__ import annotations

import platform
import re
import sys
from importlib.metadata import version
from pathlib import Path

_GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Device files of CUDA, ROCm, and CUDA under WSL."""
_BFLOAT16_FLAGS = re.compile(r"^flags\s*:.*\b(amx_tile|avx512_bf16)\b", re.MULTILINE)


def has_accelerator() -> bool:
    """Whether torch probably computes on a GPU."""
    if sys.platform == "darwin":
        return platform.machine() == "arm64"
    cpu_build = version("torch").endswith("+cpu")
    return not cpu_build and any(Path(device).exists() for device in _GPU_DEVICES)


def has_fast_bfloat16(cpuinfo: Path = Path("/proc/cpuinfo")) -> bool:
    """Whether the CPU computes bfloat16 faster than float32; False if that is unknown."""
    try:
        return _BFLOAT16_FLAGS.search(cpuinfo.read_text("utf-8", "replace")) is not None
    except OSError:
        return False
