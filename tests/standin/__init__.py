"""A stand-in for the engine, for tests of its clients: real rankings, or recorded replies."""
