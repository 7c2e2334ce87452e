"""Tests of the browser, over a stand-in engine: pilots, snapshots, and the pure model."""
