"""The file of pins: whatever it holds, no line of it is ever lost."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import msgspec
import pytest

from membrowse import paths
from membrowse.engine.errors import Unknown
from membrowse.engine.handlers.pins import PASSAGE_CHARACTERS, pin_passage
from membrowse.engine.pins.pin_file import PinFile, parse, place_of
from membrowse.notes.chunk import Chunk
from membrowse.wire.pins import Pin, pin_line
from membrowse.wire.search import Filters

DEMO = Path(__file__).parents[2] / "assets" / "demo-memory" / "golden.jsonl"
FOLDER = Path("/notes")


@pytest.fixture(autouse=True)
def home() -> None:
    """No engine runs here, and so none needs a home."""


def test_the_demos_file_has_55_pins() -> None:
    golden = parse(DEMO.read_bytes(), FOLDER)
    assert (len(golden.pins), golden.problems) == (55, ())
    assert golden.pins[0].path == "logs/2026-10-06.md"
    assert golden.lines["g03"] == 3


def test_bad_lines_are_told_with_their_number_and_the_others_used() -> None:
    content = b"\n".join(
        (
            b'\xef\xbb\xbf{"query": "a", "path": "./x.md", "owner": "me", "id": 7}',
            b"",
            b'{"query": "a"}',
            b'{"query": "a", "path": "x.md", "k": 0}',
            b'{"query": "a", "path": "x.md", "syntax": "odd"}',
            b'{"query": " ", "path": "x.md"}',
            b'{"query": "\xff", "path": "x.md"}',
            b"[" * 100_000,
            b'["a"]',
            b'{"query": "a", "path": "x.md", "filters": {"after": "soon"}}',
            b'{"query": "b", "path": "y.md", "filters": {"tag": "ops"}, "k": 1, "text": "t", '
            b'"syntax": "operators"}\r',
        )
    )
    golden = parse(content, FOLDER)
    assert [(pin.id, pin.path) for pin in golden.pins[:1]] == [("7", "x.md")]
    assert golden.pins[1].id.startswith("p-")
    assert (golden.pins[1].k, golden.pins[1].syntax) == (1, "operators")
    assert golden.pins[1].filters == Filters(tag="ops")
    assert b'"filters":{"tag":"ops"}' in pin_line(golden.pins[1])
    assert b"filters" not in pin_line(golden.pins[0])
    told = [problem.split(":")[0] for problem in golden.problems]
    assert told == [f"line {number}" for number in (3, 4, 5, 6, 7, 8, 9, 10)]
    assert "path" in golden.problems[0]


def test_lines_that_another_program_appends_meanwhile_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    count = 60
    pins = [Pin(id=f"mine{n}", query="a", path="x.md", text="", k=5) for n in range(count)]
    path.write_bytes(b"".join(pin_line(pin) + b"\n" for pin in pins))

    def append() -> None:
        for n in range(count):
            with path.open("ab") as file:
                file.write(b'{"id": "theirs%d", "query": "a", "path": "x.md"}\n' % n)

    writer = threading.Thread(target=append)
    writer.start()
    file = PinFile(path, tmp_path)
    removers = [threading.Thread(target=file.remove, args=(pin.id,)) for pin in pins]
    for remover in removers:
        remover.start()
    for thread in (writer, *removers):
        thread.join()
    assert sorted(file.read().lines) == sorted(f"theirs{n}" for n in range(count))


def test_ids_are_unique_and_those_that_are_made_up_stay() -> None:
    line = b'{"query": "a", "path": "x.md"}'
    same = b'{"id": "g", "query": "a", "path": "x.md"}'
    first = parse(b"\n".join((line, same, same, line)), FOLDER)
    assert [pin.id for pin in first.pins[1:3]] == ["g", "g (2)"]
    assert first.pins[3].id == f"{first.pins[0].id} (2)"
    moved = parse(b"\n\n" + line, FOLDER)
    assert moved.pins[0].id == first.pins[0].id


@pytest.mark.parametrize("text", ["", "a passage", 'quotes " and \\ and \n lines', "日本語"])
def test_a_line_that_is_written_reads_as_the_same_pin(text: str) -> None:
    pin = Pin(id="g1", query="which?", path="é.md", text=text, k=3, syntax="operators")
    assert parse(pin_line(pin), FOLDER).pins == (pin,)
    assert b"\n" not in pin_line(pin)


def test_adding_and_removing_keep_every_other_byte(tmp_path: Path) -> None:
    path = tmp_path / "golden.jsonl"
    before = (
        b'\xef\xbb\xbf{"query": "a",  "path": "x.md", "mine": [1, 2]}\r\nnot json\n\n'
        b'{"id": "z", "query": "b", "path": "y.md"}'
    )
    path.write_bytes(before)
    path.chmod(0o640)
    file = PinFile(path, tmp_path)
    stamp = file.stamp()
    pin = Pin(id="new", query="c", path="z.md", text="t")
    file.append(pin)
    assert file.stamp() != stamp
    assert path.read_bytes() == before + b"\n" + pin_line(pin) + b"\n"
    file.remove("z")
    lines = before.split(b"\n")[:-1]
    assert path.read_bytes() == b"\n".join((*lines, pin_line(pin), b""))
    file.remove("new")
    assert path.read_bytes() == b"\n".join((*lines, b""))
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["golden.jsonl"]
    with pytest.raises(Unknown, match="nobody"):
        file.remove("nobody")


def test_the_first_pin_makes_the_file_for_its_owner_only(tmp_path: Path) -> None:
    file = PinFile(tmp_path / "golden.jsonl", tmp_path)
    assert (file.stamp(), file.read().pins, file.read().problems) == (None, (), ())
    file.append(Pin(id="a", query="q", path="p.md"))
    assert json.loads(file.path.read_text()) == {"id": "a", "query": "q", "path": "p.md", "k": 5}
    assert file.path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("planted", ["link", "hard link", "link above", "fifo"])
def test_a_file_elsewhere_is_neither_read_nor_written(tmp_path: Path, planted: str) -> None:
    folder, outside = tmp_path / "notes", tmp_path / "home"
    folder.mkdir()
    outside.mkdir()
    profile = outside / "golden.jsonl"
    profile.write_bytes(before := pin_line(Pin(id="a", query="$(touch X)", path="p.md")) + b"\n")
    path = folder / "golden.jsonl"
    if planted == "link above":
        (folder / "pins").symlink_to(outside)
        path = folder / "pins" / "golden.jsonl"
    elif planted == "link":
        path.symlink_to(profile)
    elif planted == "hard link":
        path.hardlink_to(profile)
    else:
        os.mkfifo(path)
    file = PinFile(path, folder)
    assert file.read().pins == ()
    (problem,) = file.read().problems
    assert problem.startswith(f"{path}: ")
    assert "link" in problem or "several names" in problem or "not a regular file" in problem
    with pytest.raises(OSError, match="golden.jsonl: "):
        file.append(Pin(id="b", query="q", path="p.md"))
    with pytest.raises(OSError, match="golden.jsonl: "):
        file.remove("a")
    assert profile.read_bytes() == before


def test_what_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    golden = PinFile(tmp_path, tmp_path.parent).read()
    assert golden.pins == ()
    assert str(tmp_path) in golden.problems[0]


def chunk(text: str) -> Chunk:
    return Chunk(
        id=text,
        path="a.md",
        position=0,
        title="",
        headings=(),
        tags=(),
        date="",
        header="",
        text=text,
        start_line=1,
        end_line=1,
        start_offset=0,
        end_offset=len(text),
    )


def test_a_pin_remembers_a_line_that_no_other_chunk_has() -> None:
    here = chunk("# Staging\n\nPort 22 was closed.\n\nSsh listens on port 2222 now.\n")
    twin = chunk("Ssh  listens on PORT 2222 now.")
    assert pin_passage(here, (), "which port has ssh?") == "Ssh listens on port 2222 now."
    assert pin_passage(here, (twin,), "which port has ssh?") == "Port 22 was closed."
    assert pin_passage(here, (), "") == "Port 22 was closed."
    long = pin_passage(chunk("word " * 100), (), "word")
    assert len(long) <= PASSAGE_CHARACTERS
    assert long.endswith("word")


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("decisions/ssh.md", "decisions/ssh.md"),
        ("./decisions/ssh.md", "decisions/ssh.md"),
        ("/notes/decisions/ssh.md", "decisions/ssh.md"),
        ("/notes/./logs/../decisions/ssh.md", "decisions/ssh.md"),
        ("/notes-of-others/ssh.md", "/notes-of-others/ssh.md"),
    ],
)
def test_a_path_may_be_absolute(written: str, path: str) -> None:
    content = msgspec.json.encode({"query": "which port?", "path": written})
    assert [pin.path for pin in parse(content, FOLDER).pins] == [path]


def test_pins_are_beside_the_index_unless_the_folder_has_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MEMBROWSE_HOME", str(tmp_path / "home"))
    folder = tmp_path / "notes"
    folder.mkdir()
    own = paths.pin_file(folder)
    assert place_of(folder, "").path == own
    assert own.parent == paths.index_dir(folder).parent and folder not in own.parents
    (folder / "golden.jsonl").write_text("")
    assert place_of(folder, "").path == folder / "golden.jsonl"
    assert place_of(folder, "tests/pins.jsonl").path == folder / "tests" / "pins.jsonl"
    assert place_of(folder, str(tmp_path / "p.jsonl")).path == tmp_path / "p.jsonl"
