"""HTTP over a Unix socket, with rights taken from the peer's credentials."""
