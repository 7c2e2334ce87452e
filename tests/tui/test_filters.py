"""Which notes are ranked: picked from a list, shown as chips, removed by a key."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from rich.cells import cell_len
from textual.pilot import Pilot

from membrowse import paths
from membrowse.presentation.lines import plain
from membrowse.ranking.query_parser import requested_filters
from membrowse.tui.app import MembrowseApp
from membrowse.tui.model.filter_choices import FilterTyped, chip_line, choices, problem
from membrowse.tui.screens.filter_picker import FilterPicker
from membrowse.wire.engine import RootState
from membrowse.wire.filters import (
    DateReading,
    FilterValue,
    FilterValues,
    FilterValuesRequest,
)
from membrowse.wire.recalls import Recall, RecallHit
from membrowse.wire.search import NO_FILTERS, Filters
from tests.standin.corpus import PINS
from tests.standin.engine import StandIn
from tests.tui.stage import QUERY, Sessions, answered, make_app, on_stage, screen_text, until
from tests.tui.test_snapshots import Compare, steps

ROOTS = (
    RootState(name="decisions", path="/home/ada/agent/decisions"),
    RootState(
        name="team",
        path="/srv/team",
        problem="/srv/team cannot be listed: No such file or directory",
    ),
    RootState(name="logs", path="/var/notes/logs"),
)


def three_roots() -> StandIn:
    """An engine of a collection, one root of which is missing."""

    def with_roots(values: FilterValues) -> FilterValues:
        roots = tuple(FilterValue(kind="root", value=root.name, notes=3) for root in ROOTS)
        return msgspec.structs.replace(values, values=(*roots, *values.values))

    engine = StandIn(amend={FilterValuesRequest: with_roots})
    engine.change(roots=ROOTS)
    return engine


async def pick(app: MembrowseApp, pilot: Pilot[int], text: str, first: str) -> None:
    """Open the picker, type, and take the first choice once it is `first`."""
    await pilot.press("s")
    await until(lambda: isinstance(app.screen, FilterPicker), "the picker")
    picker = app.screen
    assert isinstance(picker, FilterPicker)
    await until(lambda: picker._values is not None, "the values")
    picker.input.value = text

    def offered() -> bool:
        return bool(picker.list.choices) and picker.list.choices[0].label == first

    await until(offered, f"{first}: {picker.list.choices}")
    await pilot.press("enter")
    await until(lambda: app.screen is app.browser, "the browser")


def chips(app: MembrowseApp) -> str:
    return screen_text(app).split("\n")[2]


async def test_filters_are_picked_shown_kept_and_removed() -> None:
    engine = three_roots()
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter")
        await pick(app, pilot, "deci", "root")
        await until(lambda: engine.asked[-1].filters == Filters(root="decisions"), "a search")
        await answered(app, QUERY)
        assert " only  root decisions × " in chips(app)
        assert "only: root" not in screen_text(app), "chips say it"

        await pick(app, pilot, "2026-03", "date in")
        dated = Filters(root="decisions", after="2026-03-01", before="2026-04-01")
        await until(lambda: engine.asked[-1].filters == dated, "a search with dates")
        assert " dated 2026-03-01 to 2026-03-31 × " in chips(app), "both days are one chip"
        await pilot.press("S")
        await until(lambda: engine.asked[-1].filters == Filters(root="decisions"), "one less")
        await pick(app, pilot, "after:2026-03", "after")

        await pilot.press("slash", "x", "enter")
        await answered(app, "x")
        assert engine.asked[-1].filters.root == "decisions", "filters stay with the next query"

        await pilot.click("#filters", offset=(screen_text(app).split("\n")[2].index("×"), 0))
        await until(lambda: not engine.asked[-1].filters.root, "the root removed")
        await pilot.press("escape")
        await until(lambda: not engine.asked[-1].filters, "all removed")
        await until(lambda: "only" not in chips(app), "no chips")


async def test_a_chosen_filter_is_offered_for_removal() -> None:
    app = make_app(Sessions(three_roots()))
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter")
        await pick(app, pilot, "path:runb", "path")
        assert app.browser.query_bar.filters == Filters(path="/runbooks/*")
        await pick(app, pilot, "", "remove")
        assert app.browser.query_bar.filters == NO_FILTERS


async def test_the_editor_and_the_header_know_the_roots() -> None:
    folder = paths.collections_dir() / "ops"
    engine = three_roots()
    app = make_app(Sessions(engine), folder=folder)
    async with on_stage(app, (120, 30), QUERY):
        text, asked = screen_text(app), len(engine.asked)
        assert " collection ops " in text
        assert "! team: /srv/team cannot be listed" in text
        roots = app._view.roots
        assert roots is not None
        assert roots.resolve("logs/a.md") == Path("/var/notes/logs/a.md")
        engine.change(roots=(*ROOTS[:2], msgspec.structs.replace(ROOTS[2], problem="gone")))
        await until(lambda: len(engine.asked) > asked, "another search, for the marks of its hits")


VALUES = FilterValues(
    values=(
        FilterValue(kind="root", value="team", notes=3),
        FilterValue(kind="path", value="team/ops/", notes=2),
        FilterValue(kind="tag", value="ops", notes=4),
    ),
    first_date="2026-01-02",
    last_date="2026-03-04",
)


@pytest.mark.parametrize(
    ("typed", "labels"),
    [
        ("", ["remove", "root", "path", "tag", "after", "before"]),
        ("ops", ["tag", "path", "path"]),
        ("tag:op", ["tag", "tag"]),
        ("root:", ["remove", "root"]),
        ("after:", ["remove", "after"]),
        ("last week", ["date in", "after", "before", "path"]),
        ("before:last week", ["before"]),
        ("logs/*.md", ["path"]),
        ("nothing:like this", ["path"]),
        ("path:[a", []),
    ],
)
def test_what_the_picker_offers(typed: str, labels: list[str]) -> None:
    reading = DateReading(typed="last week", first="2026-03-02", after="2026-03-09")
    found = choices(FilterTyped(typed), Filters(tag="old"), VALUES, reading)
    assert [choice.label for choice in found] == labels


def test_a_folder_is_chosen_by_its_whole_name() -> None:
    values = FilterValues(values=(FilterValue(kind="path", value="team/[old]/", notes=2),))
    first, _ = choices(FilterTyped("old"), NO_FILTERS, values, None)
    (parsed,) = requested_filters(first.applied(NO_FILTERS))
    for path, passes in (("team/[old]/a/b.md", True), ("x/team/[old]/a.md", False)):
        assert bool(re.search(parsed.value, path)) is passes


def test_every_chip_is_in_view_with_its_sign() -> None:
    filters = Filters(root="team", path="a/" * 60, tag="daily", after="2026", before="x")
    for width in (80, 200):
        text = plain(chip_line(filters, width, ()))
        assert text.count("×") == 5 and cell_len(text) <= width
        assert " root team × " in text and " tag daily × " in text


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("after:banana", "banana is not a date"),
        ("2026-02-30", "2026-02-30 is not a date"),
        ("banana", ""),
        ("path:[a", "[a has a [ without a ]"),
    ],
)
def test_what_is_wrong_with_what_is_typed(typed: str, said: str) -> None:
    value = FilterTyped(typed)
    assert problem(value, DateReading(typed=value.value)) == said
    assert problem(FilterTyped("after:banana"), None) == "", "not read yet"


async def test_a_refused_query_has_no_hits_of_another() -> None:
    app = make_app()
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter")
        app.browser._pick_filters(Filters(path="[a"))
        await until(lambda: "! the filter path:[a has a" in screen_text(app), "the reason")
        await until(lambda: "The chunk under the cursor" in screen_text(app), "no preview")
        assert not any(view.hits for view in app.browser.open_query.views.values())
        assert "S  remove filter" in screen_text(app)
        await pilot.press("S")
        await answered(app, QUERY)
        assert app.browser.open_query.cursor is not None


@pytest.mark.parametrize("size", [(80, 24), (120, 30), (200, 50)], ids=str)
def test_three_roots_and_their_filters(snap_compare: Compare, size: tuple[int, int]) -> None:
    app = make_app(Sessions(three_roots()), folder=paths.collections_dir() / "ops")

    async def picked(pilot: Pilot[int]) -> None:
        await pick(app, pilot, "logs", "root")
        await answered(app, QUERY)

    before = steps(app, QUERY, "enter", then=picked)
    assert snap_compare(app, terminal_size=size, run_before=before)


def test_the_filter_picker(snap_compare: Compare) -> None:
    app = make_app(Sessions(three_roots()))

    async def opened(pilot: Pilot[int]) -> None:
        await until(lambda: isinstance(app.screen, FilterPicker), "the picker")
        picker = app.screen
        assert isinstance(picker, FilterPicker)
        await until(lambda: picker._values is not None, "the values")

    before = steps(app, QUERY, "enter", "s", then=opened)
    assert snap_compare(app, terminal_size=(120, 30), run_before=before)


async def test_who_has_the_first_places_is_counted_for_query_pins_and_log() -> None:
    engine = StandIn(others=PINS)
    given = (RecallHit(path="decisions/ssh.md"), RecallHit(path="gone.md"))
    recall = Recall(id="a", at="2026-07-01T08:00:00.000Z", agent="ada", query="?", given=given)
    engine.components.recalls.add([recall])
    query, pins = "the top 5 of the query: 5 places", "the top 5 of 4 pins with hits: 20 places"
    app = make_app(Sessions(engine))
    async with on_stage(app, (120, 30), QUERY) as pilot:
        await pilot.press("enter", "C")
        await until(lambda: query in screen_text(app), "the query")
        await pilot.press("tab")
        await until(lambda: pins in screen_text(app), "the pins")
        await pilot.press("tab")
        await until(
            lambda: "what agents got in 1 recall with hits: 1 place" in screen_text(app), "the log"
        )
        assert "1 hit of notes that are gone" in screen_text(app)
        await pilot.press("shift+tab")
        await until(lambda: pins in screen_text(app), "the pins again")
        await pilot.press("escape")
        await until(lambda: app.screen is app.browser, "the browser")
