"""Reports with the real adapters: versions, hashes and locks in S3, events that are only ever added in DynamoDB."""

import ast
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest

from coldwatch.adapters import incident_writes
from coldwatch.adapters.evidence_store import S3EvidenceStore
from coldwatch.adapters.incident_context import DynamoDeviceDirectory
from coldwatch.adapters.incident_store import DynamoIncidentStore
from coldwatch.adapters.items import to_item
from coldwatch.incidents import lifecycle
from coldwatch.incidents.incident import EventType, Page, TimelineEvent
from coldwatch.reports.manifest import differences, manifest_key, read_manifest, write_manifest
from coldwatch.reports.report import Kept
from tests.contract.template import resources, template
from tests.integration.aws.incident_world import create_tables
from tests.integration.aws.stack import REGION, AwsStack
from tests.unit.incidents.builders import NOW, incident

MADE = incident()
KEY = f"incidents/{MADE.incident_id}/report.json"


def make_bucket(aws: AwsStack, name: str = "evidence", **options: Any) -> S3EvidenceStore:
    aws.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}, **options)
    aws.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    return S3EvidenceStore(boto3.client("s3", region_name=REGION), name)


def test_every_version_is_kept_and_read_by_its_id(aws: AwsStack) -> None:
    store = make_bucket(aws)

    first, second = store.keep(KEY, b"1"), store.keep(KEY, b"2")

    assert first != second
    known, newest = store.read(KEY, first), store.read(KEY)
    assert known
    assert newest
    assert (known.content, newest.content, newest.version_id) == (b"1", b"2", second)


def test_what_is_not_there_or_was_deleted_is_none(aws: AwsStack) -> None:
    store = make_bucket(aws)
    version = store.keep(KEY, b"1")
    assert store.read("incidents/other/report.json") is None

    marker = aws.s3.delete_object(Bucket="evidence", Key=KEY)["VersionId"]

    assert store.read(KEY) is None
    assert store.read(KEY, marker) is None
    kept = store.read(KEY, version)
    assert kept
    assert kept.content == b"1"


def test_a_pdf_goes_as_one_with_its_checksum(aws: AwsStack) -> None:
    store = make_bucket(aws)

    store.keep(KEY, b"%PDF", "application/pdf")

    known = aws.s3.head_object(Bucket="evidence", Key=KEY, ChecksumMode="ENABLED")
    assert known["ContentType"] == "application/pdf"
    assert known["ChecksumSHA256"]


def test_a_manifest_is_checked_against_versions_in_s3(aws: AwsStack) -> None:
    store = make_bucket(aws)
    version = store.keep(KEY, b"1")
    found = store.read(KEY)
    assert found
    content = write_manifest(MADE.incident_id, [Kept(KEY, found.sha256, 1, version)])
    store.keep(manifest_key(MADE.incident_id), content)
    manifest = read_manifest(content)
    assert list(differences(manifest, store)) == []

    store.keep(KEY, b"2")
    assert "was written over" in next(differences(manifest, store))
    aws.s3.delete_object(Bucket="evidence", Key=KEY, VersionId=version)
    assert "is gone" in next(differences(manifest, store))


def test_under_a_lock_a_version_cannot_be_removed(aws: AwsStack) -> None:
    """With the retention that the template gives the bucket, which the objects take over as they are written."""
    store = make_bucket(aws, "locked", ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 30}}
    aws.s3.put_object_lock_configuration(
        Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule}
    )

    version = store.keep(KEY, b"1")

    assert aws.s3.head_object(Bucket="locked", Key=KEY)["ObjectLockMode"] == "COMPLIANCE"
    with pytest.raises(aws.s3.exceptions.ClientError, match="AccessDenied"):
        aws.s3.delete_object(Bucket="locked", Key=KEY, VersionId=version)


def test_the_lock_is_off_unless_it_is_asked_for_and_then_is_of_the_whole_bucket() -> None:
    properties = template()["Resources"]["EvidenceBucket"]["Properties"]
    parameters = template()["Parameters"]

    assert parameters["EvidenceLockMode"]["Default"] == "OFF"
    assert properties["VersioningConfiguration"] == {"Status": "Enabled"}
    assert properties["ObjectLockEnabled"]["Fn::If"][:2] == ["HasEvidenceLock", True]
    locked = properties["ObjectLockConfiguration"]["Fn::If"][1]
    assert locked["Rule"]["DefaultRetention"] == {
        "Mode": {"Ref": "EvidenceLockMode"},
        "Days": {"Ref": "EvidenceLockDays"},
    }


def test_the_registry_may_say_how_a_sensor_was_calibrated(aws: AwsStack) -> None:
    entry: dict[str, Any] = {
        "device_id": "d",
        "site": "Basel",
        "calibration_certificate": "DKD-1",
        "calibration_due": "2027",
    }
    aws.dynamodb.put_item(TableName="DeviceTable", Item=to_item(entry))

    device = DynamoDeviceDirectory(aws.dynamodb, "DeviceTable").find("d")

    assert device
    assert (device.place, device.calibration) == ({"site": "Basel"}, {"certificate": "DKD-1", "due": "2027"})


@pytest.fixture
def incidents(aws: AwsStack) -> DynamoIncidentStore:
    create_tables(aws.dynamodb)
    return DynamoIncidentStore(aws.dynamodb, "IncidentTable")


def test_an_event_that_is_there_is_not_written_over(incidents: DynamoIncidentStore) -> None:
    opened = lifecycle.opened(MADE, "Too warm.")
    incidents.open(MADE, opened)
    forged = replace(opened, what="All is well.")
    change = lifecycle.Change(MADE, replace(MADE, revision=2), forged)
    page = Page(MADE.incident_id, 1, 1, "ana", NOW, is_sent=True)

    assert not incidents.apply(change)
    assert not incidents.keep_page(page, forged)

    assert list(incidents.timeline(MADE.incident_id)) == [opened]
    known = incidents.find(MADE.incident_id)
    assert known
    assert known.revision == 1
    assert incidents.apply(replace(change, event=TimelineEvent(NOW, "e2", EventType.REPEATED, "x", "again")))
    assert len(incidents.timeline(MADE.incident_id)) == 2


def test_no_code_writes_an_event_but_by_adding_it() -> None:
    """One call writes events, on condition that there is none of that id, and the module beside it deletes nothing."""
    source = Path(incident_writes.__file__).read_text()
    calls = [each for each in ast.walk(ast.parse(source)) if isinstance(each, ast.Call)]
    named = [ast.unparse(each) for each in calls if "event_item(" in ast.unparse(each)]

    assert [each for each in named if not each.startswith("event_item")] == [
        "put(table, event_item(incident_id, event), ABSENT)"
    ]
    assert not [each for each in calls if ast.unparse(each.func).endswith((".delete_item", ".update_item"))]
    others = [path for path in Path(incident_writes.__file__).parent.glob("*.py") if "event_item" in path.read_text()]
    assert {path.name for path in others} == {"incident_writes.py", "incident_items.py"}


def statements_on(table: str) -> list[tuple[str, dict[str, Any]]]:
    """(role, statement) of each statement of any role that names the table."""
    policies = [
        (name, policy)
        for name, role in resources("AWS::IAM::Role").items()
        for policy in role["Properties"].get("Policies", [])
    ]
    return [
        (name, statement)
        for name, policy in policies
        for statement in policy["PolicyDocument"]["Statement"]
        if f'"{table}' in json.dumps(statement["Resource"])
    ]


CHANGES = {"dynamodb:UpdateItem", "dynamodb:BatchWriteItem", "dynamodb:PartiQLUpdate", "dynamodb:PartiQLDelete"}


def test_no_role_may_update_an_event_or_delete_one() -> None:
    """Deleting is allowed of locks alone, whose partition is their own; nothing else but PutItem writes the table."""
    found = statements_on("IncidentTable")
    assert found
    for role, statement in found:
        actions = [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        assert not CHANGES & set(actions), role
        if "dynamodb:DeleteItem" in actions:
            assert actions == ["dynamodb:DeleteItem"], role
            assert statement["Condition"] == {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["open#*"]}}, role
