"""The template keeps the house rules, and agrees with the folders, the configuration and the documents."""

import importlib
import json
import re
import sys
import tomllib
from typing import Any

import pytest

from .template import ROOT, resources, shorten, template

FUNCTIONS = resources("AWS::Serverless::Function")
DAYS_14 = 14 * 24 * 3600


def folder_of(logical_id: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", logical_id.removesuffix("Function")).lower()


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_a_function_is_named_after_its_folder_and_its_handler_imports(logical_id: str) -> None:
    handler = FUNCTIONS[logical_id]["Properties"]["Handler"]
    module, _, attribute = handler.rpartition(".")
    assert module == f"{folder_of(logical_id)}.handler"
    assert callable(getattr(importlib.import_module(module), attribute))


def test_every_function_folder_stands_in_the_template() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}
    assert folders == {folder_of(logical_id) for logical_id in FUNCTIONS}


def test_no_function_folder_shadows_the_standard_library_or_is_dropped_by_sam() -> None:
    names = {path.name for path in (ROOT / "functions").iterdir() if path.is_dir()}
    assert not names & (set(sys.stdlib_module_names) | {"env", "venv", "ENV"})


@pytest.mark.parametrize("name", ["detectors", "schemas"])
def test_data_folders_ship_with_the_code(name: str) -> None:
    assert (ROOT / "functions" / name).is_dir(), "symlink lost: git config core.symlinks true"


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_each_function_has_a_log_group_whose_retention_follows_the_stage(logical_id: str) -> None:
    group = FUNCTIONS[logical_id]["Properties"]["LoggingConfig"]["LogGroup"]["Ref"]
    assert resources("AWS::Logs::LogGroup")[group]["Properties"]["RetentionInDays"] == {
        "Fn::FindInMap": ["LogRetention", "Days", {"Ref": "Stage"}]
    }
    assert template()["Mappings"]["LogRetention"]["Days"] == {"local": 3, "dev": 3, "staging": 30, "prod": 30}


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_each_function_has_a_role_of_its_own(logical_id: str) -> None:
    role = f"{logical_id.removesuffix('Function')}Role"
    assert FUNCTIONS[logical_id]["Properties"]["Role"] == {"Fn::GetAtt": [role, "Arn"]}


@pytest.mark.parametrize("logical_id", FUNCTIONS)
def test_each_function_is_watched_for_errors(logical_id: str) -> None:
    watched = {
        alarm["Properties"]["MetricName"]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        if {"Name": "FunctionName", "Value": {"Ref": logical_id}} in alarm["Properties"]["Dimensions"]
    }
    assert "Errors" in watched


def test_one_alarm_watches_all_functions_for_throttles() -> None:
    alarm = resources("AWS::CloudWatch::Alarm")["FunctionThrottleAlarm"]["Properties"]
    assert (alarm["MetricName"], alarm["Dimensions"]) == ("Throttles", [])


@pytest.mark.parametrize(
    ("function", "window"), [("StoreTelemetry", {"Ref": "StoreWindowSeconds"}), ("EvaluateDetectors", 1)]
)
def test_the_event_sources_of_the_stream_retry_bisect_and_give_up_as_designed(function: str, window: object) -> None:
    source = FUNCTIONS[f"{function}Function"]["Properties"]["Events"]["Telemetry"]["Properties"]
    assert source["BatchSize"] == 500
    assert source["MaximumBatchingWindowInSeconds"] == window
    assert template()["Parameters"]["StoreWindowSeconds"]["Default"] == 5
    assert source["ParallelizationFactor"] == 1
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert source["BisectBatchOnFunctionError"] is True
    assert source["MaximumRetryAttempts"] == 5
    assert source["MaximumRecordAgeInSeconds"] == 6 * 3600
    assert source["DestinationConfig"]["OnFailure"]["Destination"] == {
        "Fn::GetAtt": [f"{function}DeadLetterQueue", "Arn"]
    }


def test_the_stream_keeps_a_week_encrypted_in_the_mode_of_the_parameter() -> None:
    (stream,) = (found["Properties"] for found in resources("AWS::Kinesis::Stream").values())
    assert stream["RetentionPeriodHours"] == 7 * 24
    assert stream["StreamModeDetails"] == {"StreamMode": {"Ref": "StreamMode"}}
    assert stream["StreamEncryption"]["EncryptionType"] == "KMS"


@pytest.mark.parametrize("logical_id", resources("AWS::DynamoDB::Table"))
def test_each_table_is_on_demand_recoverable_encrypted_and_protected_by_parameter(logical_id: str) -> None:
    table = resources("AWS::DynamoDB::Table")[logical_id]["Properties"]
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["DeletionProtectionEnabled"] == {"Fn::If": ["IsProtected", True, False]}


@pytest.mark.parametrize(
    ("logical_id", "attribute"),
    [
        ("ReadingTable", "expires_at"),
        ("DetectorTable", "expires_at"),
        ("LinkTable", "forget_at"),
        ("StormTable", "forget_at"),
        ("AttemptTable", "forget_at"),
    ],
)
def test_what_is_of_no_more_use_leaves_by_time_to_live(logical_id: str, attribute: str) -> None:
    table = resources("AWS::DynamoDB::Table")[logical_id]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": attribute, "Enabled": True}


@pytest.mark.parametrize("logical_id", resources("AWS::S3::Bucket"))
def test_each_bucket_is_versioned_encrypted_private_and_tls_only(logical_id: str) -> None:
    bucket = resources("AWS::S3::Bucket")[logical_id]["Properties"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4
    policy = template()["Resources"][f"{logical_id}Policy"]["Properties"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert policy["Bucket"] == {"Ref": logical_id}
    assert (statement["Effect"], statement["Principal"], statement["Action"]) == ("Deny", "*", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_the_archive_ages_to_colder_classes_and_ends_after_five_years_by_default() -> None:
    bucket = resources("AWS::S3::Bucket")["ArchiveBucket"]["Properties"]
    rule = bucket["LifecycleConfiguration"]["Rules"][0]
    instant, deep = rule["Transitions"]
    assert instant == {"StorageClass": "GLACIER_IR", "TransitionInDays": {"Ref": "GlacierAfterDays"}}
    assert deep["Fn::If"][1] == {"StorageClass": "DEEP_ARCHIVE", "TransitionInDays": {"Ref": "DeepArchiveAfterDays"}}
    assert rule["ExpirationInDays"] == {"Ref": "ArchiveRetentionDays"}
    defaults = {name: parameter.get("Default") for name, parameter in template()["Parameters"].items()}
    assert (defaults["GlacierAfterDays"], defaults["DeepArchiveAfterDays"]) == (90, 180)
    assert defaults["ArchiveRetentionDays"] == 1826


@pytest.mark.parametrize("logical_id", resources("AWS::SQS::Queue"))
def test_each_queue_keeps_for_fourteen_days_and_is_watched(logical_id: str) -> None:
    queue = resources("AWS::SQS::Queue")[logical_id]["Properties"]
    assert queue["MessageRetentionPeriod"] == DAYS_14
    assert queue["SqsManagedSseEnabled"] is True
    watched = [
        alarm["Properties"]["Dimensions"][0]["Value"]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        if alarm["Properties"]["Namespace"] == "AWS/SQS"
    ]
    assert {"Fn::GetAtt": [logical_id, "QueueName"]} in watched


@pytest.mark.parametrize("logical_id", resources("AWS::SQS::Queue"))
def test_each_queue_that_functions_work_off_has_a_place_for_what_they_cannot(logical_id: str) -> None:
    queues = resources("AWS::SQS::Queue")
    if logical_id.endswith(("DeadLetterQueue", "RuleErrorQueue")):
        return
    queue = queues[logical_id]["Properties"]
    dead = queue["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]
    assert queues[dead]["Properties"].get("FifoQueue") == queue.get("FifoQueue")
    (function,) = (
        found["Properties"]
        for found in FUNCTIONS.values()
        for source in found["Properties"].get("Events", {}).values()
        if source["Type"] == "SQS" and source["Properties"]["Queue"] == {"Fn::GetAtt": [logical_id, "Arn"]}
    )
    assert queue["VisibilityTimeout"] >= 6 * function["Timeout"], "AWS advises six times the function's time-out"


@pytest.mark.parametrize("logical_id", resources("AWS::Serverless::StateMachine"))
def test_each_workflow_is_watched_logged_without_its_data_and_traced(logical_id: str) -> None:
    machine = resources("AWS::Serverless::StateMachine")[logical_id]["Properties"]
    watched = {
        alarm["Properties"]["MetricName"]
        for alarm in resources("AWS::CloudWatch::Alarm").values()
        if {"Name": "StateMachineArn", "Value": {"Ref": logical_id}} in alarm["Properties"]["Dimensions"]
    }
    assert watched == {"ExecutionsFailed", "ExecutionsTimedOut", "ExecutionsAborted"}
    assert (machine["Type"], machine["Logging"]["IncludeExecutionData"]) == ("STANDARD", False)
    assert machine["Tracing"] == {"Enabled": True}


def test_nobody_but_the_contacts_function_subscribes_and_nobody_but_it_and_the_notifier_publishes() -> None:
    policy = resources("AWS::SNS::TopicPolicy")["NotificationTopicPolicy"]["Properties"]
    found = {
        statement["Action"]: (statement["Effect"], statement["Principal"], statement["Condition"])
        for statement in policy["PolicyDocument"]["Statement"]
    }
    assert policy["Topics"] == [{"Ref": "NotificationTopic"}]
    contacts, notifier = ({"Fn::GetAtt": [f"{name}Role", "Arn"]} for name in ("ManageContacts", "NotifyTier"))
    assert found == {
        action: ("Deny", "*", {"ArnNotEquals": {"aws:PrincipalArn": roles}})
        for action, roles in (("sns:Subscribe", contacts), ("sns:Publish", [notifier, contacts]))
    }


@pytest.mark.parametrize(("role", "sid"), [("NotifyTier", "SendMails"), ("ManageContacts", "SendTestMails")])
def test_mails_are_sent_from_the_sender_of_the_template_alone(role: str, sid: str) -> None:
    (policy,) = template()["Resources"][f"{role}Role"]["Properties"]["Policies"]
    (found,) = [each for each in policy["PolicyDocument"]["Statement"] if each["Sid"] == sid]
    assert found["Condition"] == {"StringEquals": {"ses:FromAddress": {"Ref": "MailSender"}}}


def test_the_key_of_codes_is_made_by_the_template_and_is_long() -> None:
    key = resources("AWS::SecretsManager::Secret")["CodeKey"]["Properties"]
    assert key["GenerateSecretString"]["PasswordLength"] == 64
    assert "SecretString" not in key


def test_what_ses_says_comes_of_the_stacks_own_mails_alone() -> None:
    rule = resources("AWS::Events::Rule")["MailDeliveryRule"]["Properties"]
    own = rule["EventPattern"]["detail"]["mail"]["tags"]["ses:configuration-set"]
    assert rule["EventPattern"]["source"] == ["aws.ses"]
    assert own == [resources("AWS::SES::ConfigurationSet")["MailConfigurationSet"]["Properties"]["Name"]]


def test_only_the_incident_page_answers_the_world_and_the_data_plane_whom_iam_lets_in() -> None:
    with_address = {name: found["Properties"].get("FunctionUrlConfig") for name, found in FUNCTIONS.items()}
    assert {name: found for name, found in with_address.items() if found} == {
        "IncidentPageFunction": {"AuthType": "NONE"},
        "DataPlaneFunction": {"AuthType": "AWS_IAM"},
    }


@pytest.mark.parametrize("logical_id", resources("AWS::IoT::TopicRule"))
def test_each_topic_rule_keeps_what_it_could_not_deliver(logical_id: str) -> None:
    rule = resources("AWS::IoT::TopicRule")[logical_id]["Properties"]["TopicRulePayload"]
    assert rule["AwsIotSqlVersion"] == "2016-03-23"
    assert rule["ErrorAction"]["Sqs"]["QueueUrl"] == {"Ref": "RuleErrorQueue"}


@pytest.mark.parametrize("application", ["coldchain", "factory"])
def test_the_telemetry_rule_carries_the_raw_bytes_and_the_topics_identity(application: str) -> None:
    rule = resources("AWS::IoT::TopicRule")[f"{application.capitalize()}TelemetryRule"]["Properties"]
    with_prefix, without = rule["TopicRulePayload"]["Sql"]["Fn::If"][1:]
    assert re.sub(r"\s+", " ", without) == (
        "SELECT encode(*, 'base64') AS payload, topic() AS topic, topic(3) AS thing, topic(2) AS application, "
        "clientid() AS client_id, timestamp() AS received_at, traceid() AS trace_id "
        f"FROM 'dt/{application}/+/telemetry'"
    )
    moved = without.replace("topic(3)", "topic(4)").replace("topic(2)", "topic(3)")
    assert with_prefix["Fn::Sub"].split() == moved.replace("'dt/", "'${TopicPrefix}dt/").split()
    (action,) = rule["TopicRulePayload"]["Actions"]
    assert action["Kinesis"]["PartitionKey"] == {"Fn::If": ["HasTopicPrefix", "${topic(4)}", "${topic(3)}"]}


def test_both_device_policies_say_the_same_but_for_the_application() -> None:
    policies = resources("AWS::IoT::Policy")
    coldchain, factory = (
        json.dumps(policies[name]["Properties"]["PolicyDocument"])
        for name in ("ColdchainDevicePolicy", "FactoryDevicePolicy")
    )
    assert coldchain.replace("coldchain", "factory") == factory


@pytest.mark.parametrize("application", ["coldchain", "factory"])
def test_no_device_may_name_another_thing(application: str) -> None:
    policy = resources("AWS::IoT::Policy")[f"{application.capitalize()}DevicePolicy"]["Properties"]["PolicyDocument"]
    for statement in policy["Statement"]:
        found = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
        for resource in found:
            text = shorten(resource)
            assert "${!iot:Connection.Thing.ThingName}" in text
            assert "+" not in text
            assert "#" not in text
            assert "*" not in text.rpartition("${!iot:Connection.Thing.ThingName}")[0]


# Partition and region names are as long as these at most, a topic prefix 17 characters.
LONGEST_NAMES = {
    "${AWS::Partition}": "aws-us-gov",
    "${AWS::Region}": "ap-southeast-1",
    "${AWS::AccountId}": "123456789012",
    "${TopicPrefix}": "a" * 16 + "/",
    "${P}": "a" * 16 + "_",
    "${!": "${",
}


def spelt_out(value: Any) -> Any:
    """A policy document as IoT gets it, with the longest names there are."""
    match value:
        case {"Fn::Sub": [text, _]} | {"Fn::Sub": text}:
            for name, longest in LONGEST_NAMES.items():
                text = text.replace(name, longest)
            return text
        case dict():
            return {name: spelt_out(member) for name, member in value.items()}
        case list():
            return [spelt_out(member) for member in value]
    return value


@pytest.mark.parametrize("logical_id", resources("AWS::IoT::Policy"))
def test_an_iot_policy_is_no_longer_than_aws_takes(logical_id: str) -> None:
    """2,048 characters, white space not counted (AWS IoT API reference, CreatePolicy)."""
    document = spelt_out(resources("AWS::IoT::Policy")[logical_id]["Properties"]["PolicyDocument"])
    text = json.dumps(document, separators=(",", ":"))
    assert "AWS::" not in text
    assert "TopicPrefix" not in text
    assert len(text) <= 2048


@pytest.mark.parametrize("logical_id", resources("AWS::IoT::Policy"))
def test_nobody_leaves_retained_messages(logical_id: str) -> None:
    statements = resources("AWS::IoT::Policy")[logical_id]["Properties"]["PolicyDocument"]["Statement"]
    assert "RetainPublish" not in json.dumps([statement["Action"] for statement in statements])


METRICS = json.loads((ROOT / "tests/contract/aws_metrics.json").read_text())
ALARMS = resources("AWS::CloudWatch::Alarm")


@pytest.mark.parametrize("logical_id", ALARMS)
def test_each_alarm_watches_a_metric_that_exists_with_its_dimensions(logical_id: str) -> None:
    alarm = ALARMS[logical_id]["Properties"]
    dimensions = sorted(dimension["Name"] for dimension in alarm["Dimensions"])
    assert dimensions in [sorted(one) for one in METRICS[alarm["Namespace"]][alarm["MetricName"]]]


@pytest.mark.parametrize("logical_id", ALARMS)
def test_each_alarm_calls_somebody_and_names_its_chapter_of_the_runbook(logical_id: str) -> None:
    alarm = ALARMS[logical_id]["Properties"]
    assert alarm["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    anchor = re.search(r"see docs/runbook\.md#([a-z-]+)$", alarm["AlarmDescription"])
    assert anchor, alarm["AlarmDescription"]
    headings = re.findall(r"^## (.+)$", (ROOT / "docs/runbook.md").read_text(), re.MULTILINE)
    assert anchor[1] in {heading.lower().replace(" ", "-") for heading in headings}


def test_the_dashboard_has_its_eight_widgets_over_metrics_that_exist() -> None:
    body = resources("AWS::CloudWatch::Dashboard")["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert [widget["properties"]["title"].partition(" (")[0] for widget in widgets] == [
        "Ingest rate",
        "Warmest reading by fleet",
        "Errors",
        "Dead-letter depth",
        "Heartbeat per device",
        "Archive freshness",
        "Incidents: until taken, until over",
        "Incidents: taken in time, false alarms by detector",
    ]
    for widget in widgets:
        for metric in widget["properties"]["metrics"]:
            assert _exists(metric), metric


def _exists(metric: list[Any]) -> bool:
    if isinstance(metric[0], dict):
        found = re.search(r"\{(\w+),([\w,]+)\} MetricName=\"(\w+)\"", metric[0]["expression"])
        assert found
        namespace, dimensions, name = found[1], found[2].split(","), found[3]
    else:
        words = [word for word in metric if isinstance(word, str)]
        namespace, name, dimensions = words[0], words[1], words[2::2]
    return sorted(dimensions) in [sorted(one) for one in METRICS[namespace][name]]


def test_each_stage_has_its_settings_and_its_tags() -> None:
    settings = tomllib.loads((ROOT / "samconfig.toml").read_text())
    for stage in ("local", "dev", "staging", "prod"):
        deploy = settings[stage]["deploy"]["parameters"]
        assert settings[stage]["global"]["parameters"]["stack_name"] == f"coldwatch-{stage}"
        assert f"Stage={stage}" in deploy["parameter_overrides"]
        assert [tag.partition("=")[0] for tag in deploy["tags"]] == ["Environment", "Owner", "CostCenter"]
        names = {override.partition("=")[0] for override in deploy["parameter_overrides"]}
        assert names <= set(template()["Parameters"])


def test_iot_logging_is_owned_only_when_asked() -> None:
    assert resources("AWS::IoT::Logging")["IotLogging"]["Condition"] == "OwnsIotLogging"
    assert template()["Conditions"]["OwnsIotLogging"] == {"Fn::Equals": [{"Ref": "ManageIotLogging"}, "true"]}


def test_the_archive_table_has_a_column_for_each_field_of_the_archive_record() -> None:
    schema = json.loads((ROOT / "schemas/archive_record.schema.json").read_text())
    table = resources("AWS::Glue::Table")["ReadingArchiveTable"]["Properties"]["TableInput"]
    columns = {column["Name"] for column in table["StorageDescriptor"]["Columns"]}
    partitions = {key["Name"] for key in table["PartitionKeys"]}
    assert partitions == {"application", "day"}
    assert columns | partitions == set(schema["properties"])
