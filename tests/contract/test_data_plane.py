"""The data plane API is the service's: held against the model that its own client was made of, and the documents."""

from functools import cache
from typing import Any

import pytest

from data_plane.errors import STATUS
from data_plane.operations import MOST_ENTRIES, OPERATIONS, operation_of
from data_plane.requests import read
from data_plane.shapes import Many, Members, Shape, Text, Whole, check
from tests.contract.template import ROOT
from tests.contract.test_events import sample
from tests.integration.old_boto3 import shapes

PAGE = (ROOT / "docs" / "data-plane.md").read_text()
OURS_IS_WIDER = {"keyValue": "any text names a detector here"}


@cache
def service() -> dict[str, Any]:
    return shapes()


def facts(shape: Shape) -> dict[str, Any]:
    """A shape of ours as the service's model tells of one."""
    found: dict[str, Any]
    match shape:
        case Text(least, most, pattern):
            found = {"type": "text", "min": least or None, "max": most, "pattern": pattern}
        case Whole(least, most):
            found = {"type": "whole", "min": least, "max": most}
        case Many(of, least):
            found = {"type": "list", "min": least or None, "of": facts(of)}
        case Members(required, optional):
            known = {**required, **optional}.items()
            members = {name: facts(each) for name, each in known if name not in OURS_IS_WIDER}
            found = {"type": "structure", "members": members, "required": sorted(required)}
    return {name: each for name, each in found.items() if each is not None}


def service_facts(shape: dict[str, Any]) -> dict[str, Any]:
    kinds = {"string": "text", "blob": "text", "integer": "whole", "long": "whole"}
    found = {**shape, "type": kinds.get(shape["type"], shape["type"])}
    if "members" in found:
        members = found["members"].items()
        found["members"] = {name: service_facts(each) for name, each in members if name not in OURS_IS_WIDER}
    if "of" in found:
        found["of"] = service_facts(found["of"])
    return found


def test_it_has_every_operation_of_the_service_and_no_other() -> None:
    assert set(OPERATIONS) == set(service())


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_answers_where_the_service_did(name: str) -> None:
    operation, theirs = OPERATIONS[name], service()[name]

    assert operation.method == theirs["method"]
    assert list(operation.path) == theirs["path"].strip("/").split("/")
    assert operation.status == theirs["status"]
    assert {**theirs["errors"], **{str(code): status for code, status in STATUS.items()}} == {
        str(code): status for code, status in STATUS.items()
    }
    if operation.failures:
        assert theirs["output"] == [operation.failures]


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_takes_what_the_service_took(name: str) -> None:
    assert facts(OPERATIONS[name].shape) == service_facts(service()[name]["input"])


def test_a_batch_has_ten_entries_at_most() -> None:
    batches = [each.shape.required[each.entries] for each in OPERATIONS.values() if each.entries]

    assert {each.most for each in batches if isinstance(each, Many)} == {MOST_ENTRIES}
    assert f"at most {MOST_ENTRIES} entries" in PAGE


def test_the_sample_asks_for_an_alarm_that_there_is_not() -> None:
    operation, document = operation_of(read(sample("data_plane")))

    check(operation.shape, document)
    assert (operation.name, document) == (
        "DescribeAlarm",
        {"alarmModelName": "freezer_too_warm", "keyValue": "acme-fridge-0001"},
    )


@pytest.mark.parametrize("name", OPERATIONS)
def test_the_page_names_every_operation(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_the_pins_of_the_old_client_reach_no_function() -> None:
    old = (ROOT / "requirements" / "iotevents.txt").read_text()
    functions = (ROOT / "functions" / "requirements.txt").read_text()

    assert "boto3==1.40." in old
    assert "--hash=sha256:" in old
    assert "boto3" not in functions
