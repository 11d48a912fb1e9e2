"""Starts few of the functions' processes at a time; who waits for one takes one that becomes free meanwhile.

MiniStack starts a process for each invocation that finds none free, however many are starting. When sixty incidents
of a site open in a minute, a laptop then imports sixty Pythons at once, for each of the functions, and none is ready
before the step that asked for it is out of time. Lambda has the machines for that; where a warm environment is there,
it is used (https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html). Here it is worth waiting for.
"""

import os
import threading
import time
from typing import Any

from ministack.core import lambda_runtime
from ministack.services import lambda_svc

from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.core.lambda_runtime:acquire_worker", "5017d144adb5b983"),
    Upstream("ministack.core.lambda_runtime:release_worker", "25d5dd7d42b6e30c"),
    Upstream("ministack.core.lambda_runtime:_worker_key", "0537100beb43da29"),
    Upstream("ministack.core.lambda_runtime:Worker._spawn", "c55febf956565c5e"),
    Upstream("ministack.core.lambda_runtime:Worker.invoke", "96751a75471021ec"),
    Upstream("ministack.services.lambda_svc:_execute_function_warm", "62b9218bef5b948a"),
)

AT_ONCE = os.cpu_count() or 1
"""Processes that start at the same time, of all functions."""
_PATIENCE_S = 20.0
"""What hangs while it starts cannot keep the others from starting for longer."""
_LOOKS_AGAIN_S = 1.0

_acquire, _release = lambda_runtime.acquire_worker, lambda_runtime.release_worker
_spawn = lambda_runtime.Worker._spawn  # noqa: SLF001 - starts the process, and returns when it has imported the function

_changed = threading.Condition()  # whoever holds it may ask for it again
_starting: dict[Any, float] = {}
"""Worker -> since when its process is starting, by the monotonic clock."""


def install() -> None:
    lambda_svc.acquire_worker = acquire
    lambda_svc.release_worker = release
    lambda_runtime.Worker._spawn = spawn  # noqa: SLF001 - the mend


def acquire(
    name: str, config: dict[str, Any], code: bytes, qualifier: str = "$LATEST", max_concurrency: int | None = None
) -> tuple[Any, str]:
    """MiniStack's own, once a process of the function is free or there is room for another to start."""
    key = lambda_runtime._worker_key(name, config, qualifier)  # noqa: SLF001 - what the pools are kept by
    with _changed:
        while (free := _take_free(key)) is None and not _is_room():
            _changed.wait(_LOOKS_AGAIN_S)
        if free is not None:
            return free, "reused"
        worker, reason = _acquire(name, config, code, qualifier=qualifier, max_concurrency=max_concurrency)
        if worker is not None:
            _starting[worker] = time.monotonic()
        return worker, reason


def release(worker: Any) -> None:
    """Where nobody can take it between two looks of `acquire`."""
    with _changed:
        _release(worker)
        _started(worker)  # should its process never have been asked to start


def spawn(worker: Any) -> None:
    try:
        _spawn(worker)
    finally:
        _started(worker)


def _started(worker: Any) -> None:
    with _changed:
        _starting.pop(worker, None)
        _changed.notify_all()


def _is_room() -> bool:
    """What has been starting for too long hangs, and is not waited for."""
    now = time.monotonic()
    return sum(now - since < _PATIENCE_S for since in _starting.values()) < AT_ONCE


def _take_free(key: str) -> Any:
    with lambda_runtime._lock:  # noqa: SLF001 - guards the pools
        if (worker := _free(key)) is not None:
            worker.in_use = True
            worker.last_used = time.time()  # MiniStack ends what was not used for long
    return worker


def _free(key: str) -> Any:
    """A worker nobody uses whose process runs; one whose process has ended has to start it again."""
    pool = lambda_runtime._workers.get(key, ())  # noqa: SLF001 - the pools have no other reader
    return next((each for each in pool if not each.in_use and each._proc and each._proc.poll() is None), None)  # noqa: SLF001 - the worker's own
