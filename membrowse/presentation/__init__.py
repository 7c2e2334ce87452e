"""What findings look like as lines of text, for the browser and the command line alike.

Functions take a record of `wire`, a width in cells and, for ages, the current time; they return
lines of styled parts. Two back ends paint these: `cli.terminal` with Rich, `tui.widgets.lines`
with Textual. Every figure, share, percentage, age and sentence about a finding is written here, so
that both show the same; neither back end computes one.

Text from notes, queries and file names is untrusted: it passes `text.shown` before it becomes part
of a line. Imports only `wire`, `text` and `rich.cells`.
"""
