"""Changes that would bring a target into the top k: each is run before it is offered.

A change is a setting, the query, or a line of a note. What it promises is the rank that the real
thing gives: settings and queries go through the ranker over the present generation, an edited note
through a supposed generation (`index.hypothesis`). Nothing is saved or indexed here.
"""
