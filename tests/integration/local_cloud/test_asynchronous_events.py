"""Events that a function gets asynchronously, more at once than it has room for (Lambda Developer Guide:
invocation-async).
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.integration.local_cloud.devices import Device, client, eventually, topic_rule
from tests.integration.local_cloud.machines import Machines

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

pytestmark = pytest.mark.cloud

ROOM = 4


def test_of_many_events_at_once_each_reaches_its_function_and_few_processes_do(
    mended_cloud: "MendedCloud", tmp_path: Path
) -> None:
    machines = Machines(mended_cloud, tmp_path)
    function = machines.function("f", sleeps=0.1)
    permission = {"Action": "lambda:InvokeFunction", "Principal": "iot.amazonaws.com", "StatementId": "iot"}
    client(mended_cloud, "lambda").add_permission(FunctionName=function, **permission)
    numbers = list(range(30))

    with (
        topic_rule(mended_cloud, "SELECT * FROM 'dt/{topic}'", {"lambda": {"functionArn": function}}) as rule,
        Device(mended_cloud, tmp_path) as device,
    ):
        for number in numbers:
            device.send(f"dt/{rule}", b'{"number":%d}' % number)
        eventually(lambda: len(machines.calls("f")) >= len(numbers))

    assert sorted(call["number"] for call in machines.calls("f")) == numbers
    assert len(machines.processes("f")) <= ROOM
