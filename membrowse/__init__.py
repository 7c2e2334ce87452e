"""membrowse: see how an agent's memory is recalled, live, ranking beside ranking."""

__version__ = "0.1.0"
