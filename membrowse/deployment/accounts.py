"""The user and groups that belong to a service: those that its installation makes.

Only these are removed with it. Its sysusers.d(5) file lists them.
"""

from __future__ import annotations

import grp
import pwd
from dataclasses import dataclass

from membrowse.deployment.service import ServicePlan


@dataclass(frozen=True, slots=True)
class Accounts:
    """A service's own user and groups."""

    user: str = ""
    """Empty if it runs as a user that was there before; sysusers makes a group of the same name."""
    groups: tuple[str, ...] = ()
    """Further groups."""


def listed(sysusers: str) -> Accounts:
    """The accounts that a service's sysusers.d(5) file lists."""
    entries = [line.split()[:2] for line in sysusers.splitlines()]
    users = [name for kind, name in entries if kind == "u"]
    groups = tuple(name for kind, name in entries if kind == "g")
    return Accounts(users[0] if users else "", groups)


def planned(plan: ServicePlan, before: Accounts) -> Accounts:
    """The accounts of `plan` that do not exist yet, and those that `before` has already."""
    user = plan.user if plan.user == before.user or not _user_exists(plan.user) else ""
    wanted = dict.fromkeys((plan.group, *([plan.operators] if plan.operators else [])))
    groups = (
        group
        for group in wanted
        if group != user and (group in before.groups or not _group_exists(group))
    )
    return Accounts(user, tuple(groups))


def _user_exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


def _group_exists(name: str) -> bool:
    try:
        grp.getgrnam(name)
    except KeyError:
        return False
    return True
