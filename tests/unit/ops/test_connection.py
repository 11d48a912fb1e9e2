"""Which stack is meant, where it is, and what is said when it cannot be reached."""

import json
from argparse import Namespace
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ProfileNotFound,
)

from coldwatch_ops.aws_errors import as_ops_error
from coldwatch_ops.connection import Target, read_endpoints, target_of
from coldwatch_ops.errors import UnreachableError
from coldwatch_ops.exit_codes import ExitCode

LOCAL = {"endpoint_url": "http://127.0.0.1:5150", "region": "eu-west-1", "stack_name": "coldwatch-local"}
HERE = Target("coldwatch-local", "eu-west-1", LOCAL["endpoint_url"], is_local=True)


def options(**given: Any) -> Namespace:
    return Namespace(**{"stack": None, "region": None, "endpoint_url": None, "local": False} | given)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder below one in which the local cloud runs."""
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "endpoints.json").write_text(json.dumps(LOCAL))
    below = tmp_path / "docs"
    below.mkdir()
    return below


@pytest.mark.parametrize(
    ("given", "environ", "expected"),
    [
        ({}, {}, Target("coldwatch-dev")),
        ({}, {"COLDWATCH_STACK": "mine"}, Target("mine")),
        ({"stack": "this"}, {"COLDWATCH_STACK": "mine"}, Target("this")),
        ({"local": True}, {"COLDWATCH_STACK": "mine"}, HERE),
        ({"local": True, "stack": "this"}, {}, replace(HERE, stack_name="this")),
        ({"region": "us-east-1", "endpoint_url": "http://x"}, {}, Target("coldwatch-dev", "us-east-1", "http://x")),
    ],
)
def test_what_is_said_wins_over_the_file_and_the_file_over_the_environment(
    folder: Path, given: dict[str, Any], environ: dict[str, str], expected: Target
) -> None:
    assert target_of(options(**given), environ, folder) == expected


def test_without_a_local_cloud_a_sentence_says_how_to_start_one(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match="make up"):
        read_endpoints(tmp_path, {})


def test_another_local_cloud_can_be_named_by_its_folder(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "endpoints.json").write_text(json.dumps(LOCAL | {"stack_name": "another"}))

    assert read_endpoints(folder, {"COLDWATCH_LOCAL_DIR": str(other)})["stack_name"] == "another"


@pytest.mark.parametrize("text", ["", "[]", "{}", "{"])
def test_a_half_written_file_is_no_local_cloud(folder: Path, text: str) -> None:
    (folder.parent / ".local" / "endpoints.json").write_text(text)

    with pytest.raises(UnreachableError, match="endpoint_url"):
        read_endpoints(folder, {})


def service_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "DescribeStacks")


@pytest.mark.parametrize(
    ("error", "exit_code", "says"),
    [
        (NoCredentialsError(), ExitCode.UNREACHABLE, "--local"),
        (ProfileNotFound(profile="x"), ExitCode.UNREACHABLE, "could not be loaded"),
        (NoRegionError(), ExitCode.USAGE, "--region"),
        (EndpointConnectionError(endpoint_url="http://127.0.0.1:1"), ExitCode.UNREACHABLE, "make up"),
        (service_error("ExpiredToken"), ExitCode.UNREACHABLE, "Sign in again"),
        (service_error("AccessDeniedException"), ExitCode.DENIED, "AWS refused DescribeStacks"),
        (service_error("ThrottlingException"), ExitCode.FAILED, "DescribeStacks failed (ThrottlingException)"),
    ],
)
def test_an_error_of_aws_becomes_one_sentence_with_a_remedy(error: Exception, exit_code: ExitCode, says: str) -> None:
    told = as_ops_error(error)

    assert told.exit_code is exit_code
    assert says in str(told)
    assert "\n" not in str(told)
