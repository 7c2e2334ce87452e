"""Match paths with globs in gitignore syntax, in any case."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache

from membrowse import gitignore

_GLOB_CHARACTERS = frozenset("*?[]!\\/ ")


def note_matcher(include: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a predicate that says whether a path (relative, with `/`) matches `include`.

    The last matching glob decides, and `!` negates. A glob without a slash matches the file name;
    one with a slash matches the path or a directory above it. `README.MD` matches `*.md`. Raises
    `InvalidPattern`.
    """
    folded = tuple(map(str.casefold, include))
    if all(glob.startswith("*.") and not _GLOB_CHARACTERS & set(glob[1:]) for glob in folded):
        suffixes = tuple(glob[1:] for glob in folded)
        return lambda path: path.casefold().endswith(suffixes)
    parsed = [(glob, "/" in text) for text in folded if (glob := gitignore.parse(text))]

    def is_note(path: str) -> bool:
        names = path.casefold().split("/")
        for glob, above in reversed(parsed):
            if glob.matches(names, directory=False) or (
                above and any(glob.matches(names[:n], directory=True) for n in range(1, len(names)))
            ):
                return not glob.negated
        return False

    return is_note


def last_match(globs: Sequence[str], path: str) -> str | None:
    """Return the last of `globs` that matches `path`, or None. Raises `InvalidPattern`."""
    matching = (glob for glob in reversed(globs) if _matcher(glob)(path))
    return next(matching, None)


@lru_cache(maxsize=256)
def _matcher(glob: str) -> Callable[[str], bool]:
    return note_matcher((glob,))
