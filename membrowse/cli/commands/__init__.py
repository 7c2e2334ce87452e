"""The commands, one module each, imported when the command is used.

A module has a function with the command's name, or an `app` of subcommands.
"""

COMMANDS = (
    "browse",
    "open",
    "demo",
    "index",
    "search",
    "explain",
    "why",
    "tokens",
    "pins",
    "log",
    "crowding",
    "report",
    "rerun",
    "status",
    "doctor",
    "agents",
    "attach",
    "detach",
    "purge",
    "serve",
    "engine",
    "mcp",
    "service",
    "metrics",
    "backup",
    "restore",
    "config",
    "docs",
)
"""What `membrowse WORD` takes for a command; a folder of that name is `membrowse ./WORD`."""

ALIASES = {"golden": "pins", "rulers": "tokens"}
"""Earlier names of commands, which `--help` does not list."""
