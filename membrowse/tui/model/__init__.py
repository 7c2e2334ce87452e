"""What the screen says, as plain values: no Textual here, so that it is tested without an app.

A line of the screen is a list of parts (text, style name, action); widgets only paint them.
"""
