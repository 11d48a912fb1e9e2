"""What the targets of external actions would not take."""

from typing import Any

import pytest

from coldwatch.engine.checker import check
from coldwatch.engine.errors import Level
from tests.unit.engine.builders import document, event, state

TABLE = {"tableName": "'t'", "hashKeyField": "'id'", "hashKeyValue": "$input.i.x"}
TEXT = {"contentExpression": "'{}'", "type": "STRING"}
VALUE = {"value": {"doubleValue": "1.5"}}


@pytest.mark.parametrize(
    ("action", "path", "message"),
    [
        ({"dynamoDB": {**TABLE, "hashKeyType": "'TEXT'"}}, "dynamoDB.hashKeyType", "one of STRING, NUMBER"),
        ({"dynamoDB": {**TABLE, "operation": "'UPSERT'"}}, "dynamoDB.operation", "one of INSERT, UPDATE, DELETE"),
        ({"dynamoDBv2": {"tableName": "'t'", "payload": TEXT}}, "dynamoDBv2.payload.type", "must be JSON here"),
        ({"firehose": {"deliveryStreamName": "d", "separator": ";"}}, "firehose.separator", "for a separator, not ';'"),
        ({"sns": {"targetArn": "arn:aws:sns:x:1:t.fifo"}}, "sns.targetArn", "FIFO"),
        ({"sqs": {"queueUrl": "https://sqs/q.fifo"}}, "sqs.queueUrl", "FIFO"),
        ({"iotEvents": {"inputName": "i"}}, "iotEvents.inputName", "feeds its own input `i`"),
        ({"iotTopicPublish": {"mqttTopic": "'a/+/b'"}}, "iotTopicPublish.mqttTopic", "nothing can be published"),
        ({"iotTopicPublish": {"mqttTopic": "a/#"}}, "iotTopicPublish.mqttTopic", "nothing can be published"),
        ({"iotSiteWise": {"assetId": "'a'", "propertyValue": VALUE}}, "iotSiteWise", "named by `propertyAlias`"),
        (
            {"iotSiteWise": {"assetId": "'a'", "propertyId": "'p'", "propertyAlias": "'/x'", "propertyValue": VALUE}},
            "iotSiteWise",
            "named twice",
        ),
        ({"iotSiteWise": {"propertyAlias": "'/x'"}}, "iotSiteWise.propertyValue", "so nothing is written"),
        (
            {"iotSiteWise": {"propertyAlias": "'/x'", "propertyValue": {**VALUE, "quality": "'FINE'"}}},
            "iotSiteWise.propertyValue.quality",
            "one of GOOD, BAD, UNCERTAIN",
        ),
    ],
)
def test_what_a_target_would_not_take_is_told(action: dict[str, Any], path: str, message: str) -> None:
    findings = check(document(state("s", [event("e", "currentInput('i')", action)])))

    [told] = [each for each in findings if each.level is not Level.INFO]
    assert told.path == f"states[0].onInput.events[0].actions[0].{path}"
    assert message in told.message


@pytest.mark.parametrize(
    "action",
    [
        {"dynamoDB": {**TABLE, "hashKeyType": "'NUMBER'", "rangeKeyType": "$input.i.type", "operation": "'DELETE'"}},
        {"dynamoDBv2": {"tableName": "'t'", "payload": {**TEXT, "type": "JSON"}}},
        {"dynamoDBv2": {"tableName": "'t'"}},
        {"firehose": {"deliveryStreamName": "d", "separator": "\n"}},
        {"firehose": {"deliveryStreamName": "d"}},
        {"sns": {"targetArn": "arn:aws:sns:x:1:t"}},
        {"iotEvents": {"inputName": "other"}},
        {"iotTopicPublish": {"mqttTopic": "'a/${$input.i.x}/b'"}},
        {"iotSiteWise": {"assetId": "'a'", "propertyId": "'p'", "propertyValue": {**VALUE, "quality": "'GOOD'"}}},
    ],
)
def test_what_it_takes_is_not(action: dict[str, Any]) -> None:
    findings = check(document(state("s", [event("e", "currentInput('i')", action)])))

    assert [each for each in findings if each.level is not Level.INFO] == []


def test_a_choice_that_fails_is_told_as_such_alone() -> None:
    action = {"dynamoDB": {**TABLE, "operation": "'a' - 1"}}

    findings = check(document(state("s", [event("e", "currentInput('i')", action)])))

    assert [each.message for each in findings if each.level is not Level.INFO] == [
        "incompatible data types: `-` cannot take String and Integer"
    ]
