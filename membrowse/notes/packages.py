"""Recognise folders that a package manager or a build made: their files are nobody's notes."""

from __future__ import annotations

from collections.abc import Collection

_BY_NAME = frozenset(
    "node_modules bower_components jspm_packages site-packages dist-packages __pycache__ "
    "__pypackages__ elm-stuff".split()
)
_BESIDE = {
    "target": ("Cargo.toml", "pom.xml", "build.sbt"),
    "vendor": ("composer.json", "go.mod", "Gemfile"),
    "deps": ("mix.exs",),
    "_build": ("mix.exs", "dune-project"),
    "Pods": ("Podfile",),
    "Carthage": ("Cartfile",),
}
"""Names that mean packages if one of these files is in the same folder."""
_WITHIN = {
    "pyvenv.cfg": "a Python environment",
    "conda-meta": "a Conda environment",
    "CACHEDIR.TAG": "a cache",
}
"""Files or folders that mark the folder they are in."""


def by_name(name: str, siblings: Collection[str]) -> str:
    """Say why the folder `name` beside `siblings` holds packages; empty if it does not."""
    marker = next((each for each in _BESIDE.get(name, ()) if each in siblings), "")
    if name in _BY_NAME:
        return _reason("installed packages", name)
    return _reason(f"packages or build results of {marker}", name) if marker else ""


def by_content(name: str, entries: Collection[str]) -> str:
    """Say why the folder `name` with `entries` holds packages; empty if it does not."""
    marker = next((each for each in _WITHIN if each in entries), "")
    return _reason(f"{_WITHIN[marker]} ({marker})", name) if marker else ""


def _reason(what: str, name: str) -> str:
    return f"{what}; the rule !{name}/ in .membrowseignore brings it back"
