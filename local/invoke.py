"""`python -m local.invoke NAME`: one invocation of a built function under AWS's own runtime interface client.

What runs is the artefact of `sam build`, in an interpreter that has nothing but what the Lambda runtime brings. The
Runtime API that the client asks is answered here, for one invocation:
https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html. Names and tables are those of the cloud that is up.
"""

import argparse
import json
import os
import subprocess
import sys
import threading
import time
import uuid
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import boto3

from local import deployment, process
from local.errors import LocalCloudError
from local.places import ENVIRONMENTS, ROOT, Places, places
from local.ports import HOST

_API = "/2018-06-01/runtime"
_ANSWERS_WITHIN_S = 90.0


def main(arguments: list[str]) -> int:
    """Print what the function answered: exit code 0, or 1 when it raised an error or could not be run."""
    parser = argparse.ArgumentParser(prog="make invoke", description="Invoke a built function with a sample event.")
    parser.add_argument("name", help="the function's folder, such as store_telemetry")
    parser.add_argument("--event", type=Path, help="an event; events/NAME.json by default")
    chosen = parser.parse_args(arguments)
    try:
        answer = invoke(places(), chosen.name, chosen.event or ROOT / "events" / f"{chosen.name}.json")
    except LocalCloudError as error:
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(answer.body, indent=2))
    return 1 if answer.is_error else 0


@dataclass
class Answer:
    """What the function returned, or the error it raised."""

    is_error: bool = True
    body: Any = None
    arrived: threading.Event = field(default_factory=threading.Event)


def invoke(where: Places, name: str, event: Path) -> Answer:
    """Run one invocation of the function in folder `name`. Raises LocalCloudError."""
    if name not in _names():
        raise LocalCloudError(f"There is no function {name}. Name one by its folder: {', '.join(_names())}.")
    if not event.is_file():
        raise LocalCloudError(f"There is no event {event}.")
    cloud = process.running(where)
    if cloud is None:
        raise LocalCloudError("No local cloud is up for the function to talk to. `make up` starts one.")
    environment = _environment(cloud, _configuration(cloud, name))
    answer = Answer()
    server = _RuntimeApi(event.read_bytes(), answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        _run(name, {**environment, "AWS_LAMBDA_RUNTIME_API": f"{HOST}:{server.server_port}"}, where, answer)
    finally:
        server.shutdown()
        server.server_close()
    return answer


def _names() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def _logical_id(name: str) -> str:
    return "".join(word.capitalize() for word in name.split("_")) + "Function"


def _configuration(cloud: process.Running, name: str) -> dict[str, Any]:
    session = boto3.Session("test", "test", region_name=process.REGION)
    stack = session.client("cloudformation", endpoint_url=cloud.endpoint_url)
    resource = stack.describe_stack_resource(StackName=deployment.STACK_NAME, LogicalResourceId=_logical_id(name))
    physical = resource["StackResourceDetail"]["PhysicalResourceId"]
    found = session.client("lambda", endpoint_url=cloud.endpoint_url).get_function_configuration(FunctionName=physical)
    return dict(found)


def _environment(cloud: process.Running, configuration: dict[str, Any]) -> dict[str, str]:
    return {
        **configuration["Environment"]["Variables"],
        **process.CREDENTIALS,
        "AWS_ENDPOINT_URL": cloud.endpoint_url,
        "AWS_REGION": process.REGION,
        "AWS_DEFAULT_REGION": process.REGION,
        "AWS_LAMBDA_FUNCTION_NAME": configuration["FunctionName"],
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(configuration["MemorySize"]),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "_HANDLER": configuration["Handler"],
        "PATH": os.environ["PATH"],
    }


def _run(name: str, environment: dict[str, str], where: Places, answer: Answer) -> None:
    python = ENVIRONMENTS / "runtime" / "bin" / "python"
    package = where.build / _logical_id(name)
    if not python.exists() or not package.is_dir():
        raise LocalCloudError("The runtime environment or the built function is missing. `make up` makes both.")
    client = subprocess.Popen(
        [str(python), "-P", "-m", "awslambdaric", environment["_HANDLER"]],
        cwd=package,
        env={**environment, "LAMBDA_TASK_ROOT": str(package), "PYTHONPATH": str(package)},
    )
    try:
        deadline = time.monotonic() + _ANSWERS_WITHIN_S
        while not answer.arrived.wait(0.1):
            if client.poll() is not None or time.monotonic() > deadline:
                raise LocalCloudError(f"{name} ended or did not answer; what it said stands above.")
    finally:
        client.kill()
        client.wait()


class _RuntimeApi(ThreadingHTTPServer):
    """A Runtime API that hands out one event and takes its answer."""

    def __init__(self, event: bytes, answer: Answer) -> None:
        super().__init__((HOST, 0), _RuntimeApiRequest)
        self.event = event
        self.answer = answer


class _RuntimeApiRequest(BaseHTTPRequestHandler):
    server: _RuntimeApi

    def do_GET(self) -> None:
        if not self.path.startswith(_API) or self.server.answer.arrived.is_set():
            time.sleep(_ANSWERS_WITHIN_S)  # there is no next event; the client is about to be ended
            return
        self.send_response(200)
        self.send_header("Lambda-Runtime-Aws-Request-Id", str(uuid.uuid4()))
        self.send_header("Lambda-Runtime-Deadline-Ms", str(int((time.time() + _ANSWERS_WITHIN_S) * 1000)))
        self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:local:000000000000:function:local")
        # The client's compiled part reads these without asking whether they came.
        self.send_header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(self.server.event)))
        self.end_headers()
        self.wfile.write(self.server.event)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(202)
        self.send_header("Content-Length", "0")
        self.end_headers()
        answer = self.server.answer
        answer.is_error = not self.path.endswith("/response")
        answer.body = json.loads(body or b"null")
        answer.arrived.set()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: the function's own words are what is read here."""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
