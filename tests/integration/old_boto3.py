"""How a test makes calls with the old client."""

import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from local.places import ENVIRONMENTS, ROOT

PYTHON = ENVIRONMENTS / "iotevents" / "bin" / "python"


@dataclass(frozen=True)
class OldClient:
    """`scopes` of what each request was signed for."""

    url: str
    region: str = "eu-west-1"

    def calls(self, *calls: tuple[str, dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
        """The answers, and the credential of each request's signature."""
        given = json.dumps({"url": self.url, "region": self.region, "calls": calls})
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "ops"), "NO_PROXY": "*"}
        environment |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_MAX_ATTEMPTS": "1"}
        program = Path(__file__).with_name("old_client.py")
        done = subprocess.run(
            [PYTHON, program], input=given, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        return found["answers"], found["scopes"]

    def call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        ((answer,), _) = self.calls((operation, arguments))
        return answer


def shapes() -> dict[str, Any]:
    """The service's own model: operation -> method, path, status, errors and the shape of its request."""
    done = subprocess.run([PYTHON, "-c", _SHAPES], capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


_SHAPES = """
import json, botocore.session
model = botocore.session.get_session().get_service_model("iotevents-data")

def told(shape):
    facts = {name: shape.metadata[name] for name in ("min", "max", "pattern") if name in shape.metadata}
    facts["type"] = shape.type_name
    if shape.type_name == "structure":
        facts["members"] = {name: told(each) for name, each in shape.members.items()}
        facts["required"] = sorted(shape.required_members)
    if shape.type_name == "list":
        facts["of"] = told(shape.member)
    return facts

print(json.dumps({
    name: {
        "method": operation.http["method"],
        "path": operation.http["requestUri"],
        "status": operation.http.get("responseCode", 200),
        "errors": {each.name: each.metadata["error"]["httpStatusCode"] for each in operation.error_shapes},
        "input": told(operation.input_shape),
        "output": sorted(operation.output_shape.members),
    }
    for name in model.operation_names for operation in [model.operation_model(name)]
}))
"""
