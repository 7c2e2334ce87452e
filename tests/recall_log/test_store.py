"""The recall log's file: bounds, selections, damage, forgetting."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from membrowse.recall_log.store import FILE, Bounds, RecallStore, Selection
from membrowse.wire.recalls import Recall, RecallHit

NOW = datetime.now(UTC)


def recall(number: int, *, days: float = 0.0, query: str = "", **fields: object) -> Recall:
    at = NOW - timedelta(days=days) + timedelta(seconds=number)
    given = tuple(RecallHit(path="a.md", score=0.5) for _ in range(number % 3))
    return Recall(
        id=f"{number:04}",
        at=at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        agent="even" if number % 2 == 0 else "odd",
        query=query or f"question {number}",
        **{"given": given, **fields},  # type: ignore[arg-type]
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RecallStore]:
    store = RecallStore(tmp_path / FILE, Bounds(recalls=100, days=400))
    yield store
    store.close()


def ids(recalls: list[Recall]) -> list[str]:
    return [each.id for each in recalls]


def test_a_recall_comes_back_as_it_was_and_is_added_once(store: RecallStore) -> None:
    hit = RecallHit(path="notes/a.md", start_line=3, end_line=9, score=0.41, chunk="c1")
    whole = recall(1, given=(hit,), rankings={"keyword": (hit,)}, k=6, min_score=0.35)
    assert store.add([whole, recall(2)]) == [whole, recall(2)]
    assert store.add([whole, recall(3)]) == [recall(3)]
    assert store.get("0001") == [whole]
    assert ids(store.get("000")) == ["0001", "0002"]


def test_a_recall_with_more_hits_replaces_the_one_with_its_id(store: RecallStore) -> None:
    few, more = recall(1), recall(1, given=(RecallHit(path="a.md"), RecallHit(path="b.md")))
    assert store.add([few, more]) == [more]
    assert store.add([few]) == [] == store.add([more])
    assert store.newest(limit=9) == [more]


def test_only_the_owner_can_read_it(store: RecallStore, tmp_path: Path) -> None:
    store.add([recall(1)])
    modes = {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.glob(f"{FILE}*")}
    assert modes == {0o600}


def test_pages_go_on_where_the_last_one_ended(store: RecallStore) -> None:
    store.add([recall(number) for number in range(10)])
    first = store.newest(limit=4)
    assert ids(first) == ["0009", "0008", "0007", "0006"]
    assert ids(store.newest(before="0006", limit=4)) == ["0005", "0004", "0003", "0002"]
    assert ids(store.oldest(after="0006", limit=9)) == ["0007", "0008", "0009"]


def test_selections_combine(store: RecallStore) -> None:
    store.add([recall(number, query=f"Straße {number}") for number in range(9)])
    assert ids(store.newest(Selection(agent="odd", text="STRASSE 3"), limit=9)) == ["0003"]
    assert ids(store.newest(Selection(empty=True), limit=9)) == ["0006", "0003", "0000"]
    since = recall(7).at
    assert ids(store.newest(Selection(since=since), limit=9)) == ["0008", "0007"]
    assert store.counts(Selection(agent="even")).total == 5
    assert store.agents() == {"even": 5, "odd": 4}


def test_counts_are_by_day(store: RecallStore) -> None:
    store.add([recall(0), recall(1, cut_by_score=2), recall(3, days=2, cut_by_score=1)])
    counts = store.counts()
    assert (counts.total, counts.empty, counts.cut) == (3, 2, 2)
    assert [day.recalls for day in counts.days] == [1, 2]


def test_the_oldest_go_first(tmp_path: Path) -> None:
    store = RecallStore(tmp_path / FILE, Bounds(recalls=3, days=30))
    store.add([recall(number) for number in range(5)])
    assert ids(store.oldest(limit=9)) == ["0002", "0003", "0004"]
    assert store.expired(recall(6, days=31)) and not store.expired(recall(6, days=29))
    store.close()
    reopened = RecallStore(tmp_path / FILE, Bounds(recalls=2, days=30))
    assert ids(reopened.oldest(limit=9)) == ["0003", "0004"]
    reopened.close()


def test_what_is_forgotten_leaves_no_byte(store: RecallStore, tmp_path: Path) -> None:
    store.add([recall(1, query="the secret is swordfish"), recall(2)])
    assert store.forget(Selection(text="Swordfish")) == 1
    assert ids(store.newest(limit=9)) == ["0002"]
    assert all(b"swordfish" not in file.read_bytes() for file in tmp_path.glob(f"{FILE}*"))


@pytest.mark.parametrize("where", [0, 8192])
def test_a_damaged_file_is_set_aside_and_reported(tmp_path: Path, where: int) -> None:
    path = tmp_path / FILE
    store = RecallStore(path, Bounds())
    store.add([recall(number) for number in range(60)])
    store.close()
    content = bytearray(path.read_bytes())
    content[where : where + 3000] = b"\xff" * 3000
    path.write_bytes(content)
    again = RecallStore(path, Bounds())
    again.add([recall(100)])
    assert again.newest(limit=99)[0].id == "0100"
    assert "set aside as" in again.problem
    aside = path.with_name(f"{FILE}.damaged")
    assert aside.read_bytes()[-4000:] == content[-4000:]
    assert again.forget(Selection(text="swordfish")) == 0
    assert not aside.exists(), "it may contain what is to be forgotten"
    assert again.problem == ""
    again.close()


def test_a_damaged_row_is_left_out(store: RecallStore) -> None:
    store.add([recall(1), recall(2)])
    store._run(lambda each: each.execute("UPDATE recalls SET record = x'00' WHERE id = '0001'"))
    assert ids(store.newest(limit=9)) == ["0002"]


def test_without_a_writable_file_it_is_kept_in_memory(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = RecallStore(tmp_path / "file" / FILE, Bounds())
    store.add([recall(1)])
    assert ids(store.newest(limit=9)) == ["0001"]
    assert "in memory" in store.problem
    store.close()
