"""The rungs of "why not this note?" that the rankings answer, from keyword to the agent's cut.

Each rung looks at one chunk in one unfinished evaluation. The rungs before them, which
need the folder and the journal, are the engine's.
"""
