"""The pins of a folder: their file, their runs, and the history of their ranks."""
