"""Ignore files in gitignore syntax, and the rule that excludes a path."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from membrowse import gitignore
from membrowse.notes.symlinks import LinkPolicy

MEMBROWSE_IGNORE, GIT_IGNORE = ".membrowseignore", ".gitignore"
_MAX_BYTES = 1_000_000
_MAX_RULES = 2_000
_MAX_REASONS = 5


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of an ignore file."""

    line: int
    text: str
    pattern: gitignore.Pattern


@dataclass(frozen=True, slots=True)
class IgnoreRules:
    """The rules of one ignore file; they apply to its directory and below."""

    file: str
    """Path of the ignore file relative to the folder."""
    rules: tuple[Rule, ...]
    problem: str = ""
    """Why some or all rules of the file do not apply, or empty."""

    def verdict(self, path: str) -> Verdict | None:
        """What this file says of `path` (relative to the folder; a directory ends in `/`).

        None if no rule matches.
        """
        below = path[len(self.file.rpartition("/")[0]) :].lstrip("/")
        names, directory = below.rstrip("/").split("/"), below.endswith("/")
        for rule in reversed(self.rules):
            if rule.pattern.matches(names, directory=directory):
                return Verdict(not rule.pattern.negated, self.file, rule.line, rule.text)
        return None


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
        pattern = gitignore.parse(named) if named[:1] == name[:1] else None
        return pattern is not None and pattern.matches([name], directory=True)


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
        return IgnoreRules(prefix + name, (), problem)
    rules, problem = _parsed_rules(content)
    return IgnoreRules(prefix + name, rules, problem)


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
def _parsed_rules(content: bytes) -> tuple[tuple[Rule, ...], str]:
    """The rules of an ignore file, and which lines are not used."""
    rules: list[Rule] = []
    invalid: list[str] = []
    text = content.decode("utf-8-sig", errors="surrogateescape")
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), start=1):
        try:
            pattern = gitignore.parse(line)
        except gitignore.InvalidPattern as error:
            invalid.append(f"{number} ({error})")
            continue
        if pattern is not None and len(rules) == _MAX_RULES:
            invalid.append(f"{number} and all after it (more than {_MAX_RULES:,} rules)")
            break
        if pattern is not None:
            rules.append(Rule(number, line.strip(), pattern))
    return tuple(rules), _problem(invalid)


def _problem(invalid: Sequence[str]) -> str:
    if not invalid:
        return ""
    more = len(invalid) - _MAX_REASONS
    reasons = [*invalid[:_MAX_REASONS], *([f"{more} more"] if more > 0 else [])]
    return f"invalid rule in line {', '.join(reasons)}"
