"""The copy of the demo memory: complete, updated by releases, never against the person."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse import paths
from membrowse.cli import demo_log, demo_memory
from membrowse.recall_log.foreign_log import ForeignLog
from membrowse.recall_log.store import Selection
from membrowse.wire.engine import StatesRequest
from membrowse.wire.recalls import Recall, RecallFlag, RecallsRequest
from tests.standin.engine import StandIn


@pytest.fixture
def release(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    source = tmp_path / "release"
    (source / "logs").mkdir(parents=True)
    (source / "MEMORY.md").write_text("one")
    (source / "logs" / "day.md").write_text("day one")
    monkeypatch.setattr(demo_memory, "released", lambda _name: source)
    return source


def updated() -> Path:
    return demo_memory.update(lambda _: None)


def test_the_released_demo_is_copied_whole() -> None:
    copy = updated()
    assert (copy / "MEMORY.md").read_bytes()
    assert len(list(copy.rglob("*.md"))) >= 80
    assert copy == paths.data_dir() / "demo-memory"


def test_a_first_copy_says_where_it_is(release: Path) -> None:
    said: list[str] = []
    copy = demo_memory.update(said.append)
    demo_memory.update(said.append)
    assert [str(copy) in line for line in said] == [True]


def test_a_release_adds_and_updates_what_the_person_left_alone(release: Path) -> None:
    copy = updated()
    (release / "MEMORY.md").write_text("two")
    (release / "new.md").write_text("new")
    updated()
    assert (copy / "MEMORY.md").read_text() == "two"
    assert (copy / "new.md").read_text() == "new"


def test_what_the_person_edited_stays_over_releases(release: Path) -> None:
    copy = updated()
    (copy / "MEMORY.md").write_text("mine")
    for text in ("two", "three"):
        (release / "MEMORY.md").write_text(text)
        updated()
        assert (copy / "MEMORY.md").read_text() == "mine"


def test_what_the_person_deleted_stays_deleted(release: Path) -> None:
    copy = updated()
    (copy / "logs" / "day.md").unlink()
    (copy / "logs").rmdir()
    updated()
    assert not (copy / "logs").exists()


def test_what_the_person_wrote_is_not_overwritten_by_a_new_file(release: Path) -> None:
    copy = updated()
    (copy / "mine.md").write_text("mine")
    (release / "mine.md").write_text("theirs")
    updated()
    assert (copy / "mine.md").read_text() == "mine"


def test_a_link_is_the_persons_and_not_written_through(release: Path, tmp_path: Path) -> None:
    copy = updated()
    elsewhere = tmp_path / "elsewhere.md"
    elsewhere.write_text("one")
    (copy / "MEMORY.md").unlink()
    (copy / "MEMORY.md").symlink_to(elsewhere)
    (release / "MEMORY.md").write_text("two")
    updated()
    assert elsewhere.read_text() == "one"


def test_a_copy_that_was_thrown_away_is_made_again(release: Path) -> None:
    copy = updated()
    for file in copy.rglob("*.md"):
        file.unlink()
    (copy / "logs").rmdir()
    copy.rmdir()
    assert (updated() / "logs" / "day.md").read_text() == "day one"


def test_nothing_is_written_when_nothing_changed(release: Path) -> None:
    copy = updated()
    before = {path: path.stat().st_mtime_ns for path in copy.parent.rglob("*")}
    updated()
    assert {path: path.stat().st_mtime_ns for path in copy.parent.rglob("*")} == before


def demo_recalls() -> list[Recall]:
    log = ForeignLog(folders=("/memory",))
    lines = (updated() / demo_memory.RECALLS).read_bytes().splitlines()
    found = [each for line in lines for each in log.feed(line)]
    assert not log.bad
    return [each for each in found if isinstance(each, Recall)]


def test_the_demo_has_recalls_over_months_that_name_its_notes() -> None:
    recalls = demo_recalls()
    assert len(recalls) >= 60 and len({each.at[:7] for each in recalls}) >= 6
    assert len({each.agent for each in recalls}) >= 2
    assert sum(not each.given for each in recalls) >= 3, "some are empty"
    assert sum(each.cut > 0 for each in recalls) >= 5, "of some, the cut removed hits"
    notes = {hit.path for each in recalls for hit in each.given}
    gone = {path for path in notes if not (demo_memory.home() / path).is_file()}
    assert gone and len(gone) < 6 and len(notes) > 30


async def test_the_demo_log_is_filled_once(
    monkeypatch: pytest.MonkeyPatch, engine: StandIn
) -> None:
    del engine.replies[StatesRequest]
    folder = updated()
    await demo_log.import_recalls(folder)
    filled = await engine.ask(RecallsRequest(limit=200))
    assert filled.total == len(demo_recalls())
    assert {RecallFlag.EMPTY, RecallFlag.CUT, RecallFlag.STALE} <= {
        flag for each in filled.recalls for flag in each.flags
    }
    engine.components.recalls.store.forget(Selection(id=filled.recalls[0].id))
    await demo_log.import_recalls(folder)
    assert (await engine.ask(RecallsRequest())).total == filled.total - 1
