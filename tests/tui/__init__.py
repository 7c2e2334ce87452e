"""Tests of the browser, over a fake engine: pilots, snapshots, and the pure model."""
