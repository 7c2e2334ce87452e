"""Settings that differ from those in force, by their dotted keys."""

from __future__ import annotations

Value = str | float | int | bool
Overrides = dict[str, Value]
"""Dotted setting → value: `{"fusion.weight": 0.62, "rerank.pool": 100}`."""
