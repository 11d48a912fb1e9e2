"""State machines and their functions for tests against the running local cloud."""

import io
import json
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.integration.local_cloud.devices import Roles, client, unique

if TYPE_CHECKING:
    from tests.integration.local_cloud.conftest import MendedCloud

STATES = "states.amazonaws.com"
ENDS_WITHIN_S = 40.0

# Writes what it is called with to a file, sleeps, and fails where it is told to.
FUNCTION = """
import json, os, time

def handler(event, context):
    with open(os.environ["CALLS"], "a") as calls:
        calls.write(json.dumps({"name": os.environ["NAME"], "event": event, "pid": os.getpid()}) + "\\n")
    time.sleep(float(os.environ["SLEEPS"]))
    if os.environ["FAILS"]:
        raise RuntimeError(os.environ["FAILS"])
    return json.loads(os.environ["ANSWERS"])
"""


class Machines:
    """Makes functions and state machines, and follows executions. `calls` is where the functions write."""

    def __init__(self, cloud: "MendedCloud", folder: Path) -> None:
        self._roles = Roles(cloud)
        self._lambda, self.sfn = client(cloud, "lambda"), client(cloud, "stepfunctions")
        self._calls = folder / "calls.jsonl"

    def function(
        self,
        name: str,
        *,
        fails: str = "",
        sleeps: float = 0,
        answers: dict[str, Any] | None = None,
        handler: str = "handler.handler",
    ) -> str:
        """The ARN of a function that does what it is told here. One with another handler cannot start."""
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("handler.py", FUNCTION)
        settings = {"CALLS": str(self._calls), "NAME": name, "FAILS": fails, "SLEEPS": str(sleeps)}
        settings["ANSWERS"] = json.dumps(answers or {"answered": name})
        made = self._lambda.create_function(
            FunctionName=unique(name),
            Runtime="python3.13",
            Role=self._roles.create(service="lambda.amazonaws.com"),
            Handler=handler,
            Timeout=30,
            Code={"ZipFile": packed.getvalue()},
            Environment={"Variables": settings},
        )
        return str(made["FunctionArn"])

    def calls(self, name: str) -> list[dict[str, Any]]:
        """The events that the function was called with, oldest first."""
        return [call["event"] for call in self._made(name)]

    def processes(self, name: str) -> set[int]:
        """The ids of those that ran the function."""
        return {call["pid"] for call in self._made(name)}

    def _made(self, name: str) -> list[dict[str, Any]]:
        text = self._calls.read_text() if self._calls.exists() else ""
        made = [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]
        return [call for call in made if call["name"] == name]

    def start(self, definition: dict[str, Any], given: dict[str, Any] | None = None) -> str:
        """The ARN of an execution of a new machine that may invoke anything."""
        role = self._roles.create(("lambda:InvokeFunction", "*"), ("sqs:SendMessage", "*"), service=STATES)
        machine = self.sfn.create_state_machine(name=unique("machine"), definition=json.dumps(definition), roleArn=role)
        started = self.sfn.start_execution(stateMachineArn=machine["stateMachineArn"], input=json.dumps(given or {}))
        return str(started["executionArn"])

    def end(self, execution: str) -> dict[str, Any]:
        """DescribeExecution's answer once it is over."""
        deadline = time.monotonic() + ENDS_WITHIN_S
        while time.monotonic() < deadline:
            described: dict[str, Any] = self.sfn.describe_execution(executionArn=execution)
            if described["status"] != "RUNNING":
                return described
            time.sleep(0.1)
        raise AssertionError(f"the execution did not end within {ENDS_WITHIN_S:.0f} s")

    def entered(self, execution: str) -> list[str]:
        """The states that were entered, in order."""
        events = self.sfn.get_execution_history(executionArn=execution, maxResults=1000)["events"]
        return [each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each]
