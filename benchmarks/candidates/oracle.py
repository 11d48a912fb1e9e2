"""`oracle`: the same model, walked as a tree. Its answers are what the compiled code is held to in the tests."""

from collections.abc import Sequence
from typing import Any

import msgspec

from benchmarks.candidates.coldwatch import INPUT, alarms, model
from benchmarks.candidates.streaming import decode_each
from coldwatch.engine import machine
from coldwatch.engine.evaluation import Evaluation, Message
from coldwatch.engine.snapshot import Snapshot, next_due


class Candidate:
    model_name = "sustained"

    def __init__(self) -> None:
        self._model = model(self.model_name)
        self._decode = msgspec.json.Decoder().decode
        self._snapshots: dict[str, Snapshot] = {}
        self._happened: list[Evaluation] = []

    def decode(self, lines: Sequence[bytes]) -> None:
        decode_each(self._decode, lines)

    def feed(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            self._evaluate(self._decode(line))

    def _evaluate(self, payload: dict[str, Any]) -> None:
        key, now_ms = payload["device_id"], payload["timestamp"]
        snapshot = self._snapshots.get(key)
        due = None if snapshot is None else next_due(snapshot)
        if snapshot is not None and due is not None and due[0] <= now_ms:
            for evaluation in machine.advance(self._model, snapshot, key=key, until_ms=now_ms):
                snapshot = self._kept(evaluation)
        self._kept(machine.evaluate(self._model, snapshot, Message(INPUT, payload, ""), key=key, now_ms=now_ms))

    def _kept(self, evaluation: Evaluation) -> Snapshot:
        self._snapshots[str(evaluation.key)] = evaluation.after
        if evaluation.has_transitioned or evaluation.actions:
            self._happened.append(evaluation)
        return evaluation.after

    def answer(self) -> list[Any]:
        return alarms(self._happened)
