"""The MCP server: agents search a folder through it, over stdin and stdout.

A client of the engine like the others, on the official SDK; it stands on `api`.
"""
