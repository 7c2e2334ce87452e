"""`membrowse restore`: put a backup in place."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from membrowse import interpreter
from membrowse.cli import folders, output
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import FolderOption
from membrowse.client.registered_services import RegisteredService, registered
from membrowse.deployment import steps
from membrowse.deployment.service import HERE
from membrowse.wire.backup import Restored


def restore(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", exists=True, dir_okay=False, help="What `backup` wrote."),
    ],
    folder: FolderOption = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing index.")] = False,
) -> None:
    """Put a backup in place as the index of a folder.

    Everything is checked first. The engine must not run; a system service is stopped meanwhile.
    Settings that exist are kept.
    """
    chosen = folders.chosen(folder)
    service = registered(chosen)
    if service is None:
        restored = _restore(file, chosen, *_forced(force))
    else:
        restored = _restore_service(service, file, chosen, force)
    output.say(f"restored the backup of {restored.content.at}: {', '.join(restored.restored)}")
    for kept in restored.kept:
        output.say(f"kept as it is: {kept}")


def _restore(
    file: Path, folder: Path, *options: str, user: str | None = None, **variables: str
) -> Restored:
    """Restore in a child process, as `user`. Raises `Stop` if nothing was restored."""
    account = pwd.getpwnam(user) if user is not None else None
    with file.open("rb") as backup:
        child = interpreter.run(
            "membrowse.engine.backup.restore",
            *options,
            stdin=backup.fileno(),
            folder=folder,
            extra=variables,
            user=interpreter.User(account.pw_uid, account.pw_gid, []) if account else None,
        )
    if child.returncode:
        message = child.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        raise Stop(Exit.USAGE, f"nothing was restored: {message}")
    return msgspec.json.decode(child.stdout, type=Restored)


def _forced(force: bool) -> list[str]:
    return ["--force"] if force else []


def _restore_service(service: RegisteredService, file: Path, folder: Path, force: bool) -> Restored:
    """Restore as the service's user; a good backup stops the service meanwhile."""
    if os.geteuid() != 0:
        raise Stop(Exit.USAGE, f"{service.unit} has this index: restore it as root")
    options = _forced(force)
    _restore(file, folder, *options, "--check", user=service.user, **service.directories)
    for step in steps.stop(service, HERE):
        step.carry_out()
    try:
        return _restore(file, folder, *options, user=service.user, **service.directories)
    finally:
        for step in steps.start(service, HERE):
            step.carry_out()
