"""Screens: what is shown together, where the keys lead; they post messages and ask no engine."""
