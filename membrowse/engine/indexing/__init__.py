"""Keeps the index equal to the folder: one writer thread, driven by events."""
