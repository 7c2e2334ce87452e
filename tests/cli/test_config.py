"""`membrowse config`: every value, its origin, and a file to start from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from membrowse import paths, settings
from membrowse.cli.commands import config
from membrowse.settings import saved_configurations
from tests.cli.conftest import Program


def test_each_value_tells_where_it_comes_from(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("[fusion]\nweight = 0.6\nrrf_k = 10\n[keyword.weights]\ntitle = 2.0\n")
    environment = {"MEMBROWSE_FUSION_RRF_K": "20", "MEMBROWSE_KEYWORD_WEIGHTS_BODY": "3.0"}
    configured = settings.configured(file, environment)
    rows = {row.key: (row.value, row.source) for row in config.values(configured)}
    assert rows["fusion.weight"] == (0.6, str(file))
    assert rows["fusion.rrf_k"] == (20, "MEMBROWSE_FUSION_RRF_K")
    assert rows["keyword.weights.title"] == (2.0, str(file))
    assert rows["keyword.weights.body"] == (3.0, "MEMBROWSE_KEYWORD_WEIGHTS_BODY")
    assert rows["keyword.b"] == (0.75, "default")


def test_show_tells_what_a_saved_configuration_sets(program: Program) -> None:
    saved = saved_configurations.configurations_file(paths.config_file())
    saved_configurations.save_configuration(saved, "sharp", {"rerank.blend": 0.9})
    ran = program("config", "show")
    assert (ran.status, tomllib.loads(ran.out)["rerank"]["blend"]) == (0, 0.9)
    (line,) = [line for line in ran.out.splitlines() if line.startswith("rerank.blend")]
    assert line.endswith("# saved configuration sharp")
    rows = json.loads(program("config", "show", "--json").out)
    assert {"key": "rerank.blend", "value": 0.9, "source": "saved configuration sharp"} in rows
    assert {"key": "fusion.method", "value": "convex", "source": "default"} in rows


def test_show_says_why_a_saved_configuration_is_left_aside(program: Program) -> None:
    saved = saved_configurations.configurations_file(paths.config_file())
    saved_configurations.save_configuration(saved, "odd", {"rerank.blend": 9})
    ran = program("config", "show")
    assert ran.status == 2
    assert tomllib.loads(ran.out)["rerank"]["blend"] == 0.65
    assert "'odd'" in ran.err
    assert "rerank.blend" in ran.err


def test_show_prints_lines_that_toml_understands(program: Program) -> None:
    ran = program("config", "show")
    assert ran.status == 0
    assert tomllib.loads(ran.out)["encoder"]["model"] == "all-MiniLM-L6-v2"


def test_show_helps_where_the_settings_cannot_be_used(program: Program, home: Path) -> None:
    (home / "config").mkdir(parents=True)
    paths.config_file().write_text("[fusion]\nwieght = 0.6\n")
    ran = program("config", "show")
    assert ran.status == 2
    assert f"fusion.weight = {settings.Settings().fusion.weight}" in ran.out
    assert "wieght" in ran.err


def test_init_writes_a_file_that_changes_nothing_and_holds_every_key(program: Program) -> None:
    ran = program("config", "init")
    file = paths.config_file()
    assert (ran.status, ran.out) == (0, f"{file}\n")
    assert settings.load(file, {}) == settings.Settings()
    uncommented = file.read_text().replace("\n# ", "\n")
    body = uncommented.split("\n\n", 1)[1]
    content = tomllib.loads(body)
    assert content == tomllib.loads(config.table(config.default_values()))


def test_init_explains_keys_with_the_settings_own_words() -> None:
    text = config.template()
    assert "## The vector's share of the convex combination" in text
    assert "## Which files of the folder are notes." in text


def test_init_never_overwrites(program: Program) -> None:
    file = paths.config_file()
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    assert program("config", "init").status == 2
    assert file.read_text() == "mine"


def test_path_needs_no_file(program: Program) -> None:
    ran = program("config", "path")
    assert (ran.status, ran.out) == (0, f"{paths.config_file()}\n")
    assert not paths.config_file().exists()


@pytest.mark.parametrize("value", [True, 3, 0.5, 'a "b" \\', ("*.md", "é"), ()])
def test_values_are_written_as_toml(value: object) -> None:
    text = f"key = {config.toml_value(value)}"
    expected = list(value) if isinstance(value, tuple) else value
    assert tomllib.loads(text)["key"] == expected
