"""Many invocations at once, on a machine that has room for a few processes to start."""

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.local_cloud.devices import client
from tests.integration.local_cloud.machines import Machines

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

ROOM = os.cpu_count() or 1
MANY = 10 * ROOM


@pytest.fixture
def machines(mended_cloud: "MendedCloud", tmp_path: Path) -> Machines:
    return Machines(mended_cloud, tmp_path)


def invoke(cloud: "MendedCloud", function: str, times: int) -> list[dict[str, Any]]:
    """The answers to as many invocations at once."""

    def answer(connection: Any) -> dict[str, Any]:
        with closing(connection):
            said: dict[str, Any] = connection.invoke(FunctionName=function)
            said["Payload"].read()
            return said

    clients = [client(cloud, "lambda") for _ in range(times)]
    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(answer, clients))


def test_of_many_invocations_at_once_each_is_answered_by_few_processes(
    mended_cloud: "MendedCloud", machines: Machines
) -> None:
    function = machines.function("short")

    answers = invoke(mended_cloud, function, MANY)

    assert [each for each in answers if "FunctionError" in each] == []
    assert len(machines.calls("short")) == MANY
    assert len(machines.processes("short")) <= MANY // 2


def test_those_that_take_long_run_beside_one_another(mended_cloud: "MendedCloud", machines: Machines) -> None:
    function = machines.function("long", sleeps=4)

    invoke(mended_cloud, function, 2 * ROOM)

    assert len(machines.processes("long")) > ROOM, "what waits for a process that is busy gets one of its own"


def test_what_cannot_start_is_refused_and_others_start(mended_cloud: "MendedCloud", machines: Machines) -> None:
    broken, whole = machines.function("broken", handler="nowhere.handler"), machines.function("whole")

    refused = invoke(mended_cloud, broken, 2 * ROOM)
    answered = invoke(mended_cloud, whole, 1)

    assert all("FunctionError" in each for each in refused)
    assert "FunctionError" not in answered[0]
