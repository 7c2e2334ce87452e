"""Recalls in the engine: recording what agents get, and what became of the hits since."""
