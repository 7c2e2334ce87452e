"""The recall log: what agents asked and got, in one SQLite file, and the formats of foreign logs.

It knows no index: a hit is a path, lines and a chunk's id. `formats` stands on `wire` alone, so
that a client can read a foreign log with the rights of its person.
"""
