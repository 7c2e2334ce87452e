"""The command line: Typer commands, for people and for programs.

stdout is data, stderr is narration, `exit_codes.Exit` says how a command ended. A client of the
engine like the browser: it holds no index, no model and no ranking.
"""
