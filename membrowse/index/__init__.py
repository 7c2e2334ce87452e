"""Durable indexes of chunks: manifest (SQLite), keyword (Whoosh), vectors (Chroma), token vectors.

There is one writer and any number of readers, who see one immutable generation at a time. This room
does not know what a query is, how it is ranked, or where chunks and vectors come from.
"""
