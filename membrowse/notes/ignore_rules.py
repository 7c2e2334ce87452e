"""Ignore files in gitignore syntax, and the rule that excludes a path."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path

from pathspec import GitIgnoreSpec
from pathspec.patterns.gitignore import GitIgnorePatternError
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from membrowse.notes.symlinks import LinkPolicy

MEMBROWSE_IGNORE, GIT_IGNORE = ".membrowseignore", ".gitignore"
_MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules of one ignore file; they apply to its directory and below."""

    file: str
    """Path of the ignore file relative to the folder."""
    spec: GitIgnoreSpec
    origins: tuple[tuple[int, str], ...]
    """Line number and text of each pattern of `spec`."""
    problem: str = ""
    """Why some or all rules of the file do not apply, or empty."""

    def verdict(self, path: str) -> Verdict | None:
        """What this file says of `path` (relative to the folder; a directory ends in `/`).

        None if no rule matches.
        """
        below = path[len(self.file.rpartition("/")[0]) :].lstrip("/")
        result = self.spec.check_file(below)
        if result.include is None or result.index is None:
            return None
        number, text = self.origins[result.index]
        return Verdict(result.include, self.file, number, text)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule that decides about a path."""

    excludes: bool
    file: str
    number: int
    rule: str

    @property
    def reason(self) -> str:
        return f"ignored by line {self.number} of {self.file}: {self.rule}"

    def brings_in(self, name: str) -> bool:
        """Whether a person asks for the file or folder `name`, which is left out by default.

        The rule must name it: `!*/` and `!*.md` do not.
        """
        if self.excludes or self.file.rpartition("/")[2] != MEMBROWSE_IGNORE:
            return False
        named = self.rule.lstrip("!").rstrip("/").removesuffix("/**").rpartition("/")[2]
        return named[:1] == name[:1] and fnmatchcase(name, named)


def deciding_rule(path: str, chain: Sequence[IgnoreRules]) -> Verdict | None:
    """Return the verdict of `chain` (outermost ignore file first) on `path`, if any.

    The innermost file with a matching rule decides.
    """
    verdicts = (rules.verdict(path) for rules in reversed(chain))
    return next((verdict for verdict in verdicts if verdict is not None), None)


def load_rules(links: LinkPolicy, directory: str, prefix: str, name: str) -> IgnoreRules:
    """Read the ignore file `name` of `directory`, whose path in the folder is `prefix`."""
    try:
        content = _content(links, str(Path(directory) / name))
    except OSError as error:
        problem = f"its rules do not apply: {error.strerror or error}"
        return IgnoreRules(prefix + name, GitIgnoreSpec([]), (), problem)
    spec, origins, problem = _compiled(content)
    return IgnoreRules(prefix + name, spec, origins, problem)


def _content(links: LinkPolicy, file: str) -> bytes:
    """Return the bytes of a regular file that `links` allows; raises OSError for any other."""
    real = os.path.realpath(file)
    if not links.allows(real):
        raise OSError("it is a link to outside the folder")
    if not stat.S_ISREG(Path(real).stat().st_mode):
        raise OSError("it is not a regular file")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with os.fdopen(os.open(real, flags), "rb") as stream:
        content = stream.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise OSError(f"it is larger than {_MAX_BYTES:,} bytes")
    return content


@lru_cache(maxsize=256)
def _compiled(content: bytes) -> tuple[GitIgnoreSpec, tuple[tuple[int, str], ...], str]:
    patterns: list[GitIgnoreSpecPattern] = []
    origins: list[tuple[int, str]] = []
    invalid: list[int] = []
    text = content.decode("utf-8-sig", errors="surrogateescape")
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        try:
            pattern = GitIgnoreSpecPattern(line)
        except GitIgnorePatternError:
            invalid.append(number)
            continue
        if pattern.include is not None:
            patterns.append(pattern)
            origins.append((number, line.strip()))
    problem = f"invalid rule in line {', '.join(map(str, invalid))}" if invalid else ""
    return GitIgnoreSpec(patterns), tuple(origins), problem
