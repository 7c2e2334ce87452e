"""The ONNX export is made once, privately and whole, and never used after it was changed."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from membrowse.encoding.model_files import ModelFiles
from membrowse.encoding.onnx_export import ExportFailed, ensure_export, export_path
from membrowse.encoding.resident_encoder import ResidentEncoder
from tests.conftest import ExportedEncoder


@pytest.fixture
def no_more_exports(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("an export was made again")

    monkeypatch.setattr("subprocess.run", refuse)


def test_it_is_readable_by_its_owner_only_and_leaves_no_other_files(
    exported_encoder: ExportedEncoder,
) -> None:
    files, export, home = exported_encoder
    assert export == export_path(files, home / "cache")
    assert files.revision[:16] in export.parent.name
    assert {path.name for path in export.parent.iterdir()} == {
        *("model.onnx", "model.weights", "seal.json", "seen.json")
    }
    assert {path.suffix for path in export.parent.parent.iterdir()} >= {".lock"}
    for path in (home / "cache" / "exports").rglob("*"):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.usefixtures("no_more_exports")
def test_it_is_made_once(exported_encoder: ExportedEncoder) -> None:
    assert ensure_export(exported_encoder.files, exported_encoder.home / "cache") == (
        exported_encoder.export
    )


@pytest.mark.usefixtures("no_more_exports")
@pytest.mark.parametrize("name", ["model.onnx", "model.weights"])
def test_a_changed_file_is_exported_again(
    exported_encoder: ExportedEncoder, tmp_path: Path, name: str
) -> None:
    cache = tmp_path / "cache"
    copy = export_path(exported_encoder.files, cache)
    shutil.copytree(exported_encoder.export.parent, copy.parent)
    assert ensure_export(exported_encoder.files, cache) == copy
    with copy.with_name(name).open("r+b") as file:
        file.seek(1000)
        file.write(b"changed")
    with pytest.raises(AssertionError, match="made again"):
        ensure_export(exported_encoder.files, cache)


def test_other_weights_have_a_separate_export(files: ModelFiles, tmp_path: Path) -> None:
    other = dataclasses.replace(files, revision="f" * 64)
    assert export_path(other, tmp_path) != export_path(files, tmp_path)


def test_a_failed_export_is_reported_with_the_reason(
    tiny_files: ModelFiles, tmp_path: Path
) -> None:
    (tmp_path / "broken").mkdir()
    files = dataclasses.replace(tiny_files, directory=tmp_path / "broken", name="broken")
    with pytest.raises(ExportFailed, match=r"broken cannot be exported to ONNX: .*lacks config"):
        ensure_export(files, tmp_path / "cache")
    left = [path.name for path in (tmp_path / "cache" / "exports").iterdir()]
    assert left == [f"{export_path(files, tmp_path).parent.name}.lock"]


EXPORTING = """
import sys
from pathlib import Path
from membrowse.encoding.onnx_export import ensure_export
from membrowse.encoding.model_files import locate
from membrowse.settings import EncoderSettings
ensure_export(locate(EncoderSettings(model=sys.argv[1])), Path(sys.argv[2]))
"""


def test_an_export_ends_with_its_parent_process(
    tiny: Path, tiny_files: ModelFiles, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", EXPORTING, str(tiny), str(tmp_path)]
    with subprocess.Popen(command) as parent:
        process = psutil.Process(parent.pid)
        children: list[psutil.Process] = []
        while not children and parent.poll() is None:
            time.sleep(0.01)
            children = process.children()
        parent.kill()
    (child,) = children
    _, alive = psutil.wait_procs([child], timeout=60)
    assert not alive
    assert not Path(f"{export_path(tiny_files, tmp_path).parent}.part", "model.onnx").exists()


def test_a_killed_export_is_made_again_and_unused_ones_go(
    files: ModelFiles, tmp_path: Path
) -> None:
    command = [sys.executable, "-c", EXPORTING, files.model, str(tmp_path)]
    target = export_path(files, tmp_path)
    partial = Path(f"{target.parent}.part")
    with subprocess.Popen(command) as parent:
        while not partial.exists() and parent.poll() is None:
            time.sleep(0.01)
        parent.kill()
    assert not target.exists()
    unused, other = target.parent.with_name("unused"), target.parent.with_name("other.part")
    unused.mkdir()
    other.mkdir()
    os.utime(unused, (0, 0))
    assert ensure_export(files, tmp_path) == target
    assert other.exists() and not unused.exists()
    assert ResidentEncoder(files, target).query("port").vector.shape == (384,)
    assert not partial.exists()
