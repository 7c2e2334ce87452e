"""The documentation says what the program does: its tables are held against the code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import typer.main

from membrowse.agents.answers import PRESETS
from membrowse.agents.discovery import SYSTEMS
from membrowse.cli.app import app
from membrowse.cli.commands import ALIASES, COMMANDS
from membrowse.cli.commands.config import _attribute_docstrings, toml_value
from membrowse.cli.commands.log import ImportReport
from membrowse.cli.exit_codes import Exit
from membrowse.mcp.tools import READING, WRITING
from membrowse.recall_log.foreign_log import FORMATS
from membrowse.settings import Settings
from membrowse.wire.agents import (
    AgentAnswer,
    AgentHealth,
    AgentHit,
    AgentMemory,
    AgentProfile,
    FoundAgent,
    IndexedState,
)
from membrowse.wire.crowding import Crowding, PlaceShare
from membrowse.wire.diagnosis import DiagnosisReport, Step, Suggestion
from membrowse.wire.explanation import Explanation
from membrowse.wire.pins import Measures, PinResult, PinRun
from membrowse.wire.recalls import (
    GivenHit,
    Interval,
    Recall,
    RecallDay,
    RecallFlag,
    RecallHit,
    RecallPage,
    RecallSummary,
    RecallView,
    ReplayedHit,
    ReplayedRecall,
    ReplaySummary,
)
from membrowse.wire.report import Report
from membrowse.wire.rerun import Difference, Rerun, RerunRanking
from membrowse.wire.search import Hit, Query, Ranking, SearchResponse, TargetMatch
from membrowse.wire.tokens import TokenisedText, Tokens
from tests.cli.conftest import Program

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "assets" / "docs"
_NOT_PRINTED = {"schema", "text", "own_id"}
_CODE = re.compile(r"`([^`]+)`")


def page(topic: str) -> str:
    return (DOCS / f"{topic}.md").read_text(encoding="utf-8")


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of the tables in `text`, heads and rules left out."""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if (
            cells
            and not set(cells[0]) <= {"-", " "}
            and cells[0] not in ("key", "command", "status")
        ):
            yield cells


def section(text: str, heading: str) -> str:
    """The text under a heading (or a line that ends in a colon), to the next one."""
    _, _, rest = text.partition(heading)
    assert rest, heading
    return re.split(r"\n(?:#+ |(?=[A-Z`][^|\n]*:\n))", rest)[0]


def keys_of(record: type[msgspec.Struct]) -> set[str]:
    return {field.encode_name for field in msgspec.structs.fields(record)}


def documented(text: str) -> set[str]:
    """The keys in the first column of a table."""
    return {key.removesuffix("[]") for cells in rows(text) for key in _CODE.findall(cells[0])}


@pytest.mark.parametrize(
    ("heading", "record"),
    [
        ("## `search --json`", SearchResponse),
        ("\n`query`:\n", Query),
        ("\nEach ranking:\n", Ranking),
        ("\nEach hit:\n", Hit),
    ],
)
def test_every_key_of_a_search_is_documented(heading: str, record: type[msgspec.Struct]) -> None:
    assert documented(section(page("json"), heading)) == keys_of(record)


def test_every_key_of_a_target_is_documented() -> None:
    _, _, text = page("json").partition("\n`target` has ")
    named = set(_CODE.findall(text.partition("\n\n")[0]))
    assert keys_of(TargetMatch) <= named


@pytest.mark.parametrize(
    ("command", "records"),
    [
        ("explain", [Explanation]),
        ("why", [DiagnosisReport, Step, Suggestion]),
        ("tokens", [Tokens, TokenisedText]),
        ("pins run", [PinRun, PinResult, Measures]),
        ("rerun", [Rerun, RerunRanking, Difference]),
        ("crowding", [Crowding, PlaceShare]),
        ("log list", [RecallPage, RecallSummary, RecallDay]),
        ("log import", [ImportReport]),
        ("log replay", [ReplayedRecall, ReplayedHit, ReplaySummary, Interval]),
        ("log show", [RecallView, Recall, RecallHit, GivenHit]),
    ],
)
def test_every_key_of_a_command_is_documented(
    command: str, records: list[type[msgspec.Struct]]
) -> None:
    (cells,) = (row for row in rows(page("json")) if row[0] == f"`{command}`")
    named = {key.removesuffix("[]") for key in _CODE.findall(cells[1])}
    for record in records:
        assert keys_of(record) - _NOT_PRINTED <= named, record


@pytest.mark.parametrize(
    ("heading", "record"),
    [
        ("Each agent:\n", FoundAgent),
        ("prints a profile:\n", AgentProfile),
        ("`memory` has, in both:\n", AgentMemory),
        ("`membrowse doctor --agent --json` prints, after `schema`:\n", AgentHealth),
    ],
)
def test_every_key_of_an_agent_is_documented(heading: str, record: type[msgspec.Struct]) -> None:
    assert documented(section(page("agents"), heading)) == keys_of(record)


def test_every_tool_is_documented_with_its_arguments() -> None:
    documented_arguments = {
        cells[0].strip("`"): set(_CODE.findall(cells[1])) for cells in rows(page("mcp"))
    }
    arguments = {tool.name: keys_of(tool.arguments) for tool in (*READING, *WRITING)}
    assert documented_arguments == {"tool": set()} | arguments


def test_every_state_preset_and_system_is_documented() -> None:
    text = page("agents")
    states = {cells[0] for cells in rows(section(text, 'does not find it"\n'))} - {"state"}
    assert states == {state.value for state in IndexedState}
    found = {cells[0].strip("`") for cells in rows(section(text, "## What is found\n"))}
    assert found - {"system"} == {system.name for system in SYSTEMS}
    assert all(f"`{key}`" in text for key in keys_of(AgentAnswer) | keys_of(AgentHit))
    assert all(preset in text for preset in PRESETS)


def test_every_key_of_a_report_is_documented() -> None:
    _, _, text = page("json").partition("## Reports")
    assert keys_of(Report) <= {key.removesuffix("[]") for key in _CODE.findall(text)}


def test_every_command_and_option_is_documented() -> None:
    text = "\n".join(cells[0] for cells in rows(page("commands")))
    root = typer.main.get_command(app)
    context = root.make_context("membrowse", [], resilient_parsing=True)
    for name in COMMANDS:
        command = root.get_command(context, name)  # type: ignore[attr-defined]
        commands = getattr(command, "commands", {"": command})
        for sub, each in commands.items():
            words = f"membrowse {name} {sub}".strip()
            assert name == "browse" or name in text, words
            assert not sub or re.search(rf"membrowse {name} [^`]*\b{sub}\b", text), words
            for parameter in each.params:
                option = max(parameter.opts, key=len)
                if option.startswith("--") and option != "--help":
                    shown = {option, *parameter.opts, *parameter.secondary_opts}
                    assert any(one in page("commands") for one in shown), f"{words} {option}"


def test_every_flag_and_format_of_the_log_is_documented() -> None:
    flags = documented(section(page("log"), "## Flags"))
    assert flags - {"flag"} == {flag.value for flag in RecallFlag}
    assert documented(section(page("log"), "## Import")) == set(FORMATS)


def test_every_exit_status_is_documented() -> None:
    statuses = {cells[0] for cells in rows(section(page("commands"), "## Exit status"))}
    assert statuses == {str(int(status)) for status in Exit}


def settings_table() -> str:
    """The table of all settings, from their defaults and docstrings."""
    lines = ["| setting | default | meaning |", "|---|---|---|"]

    def add(node: msgspec.Struct, prefix: str) -> None:
        meanings = _attribute_docstrings(type(node))
        for field in msgspec.structs.fields(node):
            value = getattr(node, field.name)
            if isinstance(value, msgspec.Struct):
                add(value, f"{prefix}{field.name}.")
            else:
                meaning = " ".join(meanings.get(field.name, "").split()).replace("|", "\\|")
                lines.append(f"| `{prefix}{field.name}` | `{toml_value(value)}` | {meaning} |")

    add(Settings(), "")
    return "\n".join(lines) + "\n"


def test_every_setting_is_documented_with_its_default() -> None:
    table = section(page("settings"), "## All settings\n\n")
    assert "|  |" not in settings_table(), "a setting without a docstring"
    assert table == settings_table(), "replace the table with the one this test expects"


def test_readme_links_to_every_page() -> None:
    linked = set(re.findall(r"assets/docs/(\w+)\.md", (ROOT / "README.md").read_text()))
    assert linked == {file.stem for file in DOCS.glob("*.md")}


def test_links_and_pictures_lead_somewhere() -> None:
    for file in (*DOCS.glob("*.md"), ROOT / "README.md", *(ROOT / ".github").glob("*.md")):
        for target in re.findall(r"\]\(([^)#:]+)\)", file.read_text(encoding="utf-8")):
            assert (file.parent / target).exists(), f"{file}: {target}"


def test_docs_lists_its_pages_and_prints_one(program: Program) -> None:
    listed = program("docs")
    assert listed.status == 0
    assert {line.split()[0] for line in listed.out.splitlines()} == {
        file.stem for file in DOCS.glob("*.md")
    }
    assert program("docs", "json").out == page("json")


def test_an_unknown_page_is_a_usage_error(program: Program) -> None:
    ran = program("docs", "rankin")
    assert (ran.status, ran.out) == (2, "")
    assert "did you mean ranking?" in ran.err
    assert ALIASES.keys().isdisjoint(COMMANDS)


def test_a_page_is_rendered_in_a_terminal() -> None:
    from membrowse.cli.terminal import markdown

    text = markdown(page("ranking"), 80)
    assert "How ranking works" in text and "\x1b[" in text and "# How" not in text
