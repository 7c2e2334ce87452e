"""Match paths with globs in gitignore syntax, in any case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from pathspec import GitIgnoreSpec

_GLOB_CHARACTERS = frozenset("*?[]!\\/ ")


def note_matcher(include: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a predicate that says whether a path (relative, with `/`) matches `include`.

    As in gitignore files, a glob without a slash matches the file name, the last matching glob
    decides, and `!` negates. No glob turns the files in a directory `notes.md/` into notes.
    `README.MD` matches `*.md`.
    """
    folded = tuple(map(str.casefold, include))
    if all(glob.startswith("*.") and not _GLOB_CHARACTERS & set(glob[1:]) for glob in folded):
        suffixes = tuple(glob[1:] for glob in folded)
        return lambda path: path.casefold().endswith(suffixes)
    spec = GitIgnoreSpec.from_lines(folded)
    if not any("/" in glob for glob in folded):
        return lambda path: spec.match_file(path.rpartition("/")[2].casefold())
    return lambda path: spec.match_file(path.casefold())


def last_match(globs: Sequence[str], path: str) -> str | None:
    """Return the last of `globs` that matches `path`, or None."""
    matching = (glob for glob in reversed(globs) if _matcher(glob)(path))
    return next(matching, None)


@lru_cache(maxsize=256)
def _matcher(glob: str) -> Callable[[str], bool]:
    return note_matcher((glob,))
