"""State and text of the browser as plain values, without Textual, so that tests need no app.

A line of the screen is a list of parts (text, style name, action); widgets paint it.
"""
