"""Serves a store of another program: its records are the notes' chunks, with its vectors."""
