"""What torch would compute with is found out without torch."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from membrowse.encoding import hardware


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("fpu avx2 avx512f avx512_bf16 amx_bf16", True),
        ("fpu amx_tile", True),
        ("fpu avx2 avx512f avx512_vnni", False),
        ("fpu not_amx_tile_at_all", False),
    ],
)
def test_fast_bfloat16_is_read_from_the_processors_flags(
    tmp_path: Path, flags: str, fast: bool
) -> None:
    cpuinfo = tmp_path / "cpuinfo"
    cpuinfo.write_text(f"processor\t: 0\nmodel name\t: amx_tile\nflags\t\t: {flags}\nbugs\t:\n")
    assert hardware.has_fast_bfloat16(cpuinfo) is fast


def test_bfloat16_is_slow_where_the_system_does_not_tell(tmp_path: Path) -> None:
    assert not hardware.has_fast_bfloat16(tmp_path / "missing")


def test_it_agrees_with_torch() -> None:
    from membrowse.encoding import torch_model

    assert hardware.has_fast_bfloat16() == torch_model.has_fast_bfloat16("cpu")
    assert hardware.has_accelerator() or torch_model.best_device() == "cpu"


@pytest.mark.parametrize(
    ("build", "device", "expected"),
    [("2.9.0+cpu", True, False), ("2.9.0+cu128", False, False), ("2.9.0", True, True)],
)
def test_a_gpu_needs_a_device_and_a_build_of_torch_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, build: str, device: bool, expected: bool
) -> None:
    if device:
        (tmp_path / "gpu").touch()
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(hardware, "version", {"torch": build}.__getitem__)
    monkeypatch.setattr(hardware, "_GPU_DEVICES", (str(tmp_path / "gpu"),))
    assert hardware.has_accelerator() is expected
