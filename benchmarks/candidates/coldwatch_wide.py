"""`coldwatch wide`: four conditions of several parts in each state, over all members of a message."""

from benchmarks.candidates import coldwatch


class Candidate(coldwatch.Candidate):
    model_name = "wide"

    def answer(self) -> list[tuple[str | None, int, str]]:
        return sorted((each.key, each.time_ms, each.to_state) for each in self._happened)
