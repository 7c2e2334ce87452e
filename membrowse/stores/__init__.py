"""Stores that other programs keep, such as a Chroma collection, opened read-only.

`address.py`, `fields.py` and `directory.py` are light: clients open a store with them. A store's
records are read by a child process (`child.py`), which alone imports the store's client library.
"""
