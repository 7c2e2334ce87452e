"""`crowding`: who has the first places."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from membrowse.presentation.crowding import crowding_lines
from membrowse.presentation.lines import cells, plain
from membrowse.wire.crowding import Crowding, CrowdingRequest, CrowdingSource, PlaceShare
from membrowse.wire.engine import ReindexRequest
from membrowse.wire.pins import Pin, PinsRequest, pin_line
from membrowse.wire.recalls import Recall, RecallHit
from membrowse.wire.search import RERANKED, Filters, SearchRequest
from tests.cli.conftest import Program
from tests.standin.corpus import PINS
from tests.standin.engine import StandIn

QUERY = "which port does staging ssh use?"
PORT = "Staging ssh listens on port 2222 behind the bastion since the firewall was replaced.\n"


def test_the_places_of_a_query_are_counted(program: Program, folder: Path, engine: StandIn) -> None:
    ran = program("crowding", QUERY, "--folder", folder, "--json")
    found = json.loads(ran.out)
    assert (ran.status, found["lists"], found["places"], found["k"]) == (0, 1, 5, 5)
    for kind in ("folders", "notes"):
        assert sum(each["places"] for each in found[kind]) == 5
        assert sum(each["share"] for each in found[kind]) == pytest.approx(1.0)
    text = program("crowding", QUERY, "--folder", folder, "-k", "3").out
    assert "the top 3 of the query: 3 places" in text
    assert "FOLDER" in text and "of the chunks" in text
    filtered = ("crowding", QUERY, "--folder", folder, "--root", "runbooks")
    assert "the top 5 of the query, only root:runbooks: " in program(*filtered).out
    (only,) = json.loads(program(*filtered, "--json").out)["folders"]
    assert (only["share"], only["chunk_share"]) == (1.0, 1.0), "of the chunks that pass"


@pytest.mark.parametrize("source", ["--pins", "--log"])
def test_without_pins_or_recalls_nothing_has_a_place(
    program: Program, folder: Path, engine: StandIn, source: str
) -> None:
    ran = program("crowding", source, "--folder", folder, "--json")
    assert (ran.status, json.loads(ran.out)["places"]) == (1, 0)


def shares(found: tuple[PlaceShare, ...]) -> dict[str, tuple[int, int]]:
    """Places, and the lists that they are in, by name."""
    return {each.name: (each.places, each.lists) for each in found}


async def test_the_places_of_pins_are_those_of_their_queries() -> None:
    filtered = Pin(id="f", query=QUERY, path="logs/a.md", filters=Filters(path="logs/*"))
    lines = PINS["golden.jsonl"] + pin_line(filtered).decode() + "\n"
    engine = StandIn(others={"golden.jsonl": lines})
    expected: Counter[str] = Counter()
    pins = [result.pin for result in (await engine.ask(PinsRequest())).results]
    for pin in pins:
        request = SearchRequest(text=pin.query, filters=pin.filters)
        *_, response = [each async for each in engine.stream(request)]
        expected.update(hit.path for hit in response.rankings[RERANKED].hits[:3])
    found = await engine.ask(CrowdingRequest(source=CrowdingSource.PINS, k=3))
    assert (found.lists, found.places, found.k) == (5, 15, 3)
    assert {name: places for name, (places, _) in shares(found.notes).items()} == expected
    assert shares(found.notes)[expected.most_common(1)[0][0]][1] > 1
    folders: Counter[str] = Counter()
    for path, places in expected.items():
        folders["".join(path.rpartition("/")[:2])] += places
    assert {name: places for name, (places, _) in shares(found.folders).items()} == folders


async def test_the_places_of_the_log_are_what_agents_got_wherever_it_is_today() -> None:
    engine = StandIn(
        files={
            "ops/port.md": f"# Port\n\n{PORT}",
            "ops/copy.md": f"# Port\n\n{PORT.replace('2222', '22')}",
            "soup.md": "# Soup\n\nGood soup.\n",
            "gone.md": "# Gone\n\nIt goes.\n",
        }
    )
    port, copy, soup, gone = (
        RecallHit(path=path, chunk=engine.chunk(path))
        for path in ("ops/port.md", "ops/copy.md", "soup.md", "gone.md")
    )
    by_path = RecallHit(path="ops/port.md")
    given = [(port, copy, soup), (by_path, gone), (RecallHit(path="../out.md"),), ()]
    engine.components.recalls.add(
        [
            Recall(
                id=f"{n:016x}",
                at="2026-07-01T08:00:00.000Z",
                agent="ada",
                query="port",
                given=hits,
            )
            for n, hits in enumerate(given)
        ]
    )
    (engine.components.folder / "gone.md").unlink()
    await engine.ask(ReindexRequest())
    engine.edit("soup.md", "# Soup\n\nGood soup, and bread.\n")
    found = await engine.ask(CrowdingRequest(source=CrowdingSource.LOG))
    assert (found.k, found.lists, found.places, found.gone) == (None, 2, 4, 2)
    assert shares(found.notes) == {"ops/port.md": (2, 2), "ops/copy.md": (1, 1), "soup.md": (1, 1)}
    assert shares(found.folders) == {"ops/": (3, 2), "": (1, 1)}
    assert [each.share for each in found.folders] == [0.75, 0.25]
    assert [each.chunk_share for each in found.folders] == pytest.approx([2 / 3, 1 / 3])
    assert (found.near_duplicates, found.near_duplicate_share) == (1, 0.25)


@pytest.mark.parametrize("arguments", [(), (QUERY, "--pins"), ("--pins", "--log")])
def test_one_source_is_named(
    program: Program, folder: Path, engine: StandIn, arguments: tuple[str, ...]
) -> None:
    ran = program("crowding", *arguments, "--folder", folder)
    assert (ran.status, "one of QUERY, --pins and --log" in ran.err) == (2, True)


@pytest.mark.parametrize("arguments", [("--pins", "--root", "a"), ("--log", "-k", "3")])
def test_what_a_source_does_not_use_is_refused(
    program: Program, folder: Path, engine: StandIn, arguments: tuple[str, ...]
) -> None:
    ran = program("crowding", *arguments, "--folder", folder)
    assert (ran.status, "have their own" in ran.err or "has its own" in ran.err) == (2, True)


async def test_near_duplicates_of_a_better_hit_are_counted() -> None:
    engine = StandIn(
        files={
            "a.md": f"# Port\n\n{PORT}",
            "old/a.md": f"# Port\n\n{PORT.replace('2222', '22')}",
            "b.md": "# Soup\n\nThe port serves good soup to the staging crew.\n",
        }
    )
    crowding = await engine.ask(CrowdingRequest(source=CrowdingSource.QUERY, text=QUERY, k=3))
    assert (crowding.places, crowding.near_duplicates) == (3, 1)
    assert crowding.near_duplicate_share == pytest.approx(1 / 3)


def test_lines_fit_and_say_what_is_gone() -> None:
    share = PlaceShare(name="", places=1, share=0.2, chunk_share=0.001, lists=1)
    long = PlaceShare(name="a/" * 60, places=4, share=0.8, chunk_share=0.5, lists=2)
    wide = PlaceShare(name="root/メモ.md", places=1, share=0.2, chunk_share=0.5, lists=1)
    deep = PlaceShare(name=f"root/{'a' * 60}.md", places=4, share=0.8, chunk_share=0.5, lists=2)
    root = PlaceShare(name="root", places=5, share=1.0, chunk_share=0.5, lists=2)
    crowding = Crowding(
        source=CrowdingSource.LOG,
        k=None,
        lists=2,
        places=5,
        gone=3,
        roots=(root,),
        folders=(long, share),
        notes=(deep, wide),
    )
    lines = list(crowding_lines(crowding, 80))
    text = "\n".join(map(plain, lines))
    assert "what agents got in 2 recalls with hits: 5 places" in text
    assert "3 hits of notes that are gone" in text
    assert "(top)" in text and "<1%" in text
    assert "root/…aaa" in text, "of a long path, the root stays"
    assert len({cells(line) for line in lines if "%" in plain(line) and line[0].text != " "}) == 1
