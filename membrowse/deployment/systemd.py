"""Units for systemd: a hardened template, and what is particular to one service.

The directives are those of systemd.exec(5), systemd.service(5) and systemd.resource-control(5).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from membrowse.deployment.accounts import Accounts
from membrowse.deployment.service import ServicePlan

_HOMES = (Path("/home"), Path("/root"), Path("/run/user"))
"""What `ProtectHome=` hides."""

_RUNNING = """\
Type=notify
ExecReload=/bin/kill -HUP $MAINPID
Restart=always
RestartSec=5s
# A settings file that cannot be used stays so until somebody edits it.
RestartPreventExitStatus=2
# The engine ends its children itself.
KillMode=mixed
TimeoutStartSec=5min
TimeoutStopSec=1min
WatchdogSec=2min
"""
"""How a service manager runs an engine, whoever owns it."""

TEMPLATE = (
    """\
# Written by `membrowse service install`, for every membrowse service of this machine.

[Unit]
Description=membrowse engine %i
After=local-fs.target remote-fs.target
StartLimitIntervalSec=10min
StartLimitBurst=20

[Service]
"""
    + _RUNNING
    + """\
Environment=MEMBROWSE_SERVICE=%i

ConfigurationDirectory=membrowse/%i
ConfigurationDirectoryMode=0750
StateDirectory=membrowse/%i
StateDirectoryMode=0700
CacheDirectory=membrowse/%i
CacheDirectoryMode=0700
LogsDirectory=membrowse/%i
LogsDirectoryMode=0750
RuntimeDirectory=membrowse/%i
RuntimeDirectoryMode=0750
# Clients wait at the directory while the engine restarts.
RuntimeDirectoryPreserve=yes
UMask=0077

MemoryMax=6G
TasksMax=512
OOMPolicy=continue

AmbientCapabilities=
CapabilityBoundingSet=
IPAddressDeny=any
NoNewPrivileges=yes
PrivateDevices=yes
PrivateIPC=yes
PrivateMounts=yes
PrivateNetwork=yes
PrivateTmp=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHome=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
ProtectSystem=strict
RemoveIPC=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
KeyringMode=private
LockPersonality=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# Off, because the export of the encoder and bulk encoding generate machine code:
# MemoryDenyWriteExecute=yes

[Install]
WantedBy=multi-user.target
"""
)

USER_TEMPLATE = (
    """\
# Written by `membrowse service install --user-unit`, for every membrowse service of this user.

[Unit]
Description=membrowse engine %i
StartLimitIntervalSec=10min
StartLimitBurst=20

[Service]
"""
    + _RUNNING
    + """\
UMask=0077
MemoryMax=6G
TasksMax=512
NoNewPrivileges=yes
LockPersonality=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
RestrictAddressFamilies=AF_UNIX
SystemCallArchitectures=native

[Install]
WantedBy=default.target
"""
)


def drop_in(plan: ServicePlan, environment: Path) -> str:
    """What the template leaves open for one service; the file `environment` names its folder.

    Everybody can see a unit's properties.
    """
    lines = [
        "[Service]",
        f"User={plan.user}",
        f"Group={plan.group}",
    ]
    if plan.operators:
        lines.append(f"SupplementaryGroups={plan.operators}")
    lines += [
        f"EnvironmentFile={_literal(str(environment))}",
        f"ExecStart={_command(plan.arguments)}",
    ]
    lines += _homes(plan)
    return "\n".join(lines) + "\n"


def user_drop_in(plan: ServicePlan, environment: Path) -> str:
    """What the user's template leaves open for one service: the user's own engine, for good."""
    file, command = _literal(str(environment)), _command(plan.own_arguments)
    return f"[Service]\nEnvironmentFile={file}\nExecStart={command}\n"


def sysusers(plan: ServicePlan, accounts: Accounts) -> str:
    """Those of the service's user and groups that are its own, for systemd-sysusers(8)."""
    lines = [f"g {group} -" for group in accounts.groups]
    if accounts.user:
        comment = f'"membrowse engine {plan.name}"'
        lines.append(f"u {accounts.user} - {comment} /nonexistent /usr/sbin/nologin")
    return "".join(f"{line}\n" for line in lines)


def _homes(plan: ServicePlan) -> Iterator[str]:
    """Homes stay hidden, but for what the service has to read in them."""
    needed = [path for path in (plan.folder, *_environment(plan.python)) if _in_a_home(path)]
    if needed:
        yield "ProtectHome=tmpfs"
        paths = (_word(str(path)).replace(":", "\\:") for path in needed)
        yield f"BindReadOnlyPaths={' '.join(paths)}"


def _environment(python: Path) -> Iterator[Path]:
    """The directories that the interpreter `python` is part of: its own, and its base's."""
    yield python.parent.parent
    base = python.resolve().parent.parent
    if base != python.parent.parent:
        yield base


def _in_a_home(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in _HOMES)


def _command(arguments: Iterable[str]) -> str:
    return " ".join(_word(argument).replace("$", "$$") for argument in arguments)


def _word(text: str) -> str:
    """`text` as one word of a directive."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_literal(escaped)}"'


def _literal(text: str) -> str:
    return text.replace("%", "%%")
