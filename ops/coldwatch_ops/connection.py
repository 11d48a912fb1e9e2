"""From the global options to an open stack: which account, which endpoint, which stack."""

import json
from argparse import Namespace
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coldwatch_ops.aws_errors import aws_exceptions
from coldwatch_ops.errors import MissingPartError, UnreachableError, UsageError
from coldwatch_ops.stack import Account, Clients, Stack

DEFAULT_STACK = "coldwatch-dev"
ENDPOINTS_FILE = "endpoints.json"
LOCAL_FOLDER = ".local"
_LOCAL_KEY = "test"
"""The local cloud's well-known access key and secret."""


@dataclass(frozen=True)
class Target:
    stack_name: str
    region: str | None = None
    endpoint_url: str | None = None
    is_local: bool = False


def target_of(options: Namespace, environ: Mapping[str, str], folder: Path) -> Target:
    """What is said on the command line wins, then --local's file, then the environment, then the default."""
    if options.endpoint_url and not options.endpoint_url.startswith(("http://", "https://")):
        raise UsageError(f"{options.endpoint_url!r} is no address: give a URL, such as http://localhost:4566.")
    local = read_endpoints(folder, environ) if options.local else {}
    stack_name = options.stack or local.get("stack_name") or environ.get("COLDWATCH_STACK") or DEFAULT_STACK
    return Target(
        stack_name=stack_name,
        region=options.region or local.get("region"),
        endpoint_url=options.endpoint_url or local.get("endpoint_url"),
        is_local=options.local,
    )


def read_endpoints(folder: Path, environ: Mapping[str, str]) -> dict[str, Any]:
    """The addresses of the running local cloud: that of COLDWATCH_LOCAL_DIR, or of `folder` or one above it."""
    chosen = environ.get("COLDWATCH_LOCAL_DIR")
    places = [Path(chosen)] if chosen else [place / LOCAL_FOLDER for place in (folder, *folder.parents)]
    for place in places:
        if (place / ENDPOINTS_FILE).is_file():
            return _decoded(place / ENDPOINTS_FILE)
    looked_in = chosen or LOCAL_FOLDER
    raise UnreachableError(
        f"No local cloud is running here: {looked_in} has no {ENDPOINTS_FILE}. Start it with `make up`."
    )


def _decoded(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text())
    except ValueError:
        document = None
    if not isinstance(document, dict) or "endpoint_url" not in document:
        raise UnreachableError(f"{path} does not name an endpoint_url. Start the local cloud again with `make up`.")
    return document


def open_clients(target: Target) -> Clients:
    try:
        import boto3  # noqa: PLC0415 - an optional dependency: `coldwatch --help` works without it
        from botocore.config import Config  # noqa: PLC0415 - likewise
    except ImportError:
        raise MissingPartError(
            "This command talks to AWS and needs boto3: install Coldwatch with `pip install '.[aws]'` in its folder."
        ) from None
    key = _LOCAL_KEY if target.is_local else None
    session = boto3.Session(region_name=target.region, aws_access_key_id=key, aws_secret_access_key=key)
    # A bucket is no host name under an address of one's own.
    s3 = {"addressing_style": "path"} if target.endpoint_url else {}
    retries = {"mode": "standard", "total_max_attempts": 5}
    config = Config(connect_timeout=5, retries=retries, s3=s3)  # type: ignore[arg-type]  # the stubs want literals
    return Clients(session, target.endpoint_url, config)


def open_account(target: Target) -> Account:
    return Account(target.stack_name, open_clients(target))


def open_stack(target: Target) -> Stack:
    """UnreachableError when the stack does not exist."""
    clients = open_clients(target)
    try:
        description = clients.cloudformation.describe_stacks(StackName=target.stack_name)["Stacks"][0]
    except aws_exceptions() as error:
        if "does not exist" in str(error):
            raise no_such_stack(target.stack_name) from None
        raise
    outputs = {output["OutputKey"]: output["OutputValue"] for output in description.get("Outputs", [])}
    return Stack(target.stack_name, description["StackId"], description["StackStatus"], outputs, clients)


def no_such_stack(stack_name: str) -> UnreachableError:
    return UnreachableError(
        f"There is no stack {stack_name} in this account and region. Name another with --stack or --region."
    )
