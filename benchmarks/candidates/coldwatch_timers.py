"""`coldwatch timers`: the rule as most models state it, with timers."""

from benchmarks.candidates import coldwatch


class Candidate(coldwatch.Candidate):
    model_name = "timers"
