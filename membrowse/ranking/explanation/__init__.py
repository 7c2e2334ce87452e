"""An unfinished ranked_query and one of its rows → the records of `findings.explanation`.

One module a ranking; each takes the numbers from what the ranking itself was made of, and repeats
no formula. `whole` puts them together. This part knows neither folder nor files.
"""
