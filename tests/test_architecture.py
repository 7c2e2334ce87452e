"""The house's rules: who may import whom, as written, and as it turns out in a fresh interpreter.

A static graph does not see what an import brings along at run time, and a look at `sys.modules`
does not see what a function imports later: each test covers what the other cannot.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import membrowse

PACKAGE = Path(membrowse.__file__).parent
ROOT = Path(__file__).parents[1]

INDEX_AND_MODELS = {
    "chromadb",
    "membrowse.encoding",
    "membrowse.engine",
    "membrowse.index",
    "membrowse.notes",
    "membrowse.ranking",
    "numpy",
    "onnxruntime",
    "sentence_transformers",
    "starlette",
    "tokenizers",
    "torch",
    "transformers",
    "uvicorn",
    "whoosh",
}
SLOW = {"httpx", "rich", "textual"}
DROPPED = set(
    "common courtesy findings golden helpers inspector knowledge ladder looks misc ruler rulers "
    "rung rungs utils".split()
)
"""Words with a better one in their place (target, pin, step, tokens …), and words for nothing."""
NOUNS = set(
    "crowding encoding finding handling indexing pooling querying ranking spelling tuning".split()
)
"""Nouns of the field that end like gerunds."""
MODELS_OF_CHILDREN = {"sentence_transformers", "torch", "transformers"}


def loaded_by(*modules: str) -> set[str]:
    """Every module that a fresh interpreter has loaded after importing `modules`."""
    code = f"import sys, {', '.join(modules)}; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(PACKAGE.parent)},
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def modules_of(room: str) -> list[str]:
    """The importable modules of one room."""
    files = sorted((PACKAGE / room).rglob("*.py"))
    names = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in files]
    return [name.removesuffix(".__init__") for name in names if not name.endswith(".__main__")]


def test_rooms_call_downward_only() -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "lint-imports", "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("room", ["agents", "api", "cli", "client", "presentation", "tui"])
def test_a_client_holds_no_index_and_no_model(room: str) -> None:
    assert loaded_by(*modules_of(room)) & INDEX_AND_MODELS == set()


def test_the_mcp_server_holds_no_index_and_no_model() -> None:
    of_the_sdk = {"starlette", "uvicorn"}
    assert loaded_by(*modules_of("mcp")) & INDEX_AND_MODELS <= of_the_sdk


@pytest.mark.parametrize("room", ["agents", "api", "client", "wire"])
def test_what_clients_start_with_is_light(room: str) -> None:
    assert loaded_by(*modules_of(room)) & (INDEX_AND_MODELS | SLOW) == set()


def test_the_recall_log_is_light() -> None:
    assert loaded_by(*modules_of("recall_log")) & (INDEX_AND_MODELS | SLOW) == set()


def test_presentation_measures_cells_and_paints_nothing() -> None:
    back_ends = {"httpx", "rich.console", "rich.text", "textual", "typer"}
    assert loaded_by(*modules_of("presentation")) & back_ends == set()


def test_commands_are_known_before_anything_slow_is_loaded() -> None:
    assert loaded_by("membrowse.cli.app") & SLOW == set()
    assert loaded_by("membrowse.tui") & SLOW == set()


@pytest.mark.parametrize("room", ["engine", "ranking", "index"])
def test_torch_is_in_no_process_that_answers(room: str) -> None:
    assert loaded_by(*modules_of(room)) & (MODELS_OF_CHILDREN | {"textual", "typer"}) == set()


def words_of(name: str) -> list[str]:
    """`ranking_list` and `RankingList` in words."""
    return [word.lower() for word in re.findall(r"[A-Z]?[a-z0-9]+|[A-Z]+", name)]


def named() -> list[tuple[str, list[str]]]:
    """Every module, room and class, with the words of its name."""
    found = []
    for file in PACKAGE.rglob("*.py"):
        path = str(file.relative_to(PACKAGE))
        name = file.parent.name if file.stem == "__init__" else file.stem
        found.append((path, words_of(name)))
        tree = ast.parse(file.read_text(encoding="utf-8"))
        classes = (node.name for node in ast.walk(tree) if isinstance(node, ast.ClassDef))
        found += [(f"{path}: {name}", words_of(name)) for name in classes]
    return found


def test_no_name_has_a_word_that_was_dropped_or_says_nothing() -> None:
    assert [where for where, words in named() if set(words) & DROPPED] == []


def test_a_module_is_named_by_a_noun() -> None:
    modules = [(where, words[-1]) for where, words in named() if ": " not in where]
    assert [where for where, last in modules if last.endswith("ing") and last not in NOUNS] == []


def test_every_room_says_what_it_is_for() -> None:
    for init in PACKAGE.rglob("__init__.py"):
        tree = ast.parse(init.read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), f"{init} has no docstring"


def test_functions_stay_short() -> None:
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= 60, f"{file}:{node.lineno} {node.name} is too long"
