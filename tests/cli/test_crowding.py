"""`crowding`: who has the first places."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from membrowse.presentation.crowding import crowding_lines
from membrowse.presentation.lines import cells, plain
from membrowse.wire.crowding import Crowding, CrowdingRequest, CrowdingSource, PlaceShare
from tests.cli.conftest import Program
from tests.standin.engine import StandIn

QUERY = "which port does staging ssh use?"
PORT = "Staging ssh listens on port 2222 behind the bastion since the firewall was replaced.\n"


@pytest.mark.parametrize("source", [QUERY, "--pins", "--log"])
def test_places_are_counted(program: Program, folder: Path, engine: StandIn, source: str) -> None:
    ran = program("crowding", source, "--folder", folder, "--json")
    found = json.loads(ran.out)
    assert ran.status == (0 if found["places"] else 1)
    assert sum(note["places"] for note in found["notes"]) == found["places"]
    for kind in ("folders", "notes"):
        assert sum(each["share"] for each in found[kind]) == pytest.approx(bool(found["places"]))
    if source == QUERY:
        assert (found["lists"], found["places"], found["k"]) == (1, 5, 5)
        text = program("crowding", source, "--folder", folder, "-k", "3").out
        assert "the top 3 of the query: 3 places" in text
        assert "FOLDER" in text and "of the chunks" in text


@pytest.mark.parametrize("arguments", [(), (QUERY, "--pins"), ("--pins", "--log")])
def test_one_source_is_named(
    program: Program, folder: Path, engine: StandIn, arguments: tuple[str, ...]
) -> None:
    ran = program("crowding", *arguments, "--folder", folder)
    assert (ran.status, "one of QUERY, --pins and --log" in ran.err) == (2, True)


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
    crowding = Crowding(
        source=CrowdingSource.LOG, k=None, lists=2, places=5, folders=(long, share), gone=3
    )
    lines = list(crowding_lines(crowding, 80))
    text = "\n".join(map(plain, lines))
    assert "what agents got in 2 recalls: 5 places" in text
    assert "3 hits of notes that are gone" in text
    assert "(top)" in text and "<1%" in text
    assert all(cells(line) <= 80 for line in lines)
