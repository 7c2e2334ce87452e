"""`membrowse service`: an engine as a system service, set up, observed and taken down."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import typer

from membrowse import interpreter
from membrowse.cli import chosen_service, output
from membrowse.cli.connection import asynchronous
from membrowse.cli.error_handling import Stop
from membrowse.cli.exit_codes import Exit
from membrowse.cli.parameters import AsJson
from membrowse.client import registered_services
from membrowse.client.registered_services import RegisteredService
from membrowse.credentials import user_name
from membrowse.deployment import access, acl, health, launchd, steps, upgrade
from membrowse.deployment.service import (
    HERE,
    Platform,
    ServicePlan,
    UnsuitableService,
    default_name,
)
from membrowse.log_formats import LogFormat
from membrowse.presentation.figures import counted, size
from membrowse.text import shown, shown_block

app = typer.Typer(
    help="Set up, observe and remove a system service of a folder.",
    rich_markup_mode=None,
    no_args_is_help=True,
    add_completion=False,
)


Folder = Annotated[Path, typer.Argument(metavar="FOLDER", help="A folder of notes.")]
Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="A service. [default: the only one]", show_default=False),
]
NameOption = Annotated[
    str | None,
    typer.Option("--name", help="Its name. [default: the folder's]", show_default=False),
]
User = Annotated[
    str | None,
    typer.Option(help="The user it runs as. [default: membrowse-NAME]", show_default=False),
]
Group = Annotated[
    str | None,
    typer.Option(help="Its members may read. [default: membrowse-NAME]", show_default=False),
]
OperatorsGroup = Annotated[
    str | None,
    typer.Option(help="A group whose members may also reindex and pin.", show_default=False),
]
LogFormatOption = Annotated[
    LogFormat, typer.Option(help="Its log as text, or as JSON: one line an event.")
]
PlatformOption = Annotated[Platform, typer.Option(help="The service manager to write for.")]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print every file and command, and do nothing.")
]


@app.command()
def install(
    folder: Folder,
    name: NameOption = None,
    user: User = None,
    group: Group = None,
    operators: OperatorsGroup = None,
    grant_read: Annotated[
        bool, typer.Option("--grant-read", help="Let the service's user read the folder.")
    ] = False,
    user_unit: Annotated[
        bool, typer.Option("--user-unit", help="Run as yourself, without root.")
    ] = False,
    log_format: LogFormatOption = LogFormat.TEXT,
    platform: PlatformOption = HERE,
    dry_run: DryRun = False,
) -> None:
    """Run the engine of FOLDER as a service of its own user, from now on."""
    if user_unit:
        if platform is Platform.MACOS:
            raise Stop(Exit.USAGE, "--user-unit is for systemd; a private engine needs no service")
        user = user_name(os.getuid())
    plan = _service_plan(folder, name, user, group, operators, log_format, grant_read)
    if user_unit:
        _carry_out(steps.user_installation(plan), dry_run)
        if not dry_run:
            output.say(f"{steps.unit(plan.name)} serves {plan.folder} as {plan.user}")
            output.say("let it run while you are logged out: loginctl enable-linger")
        return
    _install(plan, platform, dry_run or platform is not HERE)


@app.command()
def unit(
    folder: Folder,
    name: NameOption = None,
    user: User = None,
    group: Group = None,
    operators: OperatorsGroup = None,
    log_format: LogFormatOption = LogFormat.TEXT,
    platform: PlatformOption = HERE,
) -> None:
    """Print the unit that `install` would write."""
    plan = _service_plan(folder, name, user, group, operators, log_format)
    if platform is Platform.MACOS:
        output.write(launchd.plist(plan))
        return
    for file in steps.unit_files(plan):
        output.write(f"# {file.path}\n{shown_block(file.content)}\n")


@app.command()
def uninstall(
    name: Name = None,
    keep_index: Annotated[
        bool, typer.Option("--keep-index", help="Keep its index, settings and user.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    platform: PlatformOption = HERE,
    dry_run: DryRun = False,
) -> None:
    """Stop a service and remove it, with its index and user. The notes are left as they are.

    What `install --grant-read` allowed is taken back.
    The index of a service of your own (`--user-unit`) is yours, and stays.
    """
    service = chosen_service.named(name)
    if service.own:
        last = len(list(registered_services.own_services())) == 1
        _carry_out(steps.user_removal(service, last=last), dry_run)
        return
    dry_run = dry_run or platform is not HERE
    if not dry_run:
        _require_root()
    todo = _removal(service, platform, keep_index=keep_index)
    if not (yes or dry_run or keep_index):
        typer.confirm(f"Remove {service.unit} and its index?", abort=True, err=True)
    _carry_out(todo, dry_run)


@app.command()
@asynchronous
async def status(name: Name = None, as_json: AsJson = False) -> Exit:
    """Show the state of a service.

    The exit status is a monitoring plugin's: 0 good, 1 degraded, 2 down, 3 unknown, because only
    root and members of the service's group may connect.
    """
    report = await health.examine(chosen_service.named(name))
    if as_json:
        output.write_json(report)
    else:
        output.write("".join(f"{name:<8} {shown(value)}\n" for name, value in _health_rows(report)))
    return Exit(report.state.exit_status)


@app.command()
def logs(
    name: Name = None,
    follow: Annotated[bool, typer.Option("--follow", "-F", help="Keep printing.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", min=1, help="Lines to print.")] = 50,
    platform: PlatformOption = HERE,
    dry_run: DryRun = False,
) -> None:
    """Print the end of a service's log, from the journal (on macOS, from its file)."""
    shown_log = steps.log(chosen_service.named(name), platform, lines=lines, follow=follow)
    if dry_run or platform is not HERE:
        _carry_out([shown_log], dry_run=True)
        return
    ended = subprocess.run(shown_log.arguments, check=False)  # noqa: S603  (no shell)
    raise typer.Exit(ended.returncode)


@app.command()
def restart(name: Name = None, platform: PlatformOption = HERE, dry_run: DryRun = False) -> None:
    """Restart a service, and wait until it answers."""
    service = chosen_service.named(name)
    dry_run = dry_run or platform is not HERE
    _carry_out(steps.restart(service, platform), dry_run)
    if not dry_run:
        output.say(f"{service.unit} answers")


@app.command("upgrade")
@asynchronous
async def upgrade_command(name: Name = None) -> Exit:
    """Upgrade a service to this version of membrowse; roll back if it is unhealthy.

    Run it with the new version's program; the service's old program must still be there.
    """
    service = chosen_service.named(name)
    if HERE is Platform.MACOS:
        raise Stop(Exit.USAGE, "on macOS, run `service install` again with the new program")
    if not service.own:
        _require_root()
    try:
        previous = await upgrade.upgrade(service, interpreter.PROGRAM, output.say)
    except upgrade.UpgradeFailed as error:
        raise Stop(Exit.UNAVAILABLE, str(error)) from error
    output.say(f"{service.unit} runs {interpreter.PROGRAM} now (before: {previous})")
    return Exit.DONE


def _health_rows(report: health.ServiceHealth) -> Iterator[tuple[str, str]]:
    yield "service", f"{report.service}: {report.state}"
    for reason in report.reasons:
        yield "", reason
    if report.live:
        notes, chunks = counted(report.notes, "note"), counted(report.chunks, "chunk")
        yield "index", f"{notes}, {chunks}, {report.pending} pending"
        yield "engine", f"version {report.version} since {report.since}"
        yield "memory", size(report.memory_bytes)


def _service_plan(
    folder: Path,
    name: str | None,
    user: str | None,
    group: str | None,
    operators: str | None,
    log_format: LogFormat,
    grant_read: bool = False,
) -> ServicePlan:
    real = Path(os.path.realpath(folder.expanduser()))
    chosen = name or default_name(real)
    owner = user or f"membrowse-{chosen}"
    try:
        return ServicePlan(
            name=chosen,
            folder=real,
            user=owner,
            group=group or f"membrowse-{chosen}",
            operators=operators,
            log_format=log_format,
            grant_read=grant_read,
        )
    except UnsuitableService as error:
        raise Stop(Exit.USAGE, str(error)) from error


def _install(plan: ServicePlan, platform: Platform, dry_run: bool) -> None:
    """Set up a system service. Raises `Stop` if it could not work."""
    if not dry_run:
        _require_root()
    refusal = _refusal(plan) if platform is HERE else ""
    if refusal and not dry_run:
        raise Stop(Exit.USAGE, refusal)
    if platform is Platform.MACOS:
        todo = steps.mac_installation(plan)
        join = f"dseditgroup -o edit -a PERSON -t user {plan.group}"
    else:
        todo = _linux_installation(plan, dry_run)
        join = f"usermod -aG {plan.group} PERSON"
    _carry_out(todo, dry_run)
    if refusal:
        raise Stop(Exit.USAGE, f"it would stop: {refusal}")
    if not dry_run:
        output.say(f"{plan.name} serves {plan.folder} as {plan.user}")
        output.say(f"let a person read it: {join}")


def _linux_installation(plan: ServicePlan, dry_run: bool) -> list[steps.Step]:
    if not dry_run and shutil.which("systemctl") is None:
        raise Stop(Exit.UNAVAILABLE, "systemd does not run here; see `membrowse docs service`")
    todo = steps.installation(plan)
    if plan.grant_read and plan.folder.is_dir():
        todo[2:2] = acl.grant_steps(plan.folder, plan.user, steps.acl_record(plan.name))
    return todo


def _removal(
    service: RegisteredService, platform: Platform, *, keep_index: bool
) -> list[steps.Step]:
    own = steps.own_accounts(service.name)
    if platform is Platform.MACOS:
        return steps.mac_removal(service, own, keep_index=keep_index)
    last = len(list(registered_services.services())) == 1
    todo = steps.removal(service, own, keep_index=keep_index, last=last)
    folder, record = steps.folder(service), steps.acl_record(service.name)
    if folder is not None and folder.is_dir() and (own.user or record.exists()):
        todo[1:1] = acl.removal_steps(folder, service.user, record)
    return todo


def _refusal(plan: ServicePlan) -> str:
    """Why the service could not work, and what to do; empty if it could, as far as this user can
    find out. Changes nothing."""
    if not plan.folder.is_dir():
        return f"no such folder: {plan.folder}"
    if reason := _conflict(plan):
        return reason
    if os.geteuid() != 0:
        return ""
    try:
        access.check_program(plan.user, plan.group)
        found = access.folder_access(plan.folder, plan.user, plan.group)
    except access.Unreadable as error:
        return str(error)
    if found.granted or plan.grant_read:
        return ""
    commands = "\n".join(steps.shown_steps(acl.grants(plan.folder, plan.user)))
    return (
        f"{plan.user} cannot read {found}; nothing was changed. --grant-read would run:\n{commands}"
    )


def _conflict(plan: ServicePlan) -> str:
    """Which service is in the way: a folder has one, and a name belongs to one folder."""
    for other in registered_services.services():
        if other.serves(plan.folder) and other.name != plan.name:
            return f"{other.unit} serves {plan.folder} already"
        if other.name == plan.name and not other.serves(plan.folder):
            remedy = f"`membrowse service uninstall {other.name}` removes it"
            return f"{other.unit} serves another folder: choose another --name, or {remedy}"
    return ""


def _carry_out(todo: Sequence[steps.Step], dry_run: bool) -> None:
    """Carry out the steps, or print them. Raises `Stop` at the first that fails."""
    if dry_run:
        output.write("".join(f"{shown(line)}\n" for line in steps.shown_steps(todo)))
        return
    for step in todo:
        try:
            step.carry_out()
        except PermissionError as error:
            raise Stop(Exit.USAGE, f"{error.strerror}: {error.filename}; run it as root") from error
        except OSError as error:
            raise Stop(Exit.UNAVAILABLE, f"{step}: {error}") from error
        except subprocess.CalledProcessError as error:
            command = " ".join(error.cmd)
            raise Stop(Exit.UNAVAILABLE, f"{command} failed: {error.stderr.strip()}") from error


def _require_root() -> None:
    if os.geteuid() != 0:
        raise Stop(Exit.USAGE, "this needs root; --dry-run shows what it would do")
