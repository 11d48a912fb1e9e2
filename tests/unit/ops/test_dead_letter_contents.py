"""What a dead letter says; anything at all may lie on a queue."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coldwatch.detection.effect import encode_effect
from coldwatch_ops.dead_letters.contents import (
    FailedBatch,
    FailedEffect,
    FailedEvent,
    RuleError,
    Unreadable,
    read_contents,
)
from tests.unit.detection.builders import effect

RULE_ERROR: dict[str, Any] = {
    "ruleName": "coldwatch_presence",
    "topic": "$aws/events/presence/connected/acme-fridge-1",
    "cloudwatchTraceId": "t",
    "clientId": "c",
    "base64OriginalPayload": base64.b64encode(b"{}").decode(),
    "failures": [{"failedAction": "LambdaAction", "failedResource": "f", "errorMessage": "throttled"}],
}
BATCH = {"shardId": "shardId-0", "startSequenceNumber": "1", "endSequenceNumber": "2", "batchSize": 2}


def test_a_rule_error_carries_its_payload_and_its_failures() -> None:
    found = read_contents(json.dumps(RULE_ERROR))

    assert isinstance(found, RuleError)
    assert found.payload == b"{}"
    assert found.failures == ("LambdaAction: throttled",)
    assert found.is_presence


def test_a_given_up_batch_names_its_records() -> None:
    document = {"requestContext": {"condition": "RetryAttemptsExhausted"}, "KinesisBatchInfo": BATCH}

    assert read_contents(json.dumps(document)) == FailedBatch("shardId-0", "1", "2", 2, "RetryAttemptsExhausted")


def test_a_given_up_event_carries_the_event() -> None:
    document = {"requestContext": {"condition": "EventAgeExceeded"}, "requestPayload": {"eventType": "connected"}}

    assert read_contents(json.dumps(document)) == FailedEvent({"eventType": "connected"}, "EventAgeExceeded")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(st.text() | JSON.map(json.dumps))
def test_anything_else_is_unreadable_and_nothing_worse(body: str) -> None:
    assert isinstance(read_contents(body), Unreadable)


@pytest.mark.parametrize("member", [name for name in RULE_ERROR if name in {"ruleName", "topic", "failures"}])
@given(value=JSON)
def test_a_member_of_another_kind_never_raises(member: str, value: Any) -> None:
    read_contents(json.dumps(RULE_ERROR | {member: value}))


@given(value=JSON)
def test_a_payload_that_is_not_base64_is_unreadable(value: Any) -> None:
    found = read_contents(json.dumps(RULE_ERROR | {"base64OriginalPayload": value}))

    assert isinstance(found, Unreadable | RuleError)


@given(value=JSON)
def test_a_batch_of_another_kind_never_raises(value: Any) -> None:
    read_contents(json.dumps({"KinesisBatchInfo": value}))


def test_a_parked_effect_says_why() -> None:
    parked = effect()

    found = read_contents(encode_effect(parked), {"reason": "EffectError: nobody takes it"})

    assert found == FailedEffect(parked, "EffectError: nobody takes it")
