"""Screens and dialogs: they compose widgets, lay them out and run the actions of their keys."""
