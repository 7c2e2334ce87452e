"""Settings: defaults, file, environment; bad ones are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from membrowse.settings import FusionMethod, Settings, SettingsError, load


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load(tmp_path / "none.toml", {}) == Settings()


def test_the_environment_outranks_the_file(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text('[fusion]\nweight = 0.2\nmethod = "rrf"\n[keyword.weights]\ntitle = 4.0\n')
    variables = {"MEMBROWSE_FUSION_WEIGHT": "0.9", "MEMBROWSE_KEYWORD_WEIGHTS_BODY": "2.5"}
    settings = load(file, variables)
    assert settings.fusion.weight == 0.9
    assert settings.fusion.method is FusionMethod.RRF
    assert settings.keyword.weights.title == 4.0
    assert settings.keyword.weights.body == 2.5


def test_plain_strings_need_no_quotes_in_the_environment(tmp_path: Path) -> None:
    settings = load(tmp_path / "none.toml", {"MEMBROWSE_RERANK_METHOD": "none"})
    assert settings.rerank.method == "none"


@pytest.mark.parametrize(
    ("content", "named"),
    [
        ("[fusion]\nweight = 1.5\n", "fusion.weight"),
        ("[fusion]\nwheight = 0.5\n", "wheight"),
        ("[fussion]\n", "fussion"),
        ("[fusion\n", "TOML"),
        ("fusion = 3\n", "fusion"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(tmp_path: Path, content: str, named: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(content)
    with pytest.raises(SettingsError, match=named) as raised:
        load(file, {})
    assert str(file) in str(raised.value)


def test_a_bad_variable_is_told_apart_from_the_file(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="variables"):
        load(tmp_path / "none.toml", {"MEMBROWSE_AGENT_K": "0"})


def test_the_digest_changes_with_what_shapes_a_ranking_only(tmp_path: Path) -> None:
    def digest(**variables: str) -> str:
        return load(tmp_path / "none.toml", variables).digest

    assert digest(MEMBROWSE_FUSION_WEIGHT="0.6") != digest()
    assert digest(MEMBROWSE_UI_THEME="nord") == digest()
