"""Match paths with the globs of `notes.include`, in gitignore syntax."""

from __future__ import annotations

from collections.abc import Callable

from membrowse import gitignore

_GLOB_CHARACTERS = frozenset("*?[]!\\/ ")


def note_matcher(include: tuple[str, ...]) -> Callable[[str], bool]:
    """Return a predicate that says whether a path (relative, with `/`) matches `include`.

    The last matching glob decides, and `!` negates. A glob without a slash matches the file name;
    one with a slash matches the path or a directory above it. Raises `InvalidPattern`.
    """
    if all(glob.startswith("*.") and not _GLOB_CHARACTERS & set(glob[1:]) for glob in include):
        suffixes = tuple(glob[1:] for glob in include)
        return lambda path: path.endswith(suffixes)
    parsed = [(glob, "/" in text) for text in include if (glob := gitignore.parse(text))]

    def is_note(path: str) -> bool:
        names = path.split("/")
        for glob, above in reversed(parsed):
            if glob.matches(names, directory=False) or (
                above and any(glob.matches(names[:n], directory=True) for n in range(1, len(names)))
            ):
                return not glob.negated
        return False

    return is_note
