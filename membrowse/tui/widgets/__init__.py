"""Widgets: each paints lines made by `model/` and posts messages; none knows the engine."""
