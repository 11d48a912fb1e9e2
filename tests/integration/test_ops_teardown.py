"""`coldwatch teardown` against moto, with a CloudFormation of our own that keeps what the template says to keep."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from coldwatch_ops.errors import DeclinedError, FailedError, RefusedError, UnreachableError
from coldwatch_ops.exit_codes import ExitCode
from coldwatch_ops.stack import Account, Clients, Stack
from coldwatch_ops.teardown.parts import find_parts
from tests.contract.template import resources
from tests.integration.ops_stack import NAME, Person, deployed, run

STACK_ID = "arn:aws:cloudformation:eu-west-1:1:stack/coldwatch-test/1"
TYPES = ("fridge", "gateway")
DEVICE_POLICY = "coldwatch_coldchain_device"
CLAIM_POLICY = "coldwatch_coldchain_claim"
RETAINED = {
    name
    for kind in ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
    for name, found in resources(kind).items()
    if found.get("DeletionPolicy") == "Retain"
}


@dataclass
class FakeCloudFormation:
    """Deletes each part that has no `DeletionPolicy: Retain`, in the order given; refuses while things hold a type."""

    clients: Clients
    parts: dict[str, tuple[str, str]]
    """Logical id: type and physical id."""
    statuses: dict[str, str] = field(default_factory=dict)
    status: str = "CREATE_COMPLETE"
    is_protected: bool = False
    refused: dict[str, str] = field(default_factory=dict)
    """Parts that cannot be deleted, until they are taken out; their reasons."""
    deletions: int = 0

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's own name
        if self.status == "DELETE_COMPLETE" and StackName != STACK_ID:
            told: Any = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}}
            raise ClientError(told, "DescribeStacks")
        found = {"StackId": STACK_ID, "StackName": NAME, "StackStatus": self.status}
        return {"Stacks": [found | {"EnableTerminationProtection": self.is_protected}]}

    def delete_stack(self, *, StackName: str) -> None:  # noqa: N803 - AWS's own name
        assert StackName == STACK_ID
        self.deletions += 1
        for name, (kind, physical_id) in self.parts.items():
            if self.statuses.get(name) == "DELETE_COMPLETE":
                continue
            if name in self.refused:
                self.statuses[name] = "DELETE_FAILED"
            elif name in RETAINED:
                self.statuses[name] = "DELETE_SKIPPED"
            else:
                delete(self.clients, kind, physical_id)
                self.statuses[name] = "DELETE_COMPLETE"
        self.status = "DELETE_FAILED" if self.refused else "DELETE_COMPLETE"

    def get_paginator(self, operation: str) -> "Pages":
        if operation == "list_stacks":
            when = datetime(2026, 11, 20, tzinfo=UTC)
            deleted = [{"StackName": NAME, "StackId": STACK_ID, "CreationTime": when, "DeletionTime": when}]
            return Pages({"StackSummaries": deleted if self.status == "DELETE_COMPLETE" else []})
        summaries = [
            {
                "LogicalResourceId": name,
                "ResourceType": kind,
                "PhysicalResourceId": physical_id,
                "ResourceStatus": self.statuses.get(name, "CREATE_COMPLETE"),
                "ResourceStatusReason": self.refused.get(name, ""),
            }
            for name, (kind, physical_id) in self.parts.items()
        ]
        return Pages({"StackResourceSummaries": summaries, "StackEvents": summaries})


@dataclass
class Pages:
    page: dict[str, Any]

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        return [self.page]


def delete(clients: Clients, kind: str, physical_id: str) -> None:
    match kind:
        case "AWS::DynamoDB::Table":
            clients.dynamodb.meta.client.delete_table(TableName=physical_id)
        case "AWS::SQS::Queue":
            clients.sqs.delete_queue(QueueUrl=physical_id)
        case "AWS::Kinesis::Stream":
            clients.kinesis.delete_stream(StreamName=physical_id)
        case "AWS::IoT::ThingType":
            clients.iot.delete_thing_type(thingTypeName=physical_id)
        case "AWS::IoT::ThingGroup":
            clients.iot.delete_thing_group(thingGroupName=physical_id)
        case "AWS::IoT::Policy":
            clients.iot.delete_policy(policyName=physical_id)
        case "AWS::Logs::LogGroup":
            clients.logs.delete_log_group(logGroupName=physical_id)
        case "AWS::S3::Bucket":
            clients.s3.delete_bucket(Bucket=physical_id)


@dataclass
class Installation:
    """A stack in use: devices with certificates, a claim certificate, objects, protected tables."""

    stack: Stack
    cloudformation: FakeCloudFormation

    @property
    def clients(self) -> Clients:
        return self.stack.clients

    def device(self, name: str, thing_type: str = "fridge", *, is_registered: bool = True) -> tuple[str, str]:
        """Its certificate's id and ARN."""
        iot = self.clients.iot
        iot.create_thing(thingName=name, thingTypeName=thing_type)
        made = iot.create_keys_and_certificate(setAsActive=True)
        iot.attach_policy(policyName=DEVICE_POLICY, target=made["certificateArn"])
        iot.attach_thing_principal(thingName=name, principal=made["certificateArn"])
        if is_registered:
            self.stack.table("DeviceTableName").put_item(Item={"device_id": name, "thing_name": name})
        return made["certificateId"], made["certificateArn"]

    def bucket(self, name: str) -> str:
        return self.cloudformation.parts[name][1]


@pytest.fixture
def installation() -> Iterator[Installation]:
    with deployed() as stack:
        clients = with_cloudformation(stack)
        parts = {
            name: (kind, physical)
            for kind, suffix in (("AWS::DynamoDB::Table", "TableName"), ("AWS::S3::Bucket", "BucketName"))
            for name in resources(kind)
            if (physical := stack.outputs.get(name.removesuffix("Table").removesuffix("Bucket") + suffix))
        }
        parts["TelemetryStream"] = ("AWS::Kinesis::Stream", stack.output("TelemetryStreamName"))
        parts["RuleErrorQueue"] = ("AWS::SQS::Queue", stack.output("RuleErrorQueueUrl"))
        for thing_type in TYPES:
            stack.clients.iot.create_thing_type(thingTypeName=thing_type)
            parts[f"{thing_type.title()}ThingType"] = ("AWS::IoT::ThingType", thing_type)
        stack.clients.iot.create_thing_group(thingGroupName="coldchain")
        parts["ColdchainThingGroup"] = ("AWS::IoT::ThingGroup", "coldchain")
        stack.clients.iot.create_policy(policyName=DEVICE_POLICY, policyDocument="{}")
        parts["ColdchainDevicePolicy"] = ("AWS::IoT::Policy", DEVICE_POLICY)
        parts["ColdchainClaimPolicy"] = ("AWS::IoT::Policy", CLAIM_POLICY)
        stack.clients.logs.create_log_group(logGroupName=f"/coldwatch/{NAME}/store_telemetry")
        parts["StoreTelemetryLogGroup"] = ("AWS::Logs::LogGroup", f"/coldwatch/{NAME}/store_telemetry")
        cloudformation = FakeCloudFormation(stack.clients, parts)
        clients.fake = cloudformation
        yield Installation(
            Stack(NAME, STACK_ID, "CREATE_COMPLETE", stack.outputs, cast("Clients", clients)), cloudformation
        )


def with_cloudformation(stack: Stack) -> Any:
    class Replaced:
        fake: FakeCloudFormation

        @property
        def cloudformation(self) -> FakeCloudFormation:
            return self.fake

        def __getattr__(self, name: str) -> Any:
            return getattr(stack.clients, name)

    return Replaced()


def test_everything_is_deleted_and_shown_to_be_gone(installation: Installation) -> None:
    iot, s3 = installation.clients.iot, installation.clients.s3
    installation.device("acme-fridge-1")
    claim = iot.create_keys_and_certificate(setAsActive=True)
    iot.attach_policy(policyName=CLAIM_POLICY, target=claim["certificateArn"])
    archive = installation.bucket("ArchiveBucket")
    s3.put_object(Bucket=archive, Key="telemetry/x", Body=b"1")
    s3.put_object(Bucket=archive, Key="telemetry/x", Body=b"2")
    s3.delete_object(Bucket=archive, Key="telemetry/x")
    device_table = installation.stack.output("DeviceTableName")
    installation.clients.dynamodb.meta.client.update_table(TableName=device_table, DeletionProtectionEnabled=True)

    answer = run(installation.stack, "teardown", person=Person(f"{NAME}\n"))

    assert answer.document["remains"] == []
    assert answer.exit_code is ExitCode.OK
    assert iot.list_things()["things"] == []
    assert iot.list_certificates()["certificates"] == []
    assert s3.list_buckets()["Buckets"] == []
    assert installation.clients.dynamodb.meta.client.list_tables()["TableNames"] == []
    assert installation.clients.logs.describe_log_groups()["logGroups"] == []


def test_nothing_is_touched_before_the_stacks_name_is_typed(installation: Installation) -> None:
    device_table = installation.stack.output("DeviceTableName")
    client = installation.clients.dynamodb.meta.client
    client.update_table(TableName=device_table, DeletionProtectionEnabled=True)
    certificate_id, _ = installation.device("acme-fridge-1")

    for said in ("yes\n", "", None):
        with pytest.raises(DeclinedError):
            run(installation.stack, "teardown", person=Person(said))

    assert client.describe_table(TableName=device_table)["Table"]["DeletionProtectionEnabled"]
    description = installation.clients.iot.describe_certificate(certificateId=certificate_id)
    assert description["certificateDescription"]["status"] == "ACTIVE"
    assert installation.cloudformation.deletions == 0


def test_what_would_be_left_behind_is_told_before_asking(installation: Installation) -> None:
    installation.device("acme-fridge-1")
    archive = installation.bucket("ArchiveBucket")
    installation.clients.s3.put_object(Bucket=archive, Key="k", Body=b"12345")
    person = Person("no")

    with pytest.raises(DeclinedError):
        run(installation.stack, "teardown", person=person)

    told = "\n".join(person.told)
    assert f"Bucket {archive} (1 object version, 5 bytes)" in told
    assert "1 thing, 1 certificate" in told
    assert f"/coldwatch/{NAME}/store_telemetry" in told
    assert installation.stack.output("ReadingTableName") in told


def test_the_archive_and_the_evidence_can_be_kept(installation: Installation) -> None:
    archive, evidence = installation.bucket("ArchiveBucket"), installation.bucket("EvidenceBucket")
    installation.clients.s3.put_object(Bucket=archive, Key="telemetry/x", Body=b"1")
    installation.clients.s3.put_object(Bucket=evidence, Key="incidents/x", Body=b"2")

    answer = run(installation.stack, "teardown", "--yes", "--keep-archive")

    assert answer.exit_code is ExitCode.OK
    assert answer.document["kept"] == [archive, evidence]
    assert installation.clients.s3.get_object(Bucket=archive, Key="telemetry/x")["Body"].read() == b"1"
    assert installation.clients.s3.get_object(Bucket=evidence, Key="incidents/x")["Body"].read() == b"2"
    assert {bucket["Name"] for bucket in installation.clients.s3.list_buckets()["Buckets"]} == {archive, evidence}


def test_a_thing_of_our_type_that_nobody_here_knows_stops_the_teardown(installation: Installation) -> None:
    installation.device("acme-fridge-1")
    installation.device("somebody-elses", is_registered=False)

    with pytest.raises(RefusedError, match="somebody-elses"):
        run(installation.stack, "teardown", "--yes")

    assert len(installation.clients.iot.list_things()["things"]) == 2
    assert installation.cloudformation.deletions == 0


def test_things_of_other_types_are_never_touched(installation: Installation) -> None:
    iot = installation.clients.iot
    iot.create_thing(thingName="other")
    installation.stack.table("DeviceTableName").put_item(Item={"device_id": "other", "thing_name": "other"})

    run(installation.stack, "teardown", "--yes")

    assert [thing["thingName"] for thing in iot.list_things()["things"]] == ["other"]


def test_a_thing_is_known_by_its_group_when_its_registry_entry_is_lost(installation: Installation) -> None:
    iot = installation.clients.iot
    installation.device("acme-fridge-1", is_registered=False)
    iot.add_thing_to_thing_group(thingGroupName="coldchain", thingName="acme-fridge-1")

    answer = run(installation.stack, "teardown", "--yes")

    assert answer.exit_code is ExitCode.OK
    assert iot.list_things()["things"] == []


def test_a_thing_is_known_by_the_allow_list_until_its_replacement_has_claimed(installation: Installation) -> None:
    installation.device("acme-fridge-7", is_registered=False)
    serial = {"serial": "7", "fleet_id": "acme", "device_type": "fridge", "status": "ALLOWED"}
    installation.stack.table("AllowedSerialTableName").put_item(Item=serial)

    answer = run(installation.stack, "teardown", "--yes")

    assert answer.exit_code is ExitCode.OK
    assert installation.clients.iot.list_things()["things"] == []


def test_a_certificate_that_serves_others_too_is_only_taken_off_ours(installation: Installation) -> None:
    iot = installation.clients.iot
    certificate_id, arn = installation.device("acme-fridge-1")
    iot.create_policy(policyName="theirs", policyDocument="{}")
    iot.attach_policy(policyName="theirs", target=arn)

    answer = run(installation.stack, "teardown", "--yes")

    assert answer.exit_code is ExitCode.OK
    assert iot.describe_certificate(certificateId=certificate_id)["certificateDescription"]["status"] == "ACTIVE"
    assert [policy["policyName"] for policy in iot.list_attached_policies(target=arn)["policies"]] == ["theirs"]


def test_thing_types_are_waited_for_as_aws_asks(installation: Installation) -> None:
    installation.cloudformation.refused = {"FridgeThingType": "must be deprecated for at least 5 minutes"}

    class Patient(Person):
        def wait(self, seconds: float) -> None:
            super().wait(seconds)
            if seconds > 300:
                installation.cloudformation.refused.clear()

    patient = Patient()
    answer = run(installation.stack, "teardown", "--yes", person=patient)

    assert answer.exit_code is ExitCode.OK
    assert installation.cloudformation.deletions == 2
    assert patient.waited_s >= 300


def test_a_deletion_that_fails_says_why_and_can_be_run_again(installation: Installation) -> None:
    installation.cloudformation.refused = {"RuleErrorQueue": "not authorized"}

    with pytest.raises(FailedError, match="RuleErrorQueue: not authorized"):
        run(installation.stack, "teardown", "--yes")
    installation.cloudformation.refused.clear()
    answer = run(installation.stack, "teardown", "--yes")

    assert answer.exit_code is ExitCode.OK


def test_buckets_of_a_stack_that_is_deleted_already_are_still_found(installation: Installation) -> None:
    installation.clients.s3.put_object(Bucket=installation.bucket("QuarantineBucket"), Key="q", Body=b"1")
    for thing_type in TYPES:
        installation.clients.iot.deprecate_thing_type(thingTypeName=thing_type)
    installation.cloudformation.delete_stack(StackName=STACK_ID)
    assert len(installation.clients.s3.list_buckets()["Buckets"]) == len(resources("AWS::S3::Bucket"))

    answer = run(installation.stack, "teardown", "--yes")

    assert answer.exit_code is ExitCode.OK
    assert installation.clients.s3.list_buckets()["Buckets"] == []
    assert installation.cloudformation.deletions == 1


def test_a_log_group_that_a_function_made_again_is_removed(installation: Installation) -> None:
    late = f"/coldwatch/{NAME}/late"
    installation.clients.logs.create_log_group(logGroupName=late)

    run(installation.stack, "teardown", "--yes")

    assert installation.clients.logs.describe_log_groups()["logGroups"] == []


def test_a_stack_protected_against_termination_is_refused(installation: Installation) -> None:
    installation.cloudformation.is_protected = True

    with pytest.raises(RefusedError, match="no-enable-termination-protection"):
        run(installation.stack, "teardown", "--yes")


def test_what_is_under_object_lock_stays_and_is_said_to(installation: Installation) -> None:
    s3 = installation.clients.s3
    bucket = "locked-archive"
    place: Any = {"LocationConstraint": "eu-west-1"}
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration=place, ObjectLockEnabledForBucket=True)
    until = datetime(2099, 1, 1, tzinfo=UTC)
    s3.put_object(Bucket=bucket, Key="k", Body=b"1", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)
    installation.cloudformation.parts["ArchiveBucket"] = ("AWS::S3::Bucket", bucket)
    person = Person()

    answer = run(installation.stack, "teardown", "--yes", person=person)

    assert answer.exit_code is ExitCode.FAILED
    assert any("Object Lock is on" in line for line in person.told)
    assert "under Object Lock" in answer.document["problems"][0]
    assert answer.document["remains"] == [f"AWS::S3::Bucket {bucket}"]


def test_a_stack_that_never_was_is_unreachable(installation: Installation) -> None:
    account = Account("coldwatch-nobody", installation.stack.clients)
    installation.cloudformation.status = "DELETE_COMPLETE"
    installation.cloudformation.parts = {}

    assert find_parts(account) is None
    with pytest.raises(UnreachableError, match="no stack coldwatch-nobody"):
        run(Stack("coldwatch-nobody", "", "", {}, installation.stack.clients), "teardown", "--yes")
