"""`oracle wide`: the wide model, walked as a tree."""

from benchmarks.candidates import oracle


class Candidate(oracle.Candidate):
    model_name = "wide"

    def answer(self) -> list[tuple[str | None, int, str]]:
        return sorted((each.key, each.time_ms, each.to_state) for each in self._happened)
