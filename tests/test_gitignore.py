"""Gitignore globs: what they match, and that none of them takes long."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from membrowse import gitignore


def matches(pattern: str, path: str) -> bool:
    """Whether `pattern` matches `path` itself; a directory ends in `/`."""
    glob = gitignore.parse(pattern)
    assert glob is not None
    return glob.matches(path.rstrip("/").split("/"), directory=path.endswith("/"))


def covers(pattern: str, path: str) -> bool:
    """Whether `pattern` matches the file `path` or a directory above it."""
    names = path.split("/")
    above = ("/".join(names[:n]) + "/" for n in range(1, len(names)))
    return any(matches(pattern, each) for each in (path, *above))


@pytest.mark.parametrize(
    ("pattern", "yes", "no"),
    [
        ("*.md", ["a.md", "x/.md"], ["a.mdx", "a.md/b"]),
        ("/a.md", ["a.md"], ["x/a.md"]),
        ("x/a.md", ["x/a.md"], ["y/x/a.md"]),
        ("drafts/", ["drafts/", "x/drafts/"], ["drafts"]),
        ("**/b", ["b", "a/b", "x/a/b/"], ["bb", "b/a"]),
        ("a/**", ["a/b", "a/b/c/"], ["a/", "b/a/b"]),
        ("a/**/b", ["a/b", "a/x/b", "a/x/y/b"], ["ab", "a/b/x", "x/a/b"]),
        ("a/**/b/**/c", ["a/b/c", "a/b/b/x/c", "a/x/b/y/c"], ["a/c", "a/c/b"]),
        ("a*b*c", ["abc", "axbxc", "abcbc"], ["acb", "abcx"]),
        ("?", ["a", "é", "空"], ["ab", ""]),
        ("[a-c]x", ["bx"], ["dx", "-x"]),
        ("[!a-c]x", ["dx"], ["bx"]),
        ("[]a]", ["]", "a"], ["b"]),
        (r"[\]a]", ["]", "a"], ["\\"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("[[-]", ["[", "-"], ["a"]),
        (r"\#a", ["#a"], ["a"]),
        (r"\!a", ["!a"], ["a"]),
        (r"a\*b", ["a*b"], ["axb"]),
        ("a ", ["a"], ["a "]),
        ("a\\ ", ["a "], ["a"]),
        ("new\nline*", ["new\nlines"], ["new"]),
        ("(a|b)+.md", ["(a|b)+.md"], ["a.md"]),
    ],
)
def test_what_a_pattern_matches(pattern: str, yes: list[str], no: list[str]) -> None:
    assert [path for path in yes if not matches(pattern, path)] == []
    assert [path for path in no if path and matches(pattern, path)] == []


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("/", "names nothing"),
        ("!", "names nothing"),
        ("a[b", "not closed"),
        ("[z-a]*", "reversed"),
        ("a\\", "ends with a backslash"),
        ("a" * 501, "longer than 500"),
        ("*a" * 31, "more than 30 stars"),
        ("a/" * 31 + "b", "more than 30 stars or 30 parts"),
    ],
)
def test_a_pattern_that_cannot_be_used_has_a_reason(pattern: str, reason: str) -> None:
    with pytest.raises(gitignore.InvalidPattern, match=reason):
        gitignore.parse(pattern)


PATHS = st.lists(st.text("ab.", min_size=1, max_size=4), min_size=1, max_size=4).map("/".join)
PARTS = st.text("ab.*?[]!-", min_size=1, max_size=6) | st.just("**")


@given(st.lists(PARTS, min_size=1, max_size=4).map("/".join), PATHS, st.booleans())
@example("a/**", "a/a", False)
@example("**/a/**/b", "b/a/a/b", False)
def test_they_agree_with_another_implementation(pattern: str, path: str, rooted: bool) -> None:
    pattern = f"/{pattern}" if rooted else pattern
    try:
        theirs = GitIgnoreSpecPattern(pattern)
        ours = gitignore.parse(pattern)
    except (GitIgnorePatternError, gitignore.InvalidPattern, ValueError):
        return
    if theirs.include is None or ours is None or "!" in pattern:
        return
    assert covers(pattern, path) == (theirs.match_file(path) is not None)


HOSTILE = [
    ("*a" * 25 + "b", "a" * 240),
    ("*" * 30 + "b", "a" * 255),
    (("*" + "a" * 14) * 30 + "b", "a" * 255),
    ("*?" * 30 + "b", "a" * 255),
    ("*[a-z]" * 30 + "0", "a" * 255),
    ("**/a/" * 14 + "b", "a/" * 2000),
    ("a*/" * 29 + "b", "a/" * 2000),
    ("**/" + "a*/" * 28 + "b", "a/" * 2000),
    ("**/*a*a*a*b/" * 5 + "c", ("a" * 100 + "/") * 40),
    ("[" * 499 + "]", "[" * 255),
    ("[a-z" * 120 + "]", "a" * 255),
]


@pytest.mark.parametrize(("pattern", "path"), HOSTILE)
def test_no_pattern_takes_long(pattern: str, path: str) -> None:
    began = time.process_time()
    assert not matches(pattern, path.rstrip("/"))
    assert time.process_time() - began < 1.0  # a few ms on an idle machine
