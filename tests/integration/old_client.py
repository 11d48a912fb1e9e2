"""A program of somebody's with boto3 1.40, in an environment of its own: makes the calls that it reads, tells answers.

Nothing of this project is there but the module that makes the client.
"""

import json
import sys
from datetime import datetime
from typing import Any

from botocore.exceptions import ClientError

from coldwatch_ops.data_plane import iotevents_data_client


def main() -> None:
    """`{"url", "region", "calls": [[operation, arguments], ...]}` in, a list of answers or errors out."""
    given = json.load(sys.stdin)
    client = iotevents_data_client(given["url"], region_name=given["region"])
    credentials: list[str] = []
    client.meta.events.register("before-send.iot-events-data", lambda request, **_: _note(request, credentials))
    answers = [_made(client, operation, arguments) for operation, arguments in given["calls"]]
    json.dump({"answers": answers, "scopes": credentials}, sys.stdout, default=_epoch)


def _note(request: Any, credentials: list[str]) -> None:
    text = request.headers["Authorization"]
    text = text.decode() if isinstance(text, bytes) else text
    credentials.append(text.partition("Credential=")[2].partition(",")[0])


def _made(client: Any, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
    try:
        answer: dict[str, Any] = getattr(client, operation)(**arguments)
    except ClientError as error:
        known = isinstance(error, getattr(client.exceptions, error.response["Error"]["Code"], ()))
        return {**error.response["Error"], "is_modelled": known, "status": _status(error.response)}
    return {"status": _status(answer)} | {name: each for name, each in answer.items() if name != "ResponseMetadata"}


def _status(answer: Any) -> int:
    status: int = answer["ResponseMetadata"]["HTTPStatusCode"]
    return status


def _epoch(value: Any) -> float:
    if not isinstance(value, datetime):
        raise TypeError(value)
    return value.timestamp()


if __name__ == "__main__":
    main()
