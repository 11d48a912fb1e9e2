"""One candidate, once, in a process of its own: what it took, and its answer, as one line of JSON.

Time is the process's own CPU time, so that a busy neighbour costs little. Where a candidate decodes and decides in one
loop, decoding alone is measured on the same messages and taken off; which of the two comes first changes from batch to
batch, so that neither always finds the messages in the processor's cache.
"""

import importlib
import json
import resource
import sys
from collections.abc import Callable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import process_time_ns
from typing import Any, Final, Protocol

from benchmarks.candidates.streaming import Streaming
from benchmarks.candidates.whole import Whole

BATCH: Final = 500
BUFFER: Final = 1 << 16
"""What is read of the file at once; the usual 8 kB would cost `replay` as much again."""


class Answering(Protocol):
    def answer(self) -> list[Any]: ...


def spent[**Given](work: Callable[Given, Any], *args: Given.args, **kwargs: Given.kwargs) -> int:
    """Nanoseconds of CPU time."""
    before = process_time_ns()
    work(*args, **kwargs)
    return process_time_ns() - before


def stream(candidate: Streaming, path: Path) -> dict[str, int]:
    messages = decode_ns = total_ns = 0
    is_decoded_first = False
    with path.open("rb", buffering=BUFFER) as file:
        while lines := list(islice(file, BATCH)):
            is_decoded_first = not is_decoded_first
            if is_decoded_first:
                decode_ns += spent(candidate.decode, lines)
            total_ns += spent(candidate.feed, lines)
            if not is_decoded_first:
                decode_ns += spent(candidate.decode, lines)
            messages += len(lines)
    return {"messages": messages, "decode_ns": decode_ns, "total_ns": total_ns}


def replay(candidate: Streaming, path: Path) -> dict[str, int]:
    """As `stream`, but reading the file counts, too."""
    began = process_time_ns()
    counted = stream(candidate, path)
    return counted | {"total_ns": process_time_ns() - began - counted["decode_ns"]}


def whole(candidate: Whole, path: Path) -> dict[str, int]:
    with path.open("rb") as file:
        messages = sum(1 for _ in file)
    decode_ns = spent(candidate.read, path)
    return {"messages": messages, "decode_ns": decode_ns, "total_ns": decode_ns + spent(candidate.find)}


def peak_kb() -> int:
    """`getrusage` also counts what the process was before it became this one; Linux tells of this one alone."""
    with suppress(OSError):
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak // 1024 if sys.platform == "darwin" else peak


WAYS: Final[dict[str, Callable[[Any, Path], dict[str, int]]]] = {"stream": stream, "replay": replay, "whole": whole}


def main(way: str, module: str, path: str) -> None:
    candidate = importlib.import_module(f"benchmarks.candidates.{module}").Candidate()
    counted = WAYS[way](candidate, Path(path))
    # Before the answer is put into JSON, which is not the candidate's work.
    counted["peak_kb"] = peak_kb()
    print(json.dumps(counted | {"answer": candidate.answer()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
