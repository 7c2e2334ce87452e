"""The command line: Typer commands, for people and for programs.

stdout is data, stderr is narration, `exits.Exit` is how a command ended. A client of the engine:
it knows no index, no model and no ranking, and nothing of the browser but how to open it.
"""
