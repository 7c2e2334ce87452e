"""Nothing is loaded from a folder of notes or the working directory, whatever lies there."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import membrowse
from membrowse import interpreter, paths
from membrowse.engine.indexing.encoding_run import BULK_THRESHOLD

ROOT = Path(membrowse.__file__).parents[1]
STARTUP = ("sitecustomize", "usercustomize")
PROGRAM = "import sys; from membrowse.__main__ import main; sys.exit(main())"
"""What the installed script `membrowse` contains."""


def plant(folder: Path, marker: Path) -> None:
    """Leave a module for every import of ours; each that is loaded adds its name to `marker`."""
    names = {*sys.stdlib_module_names, *packages_distributions(), *STARTUP}
    code = f"open({str(marker)!r}, 'a').write(__name__ + '\\n')\nraise RuntimeError(__name__)\n"
    for number, name in enumerate(sorted(name for name in names if name.isidentifier())):
        if number % 2:
            (folder / f"{name}.py").write_text(code)
        else:
            (folder / name).mkdir()
            (folder / name / "__init__.py").write_text(code)
    (folder / ".env").write_text("CHROMA_API_IMPL=json.decoder\nIS_PERSISTENT=nonsense\n")
    for name in ("pyproject.toml", "setup.cfg", "pyvenv.cfg", "config.toml", "tunings.json"):
        (folder / name).write_text("[[[ not a configuration")


@pytest.fixture
def hostile(folder: Path, tmp_path: Path) -> Path:
    """A folder of notes with planted modules; the marker is `loaded` beside it."""
    plant(folder, tmp_path / "loaded")
    (folder / "long.md").write_text(
        "# Long\n\n" + "".join(f"## Part {n}\n\nText of part {n}.\n\n" for n in range(120))
    )
    return folder


def membrowse_in(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the program as its installed script does, with `folder` as the working directory."""
    command = [sys.executable, "-P", "-c", PROGRAM, *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_no_command_and_no_child_loads_what_lies_in_the_folder(
    hostile: Path, home: Path, tmp_path: Path
) -> None:
    (home / "cache").unlink()  # so that the encoder is exported, too
    try:
        for command in (
            ("index", "."),
            ("search", "which port?", "--json"),
            ("why", "which port?", "ports.md"),
            ("tokens", "which port?"),
            ("status",),
            ("doctor",),
        ):
            done = membrowse_in(hostile, *command)
            assert done.returncode == 0, (command, done.stderr)
    finally:
        membrowse_in(hostile, "engine", "stop")
    log = paths.log_file(hostile).read_text()
    encoded = re.search(r"encoding (\d+) chunks", log)
    assert encoded is not None
    assert int(encoded[1]) > BULK_THRESHOLD
    assert "the bulk encoder died" not in log
    assert not (tmp_path / "loaded").exists(), (tmp_path / "loaded").read_text()


def test_a_served_engine_loads_nothing_from_its_working_directory(
    hostile: Path, tmp_path: Path
) -> None:
    command = [sys.executable, "-P", "-c", PROGRAM, "serve", "."]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=hostile, env=environment, stderr=subprocess.PIPE) as served:
        assert served.stderr is not None
        assert b"membrowse" in served.stderr.readline()
        done = membrowse_in(hostile, "search", "which port?", "--wait")
        served.send_signal(signal.SIGTERM)
        served.stderr.read()
    assert (done.returncode, served.returncode) == (0, 0), done.stderr
    assert not (tmp_path / "loaded").exists(), (tmp_path / "loaded").read_text()


def test_a_child_ignores_an_empty_entry_of_pythonpath(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(hostile)
    monkeypatch.setenv("PYTHONPATH", os.pathsep)
    done = interpreter.run("membrowse.engine.health.doctor", folder=hostile)
    assert b"not indexed" in done.stdout, done.stderr


def test_python_m_imports_nothing_of_ours_from_the_working_directory(tmp_path: Path) -> None:
    for name in ("platformdirs", "msgspec", "httpx", "typer", "rich", "chromadb"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError(__name__)")
    done = subprocess.run(
        [sys.executable, "-m", "membrowse", "config", "show"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_a_child_keeps_absolute_entries_of_pythonpath_and_its_own_home(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", ".", "relative", "/absolute"]))
    monkeypatch.setenv("MEMBROWSE_HOME", "home")
    environment = interpreter.environment()
    kept = environment["PYTHONPATH"].split(os.pathsep)
    assert kept[0] == "/absolute"
    assert all(entry.startswith("/") for entry in kept)
    assert environment["MEMBROWSE_HOME"] == str(tmp_path / "home")


def test_one_module_starts_this_python() -> None:
    """Every other child would have to remember the isolation."""
    package = ROOT / "membrowse"
    mentions = [
        file.relative_to(package).as_posix()
        for file in package.rglob("*.py")
        if "sys.executable" in file.read_text()
    ]
    assert mentions == ["interpreter.py"]
