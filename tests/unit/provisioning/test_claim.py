"""Who may have a certificate of its own."""

from typing import Any

import pytest

from coldwatch.provisioning.claim import ALLOWED, CLAIMED, Allowance, ClaimRequest, Grant, Refusal, decide, read_request
from coldwatch.telemetry.topics import Application

REQUEST = ClaimRequest("0001", Application.COLDCHAIN, "c" * 64)
ON_THE_LIST = Allowance("0001", "coldchain", "acme", "fridge", ALLOWED)
EVENT: dict[str, Any] = {
    "certificateId": "c" * 64,
    "templateName": "coldwatch_coldchain",
    "parameters": {"SerialNumber": "0001"},
}


def allowed(**changes: Any) -> Allowance:
    fields = {name: getattr(ON_THE_LIST, name) for name in Allowance.__slots__}
    return Allowance(**(fields | changes))


def test_a_free_serial_is_granted_the_identity_on_the_list() -> None:
    assert decide(REQUEST, ON_THE_LIST) == Grant(REQUEST, "acme-fridge-0001", "acme", "fridge", is_repeated=False)


def test_the_certificate_that_claimed_a_serial_may_ask_again() -> None:
    decision = decide(REQUEST, allowed(status=CLAIMED, certificate_id="c" * 64))

    assert isinstance(decision, Grant)
    assert decision.is_repeated


@pytest.mark.parametrize(
    ("allowance", "reason"),
    [
        (None, "serial_not_allowed"),
        (allowed(status=CLAIMED, certificate_id="other"), "already_claimed"),
        (allowed(status=CLAIMED), "already_claimed"),
        (allowed(status="BLOCKED", certificate_id="c" * 64), "already_claimed"),
        (allowed(application="factory"), "wrong_application"),
        (allowed(device_type="machine"), "unfit_allowance"),
        (allowed(fleet_id="a-b"), "unfit_allowance"),
        (allowed(fleet_id=""), "unfit_allowance"),
    ],
)
def test_everything_else_is_refused_with_its_reason(allowance: Allowance | None, reason: str) -> None:
    decision = decide(REQUEST, allowance)

    assert isinstance(decision, Refusal)
    assert decision.reason == reason


@pytest.mark.parametrize(
    "template",
    [
        {"templateName": "coldwatch_coldchain"},
        {"templateName": None, "templateArn": "arn:x/staging_coldwatch_coldchain"},
    ],
)
def test_the_template_says_the_application(template: dict[str, Any]) -> None:
    assert read_request(EVENT | template) == REQUEST


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"parameters": None}, "malformed_request"),
        ({"parameters": {"SerialNumber": ""}}, "malformed_request"),
        ({"parameters": {"SerialNumber": 5}}, "malformed_request"),
        ({"parameters": {"SerialNumber": "1" * 129}}, "malformed_request"),
        ({"certificateId": None}, "malformed_request"),
        ({"templateName": "another"}, "unknown_template"),
        ({"templateName": None}, "unknown_template"),
    ],
)
def test_a_malformed_request_is_refused(changes: dict[str, Any], reason: str) -> None:
    request = read_request(EVENT | changes)

    assert isinstance(request, Refusal)
    assert request.reason == reason
