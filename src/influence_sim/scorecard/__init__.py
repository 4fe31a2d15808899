"""The honest scorecard: facts with bands written beforehand, measured in worlds that many rows share, failures first.

`facts.yaml` is the list, `worlds` plays what the facts read, `statistics` turns tables into numbers, `baseline` does the same
without any mechanism, `run` and `write` make the card.
"""
