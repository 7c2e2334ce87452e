"""Widgets: each owns its state, paints the lines of `model/` and talks through messages."""
