"""Chunks → durable indexes: manifest (SQLite), keyword (Whoosh), vectors (Chroma), token vectors.

One writer, any number of readers; readers see one immutable generation at a time. This room must
not know what a query is, how it is ranked, or where chunks and vectors come from.
"""
