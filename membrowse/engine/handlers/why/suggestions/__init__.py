"""Searches for changes that help: one file for each kind of change, all run by a `Trial`."""
