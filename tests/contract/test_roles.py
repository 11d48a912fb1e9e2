"""Who may do what: every statement of every role, held against a table that a person can read.

The roles of functions are also shown by running (tests/integration); those of AWS services, which no local cloud
enforces by itself, are held here.
"""

from typing import Any

import pytest

from .template import resources, shorten, statements, template

THINGS = ("thing/*", "ColdchainThingGroup", "FactoryThingGroup")

# Service Authorization Reference, "Actions, resources, and condition keys for AWS IoT": the column of resource types is
# empty, so a statement that names a resource allows nothing.
WITHOUT_RESOURCE_TYPE = (
    "iot:AttachThingPrincipal",
    "iot:DetachThingPrincipal",
    "iot:ListAttachedPolicies",
    "iot:ListPolicyPrincipals",
    "iot:ListPrincipalPolicies",
    "iot:ListPrincipalThings",
    "iot:ListThingPrincipals",
    "iot:RegisterThing",
)
OF_SUBSCRIPTIONS = ("sns:GetSubscriptionAttributes", "sns:Unsubscribe")
"""No resource type either."""

SECRETS = "secretsmanager:secret:coldwatch/${AWS::StackName}"
MAILS = ("ses:identity/*", "ses:configuration-set/coldwatch-${AWS::StackName}")
"""Which mails, a condition says: those from the sender that the template names."""

ROLES: dict[str, dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "AuthorizeProvisioningRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("AuthorizeProvisioningLogGroup",)),
        "ReadTheAllowList": (("dynamodb:GetItem",), ("AllowedSerialTable",)),
        "ClaimASerial": (("dynamodb:UpdateItem",), ("AllowedSerialTable",)),
        "RegisterADevice": (("dynamodb:PutItem", "dynamodb:UpdateItem"), ("DeviceTable",)),
    },
    "RecordPresenceRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("RecordPresenceLogGroup",)),
        "RecordConnections": (("dynamodb:UpdateItem",), ("DeviceTable",)),
        "SendFailedEvents": (("sqs:SendMessage",), ("PresenceDeadLetterQueue",)),
    },
    "StoreTelemetryRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("StoreTelemetryLogGroup",)),
        "ReadTheStream": (
            (
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ),
            ("TelemetryStream",),
        ),
        "SendFailedBatches": (("sqs:SendMessage",), ("StoreTelemetryDeadLetterQueue",)),
        "ReadReadingsAndLatest": (("dynamodb:BatchGetItem",), ("ReadingTable", "LatestTable")),
        "WriteReadingsAndLatest": (("dynamodb:BatchWriteItem",), ("ReadingTable", "LatestTable")),
        "ReadTheRegistry": (("dynamodb:BatchGetItem",), ("DeviceTable",)),
        "KeepTheAccounts": (("dynamodb:GetItem", "dynamodb:UpdateItem"), ("IngestLedgerTable",)),
        "KeepQuarantinedBytes": (("s3:PutObject",), ("${QuarantineBucket}/quarantine/*",)),
        "KeepQuarantineEntries": (
            ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
            ("QuarantineTable",),
        ),
        "ArchiveReadings": (("firehose:PutRecordBatch",), ("ArchiveDeliveryStream",)),
    },
    "TelemetryRuleRole": {
        "PutTelemetryOnTheStream": (("kinesis:PutRecord",), ("TelemetryStream",)),
        "KeepWhatARuleCouldNotDeliver": (("sqs:SendMessage",), ("RuleErrorQueue",)),
    },
    "ProvisioningRole": {
        "RegisterThings": (
            (
                "iot:CreateThing",
                "iot:DescribeThing",
                "iot:UpdateThing",
                "iot:ListThingGroupsForThing",
                "iot:AddThingToThingGroup",
                "iot:RemoveThingFromThingGroup",
                "iot:UpdateThingGroupsForThing",
            ),
            THINGS,
        ),
        "ReadThingTypesAndGroups": (("iot:DescribeThingType", "iot:DescribeThingGroup"), ("thingtype/*", *THINGS[1:])),
        "ActivateCertificates": (
            ("iot:DescribeCertificate", "iot:UpdateCertificate", "iot:AttachPolicy", "iot:AttachPrincipalPolicy"),
            ("cert/*",),
        ),
        "ReadTheDevicePolicies": (
            ("iot:GetPolicy", "iot:ListTargetsForPolicy"),
            ("policy/${ColdchainDevicePolicy}", "policy/${FactoryDevicePolicy}"),
        ),
        "AttachCertificatesToThings": (WITHOUT_RESOURCE_TYPE, ("*",)),
    },
    "ArchiveDeliveryRole": {
        "WriteArchiveObjects": (
            ("s3:AbortMultipartUpload", "s3:GetObject", "s3:PutObject"),
            ("${ArchiveBucket}/telemetry/*", "${ArchiveBucket}/errors/*"),
        ),
        "FindTheArchiveBucket": (
            ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads"),
            ("ArchiveBucket",),
        ),
        "ReadTheArchiveSchema": (
            ("glue:GetTable", "glue:GetTableVersion", "glue:GetTableVersions"),
            (
                "glue:catalog",
                "glue:database/${ArchiveDatabase}",
                "glue:table/${ArchiveDatabase}/${ReadingArchiveTable}",
            ),
        ),
        "WriteItsLog": (("logs:PutLogEvents",), ("ArchiveDeliveryLogGroup",)),
    },
    "EvaluateDetectorsRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("EvaluateDetectorsLogGroup",)),
        "ReadTheStream": (
            (
                "kinesis:DescribeStream",
                "kinesis:DescribeStreamSummary",
                "kinesis:GetRecords",
                "kinesis:GetShardIterator",
                "kinesis:ListShards",
            ),
            ("TelemetryStream",),
        ),
        "SendFailedBatches": (("sqs:SendMessage",), ("EvaluateDetectorsDeadLetterQueue",)),
        "ReadTheRegistry": (("dynamodb:BatchGetItem",), ("DeviceTable",)),
        "ReadDetectors": (("dynamodb:BatchGetItem",), ("DetectorTable",)),
        "WriteDetectors": (("dynamodb:PutItem", "dynamodb:UpdateItem"), ("DetectorTable",)),
        "SendEffects": (("sqs:SendMessage",), ("EffectQueue",)),
        "SendTimers": (("sqs:SendMessage",), ("TimerQueue",)),
    },
    "FireTimersRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("FireTimersLogGroup",)),
        "FindDueTimers": (("dynamodb:Query",), ("${DetectorTable}/index/by_due",)),
        "ReadDetectors": (("dynamodb:BatchGetItem", "dynamodb:GetItem"), ("DetectorTable",)),
        "WriteDetectors": (("dynamodb:PutItem", "dynamodb:UpdateItem"), ("DetectorTable",)),
        "ReadTheRegistry": (("dynamodb:BatchGetItem",), ("DeviceTable",)),
        "LookWhereTheStreamEnds": (("kinesis:GetRecords", "kinesis:GetShardIterator"), ("TelemetryStream",)),
        "ReceiveTimers": (
            ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
            ("TimerQueue",),
        ),
        "SendTimers": (("sqs:SendMessage",), ("TimerQueue",)),
        "SendEffects": (("sqs:SendMessage",), ("EffectQueue",)),
    },
    "DataPlaneRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("DataPlaneLogGroup",)),
        "ReadDetectors": (("dynamodb:BatchGetItem",), ("DetectorTable",)),
        "ListDetectors": (("dynamodb:Query",), ("${DetectorTable}/index/by_model",)),
        "WriteDetectors": (("dynamodb:PutItem", "dynamodb:UpdateItem"), ("DetectorTable",)),
        "ReadTheRegistry": (("dynamodb:BatchGetItem",), ("DeviceTable",)),
        "LookWhereTheStreamEnds": (("kinesis:GetRecords", "kinesis:GetShardIterator"), ("TelemetryStream",)),
        "SendEffects": (("sqs:SendMessage",), ("EffectQueue",)),
        "SendTimers": (("sqs:SendMessage",), ("TimerQueue",)),
    },
    "SchedulerRole": {
        "InvokeScheduledFunctions": (
            ("lambda:InvokeFunction",),
            (
                "FireTimersFunction",
                "ManageContactsFunction",
                "ReconcileIncidentsFunction",
                "NotifyTierFunction",
                "SendTestPagesFunction",
            ),
        ),
        "KeepWhatCouldNotBeStarted": (("sqs:SendMessage",), ("ScheduleDeadLetterQueue",)),
    },
    "RunEffectsRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("RunEffectsLogGroup",)),
        "ReceiveEffects": (
            ("sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
            ("EffectQueue",),
        ),
        "RememberWhatIsDone": (("dynamodb:GetItem", "dynamodb:PutItem"), ("DetectorTable",)),
        "ParkWhatCannotBeDone": (("sqs:SendMessage",), ("EffectDeadLetterQueue",)),
        "OpenAndRecoverIncidents": (("lambda:InvokeFunction",), ("OpenIncidentFunction", "RecoverIncidentFunction")),
    },
    "OpenIncidentRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("OpenIncidentLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem"), ("IncidentTable",)),
        "GiveBackLocks": (("dynamodb:DeleteItem",), ("IncidentTable",)),
        "ReadTheRegistry": (("dynamodb:GetItem",), ("DeviceTable",)),
        "LookAtOtherDetectors": (("dynamodb:GetItem",), ("DetectorTable",)),
        "LookAtStorms": (("dynamodb:Query",), ("IncidentTable",)),
        "GatherInStorms": (("dynamodb:PutItem", "dynamodb:Query"), ("StormTable",)),
        "ReadPolicies": (("dynamodb:GetItem",), ("PolicyTable",)),
        "StartTheWorkflow": (("states:StartExecution",), ("IncidentStateMachine",)),
        "SeeWhetherItRuns": (("states:DescribeExecution",), ("states:execution:${IncidentStateMachine.Name}:*",)),
        "WakeTheIncidentWorkflow": (("states:SendTaskSuccess",), ("IncidentStateMachine",)),
    },
    "SendTestPagesRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("SendTestPagesLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem"), ("IncidentTable",)),
        "FindTestPages": (("dynamodb:Query",), ("${IncidentTable}/index/by_device",)),
        "ReadPolicies": (("dynamodb:Scan",), ("PolicyTable",)),
        "StartTheWorkflow": (("states:StartExecution",), ("IncidentStateMachine",)),
        "SeeWhetherItRuns": (("states:DescribeExecution",), ("states:execution:${IncidentStateMachine.Name}:*",)),
        "WakeTheIncidentWorkflow": (("states:SendTaskSuccess",), ("IncidentStateMachine",)),
    },
    "RecoverIncidentRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("RecoverIncidentLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), ("IncidentTable",)),
        "GiveBackLocks": (("dynamodb:DeleteItem",), ("IncidentTable",)),
        "WakeTheIncidentWorkflow": (("states:SendTaskSuccess",), ("IncidentStateMachine",)),
    },
    "KeepEvidenceRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("KeepEvidenceLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem"), ("IncidentTable",)),
        "ReadReadings": (("dynamodb:Query",), ("ReadingTable",)),
        "WriteEvidence": (("s3:PutObject",), ("${EvidenceBucket}/incidents/*",)),
    },
    "EnrichIncidentRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("EnrichIncidentLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem"), ("IncidentTable",)),
        "ReadReadings": (("dynamodb:Query",), ("ReadingTable",)),
        "ReadTheRegistry": (("dynamodb:GetItem",), ("DeviceTable",)),
    },
    "NotifyTierRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("NotifyTierLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), ("IncidentTable",)),
        "GiveBackLocks": (("dynamodb:DeleteItem",), ("IncidentTable",)),
        "KeepBudgetsAndDigests": (
            ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"),
            ("StormTable",),
        ),
        "MakeLinksAndKeepPace": (("dynamodb:PutItem", "dynamodb:UpdateItem"), ("LinkTable",)),
        "ReadContacts": (("dynamodb:GetItem",), ("ContactTable",)),
        "ReadRotas": (("dynamodb:GetItem",), ("PolicyTable",)),
        "TellResponders": (("sns:Publish",), ("NotificationTopic",)),
        "SendMails": (("ses:SendEmail",), MAILS),
        "ReadSecretsOfChannels": (("secretsmanager:GetSecretValue",), (f"{SECRETS}/channels/*",)),
        "ReadTheKeyOfCodes": (("secretsmanager:GetSecretValue",), ("CodeKey",)),
        "PutEvents": (("events:PutEvents",), ("IncidentBus",)),
        "PublishAlerts": (("iot:Publish",), ("topic/${TopicPrefix}alerts/*",)),
        "WakeTheIncidentWorkflow": (("states:SendTaskSuccess",), ("IncidentStateMachine",)),
    },
    "AwaitResolutionRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("AwaitResolutionLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), ("IncidentTable",)),
        "GiveBackLocks": (("dynamodb:DeleteItem",), ("IncidentTable",)),
        "ReadContacts": (("dynamodb:GetItem",), ("ContactTable",)),
        "ReadKeysOfPagerDuty": (("secretsmanager:GetSecretValue",), (f"{SECRETS}/channels/*",)),
        "PutEvents": (("events:PutEvents",), ("IncidentBus",)),
        "WakeTheIncidentWorkflow": (("states:SendTaskSuccess",), ("IncidentStateMachine",)),
    },
    "HandOverIncidentRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("HandOverIncidentLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem"), ("IncidentTable",)),
        "StartTheWorkflow": (("states:StartExecution",), ("IncidentStateMachine",)),
        "SeeWhetherItRuns": (("states:DescribeExecution",), ("states:execution:${IncidentStateMachine.Name}:*",)),
    },
    "ReconcileIncidentsRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("ReconcileIncidentsLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem"), ("IncidentTable",)),
        "ListIncidents": (("dynamodb:Query",), ("${IncidentTable}/index/by_status",)),
        "StartTheWorkflow": (("states:StartExecution",), ("IncidentStateMachine",)),
        "SeeWhetherItRuns": (("states:DescribeExecution",), ("states:execution:${IncidentStateMachine.Name}:*",)),
    },
    "RecordIncidentRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("RecordIncidentLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), ("IncidentTable",)),
        "GiveBackLocks": (("dynamodb:DeleteItem",), ("IncidentTable",)),
        "ReadReadings": (("dynamodb:Query",), ("ReadingTable",)),
        "ReadTheRegistry": (("dynamodb:GetItem",), ("DeviceTable",)),
        "WriteTheRecord": (("s3:PutObject",), ("${EvidenceBucket}/incidents/*",)),
        "ReadWhatIsKept": (("s3:GetObject",), ("${EvidenceBucket}/incidents/*",)),
        "SeeWhatIsNotThere": (("s3:ListBucket",), ("EvidenceBucket",)),
        "PublishAlerts": (("iot:Publish",), ("topic/${TopicPrefix}alerts/*",)),
        "WakeTheIncidentWorkflow": (("states:SendTaskSuccess",), ("IncidentStateMachine",)),
        "ReadContacts": (("dynamodb:GetItem",), ("ContactTable",)),
        "ReadKeysOfPagerDuty": (("secretsmanager:GetSecretValue",), (f"{SECRETS}/channels/*",)),
        "PutEvents": (("events:PutEvents",), ("IncidentBus",)),
    },
    "IncidentStateMachineRole": {
        "TakeItsSteps": (
            ("lambda:InvokeFunction",),
            (
                "KeepEvidenceFunction",
                "EnrichIncidentFunction",
                "NotifyTierFunction",
                "AwaitResolutionFunction",
                "HandOverIncidentFunction",
                "RecordIncidentFunction",
            ),
        ),
        "DeliverItsLog": (
            (
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ),
            ("*",),
        ),
        "SendItsTraces": (
            ("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
            ("*",),
        ),
    },
    "ManageContactsRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("ManageContactsLogGroup",)),
        "KeepContacts": (
            ("dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:Scan", "dynamodb:UpdateItem"),
            ("ContactTable",),
        ),
        "ReadPolicies": (("dynamodb:Scan",), ("PolicyTable",)),
        "TendSubscriptions": (
            ("sns:ConfirmSubscription", "sns:ListSubscriptionsByTopic", "sns:Subscribe"),
            ("NotificationTopic",),
        ),
        "ReadAndEndSubscriptions": (OF_SUBSCRIPTIONS, ("*",)),
        "SendTestPages": (("sns:Publish",), ("NotificationTopic",)),
        "KeepPace": (("dynamodb:UpdateItem",), ("LinkTable",)),
        "SendTestMails": (("ses:SendEmail",), MAILS),
        "PutTestEvents": (("events:PutEvents",), ("IncidentBus",)),
        "ReadTheKeyOfCodes": (("secretsmanager:GetSecretValue",), ("CodeKey",)),
        "KeepSecretsOfChannels": (
            (
                "secretsmanager:CreateSecret",
                "secretsmanager:DeleteSecret",
                "secretsmanager:GetSecretValue",
                "secretsmanager:PutSecretValue",
            ),
            (f"{SECRETS}/channels/*",),
        ),
        "OpenAndRecoverIncidents": (("lambda:InvokeFunction",), ("OpenIncidentFunction", "RecoverIncidentFunction")),
    },
    "RecordDeliveryRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("RecordDeliveryLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), ("IncidentTable",)),
        "TellTheNextWay": (("lambda:InvokeFunction",), ("NotifyTierFunction",)),
        "SendFailedEvents": (("sqs:SendMessage",), ("DeliveryDeadLetterQueue",)),
    },
    "IncidentPageRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("IncidentPageLogGroup",)),
        "KeepIncidents": (("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"), ("IncidentTable",)),
        "GiveBackLocks": (("dynamodb:DeleteItem",), ("IncidentTable",)),
        "ReadLinks": (("dynamodb:GetItem",), ("LinkTable",)),
        "ReadContacts": (("dynamodb:GetItem",), ("ContactTable",)),
        "ReadReadings": (("dynamodb:Query",), ("ReadingTable",)),
        "CountTriesOfCodes": (("dynamodb:UpdateItem",), ("LinkTable",)),
        "ReadTheKeyOfCodes": (("secretsmanager:GetSecretValue",), ("CodeKey",)),
        "CountAttempts": (("dynamodb:UpdateItem",), ("AttemptTable",)),
        "ReadReports": (("s3:GetObject",), ("${EvidenceBucket}/incidents/*/report.pdf",)),
        "WakeTheIncidentWorkflow": (("states:SendTaskSuccess",), ("IncidentStateMachine",)),
        "SendCommands": (("lambda:InvokeFunction",), ("lambda:function:${AWS::StackName}-SendCommand",)),
    },
    "SendCommandRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("SendCommandLogGroup",)),
        "KeepCommands": (("dynamodb:GetItem", "dynamodb:PutItem"), ("CommandTable",)),
        "ReadTheRegistry": (("dynamodb:GetItem",), ("DeviceTable",)),
        "StartTheWorkflow": (("states:StartExecution",), ("CommandStateMachine",)),
    },
    "DispatchCommandRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("DispatchCommandLogGroup",)),
        "KeepCommands": (("dynamodb:GetItem", "dynamodb:PutItem"), ("CommandTable",)),
        "PublishCommands": (("iot:Publish",), ("topic/${TopicPrefix}cmd/*/request",)),
        "WakeTheCommandWorkflow": (("states:SendTaskSuccess",), ("CommandStateMachine",)),
    },
    "TimeOutCommandRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("TimeOutCommandLogGroup",)),
        "KeepCommands": (("dynamodb:GetItem", "dynamodb:PutItem"), ("CommandTable",)),
    },
    "RecordCommandResponseRole": {
        "WriteItsLog": (("logs:CreateLogStream", "logs:PutLogEvents"), ("RecordCommandResponseLogGroup",)),
        "KeepCommands": (("dynamodb:GetItem", "dynamodb:PutItem"), ("CommandTable",)),
        "SendFailedEvents": (("sqs:SendMessage",), ("CommandResponseDeadLetterQueue",)),
        "WakeTheCommandWorkflow": (("states:SendTaskSuccess",), ("CommandStateMachine",)),
    },
    "CommandStateMachineRole": {
        "TakeItsSteps": (
            ("lambda:InvokeFunction",),
            ("DispatchCommandFunction", "TimeOutCommandFunction", "OpenIncidentFunction"),
        ),
        "DeliverItsLog": (
            (
                "logs:CreateLogDelivery",
                "logs:DeleteLogDelivery",
                "logs:DescribeLogGroups",
                "logs:DescribeResourcePolicies",
                "logs:GetLogDelivery",
                "logs:ListLogDeliveries",
                "logs:PutResourcePolicy",
                "logs:UpdateLogDelivery",
            ),
            ("*",),
        ),
        "SendItsTraces": (
            ("xray:GetSamplingRules", "xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
            ("*",),
        ),
    },
    "IotLoggingRole": {
        "WriteTheIotLog": (
            ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "logs:PutRetentionPolicy"),
            ("logs:log-group:AWSIotLogsV2:*",),
        ),
    },
}

ASSUMED_BY = {
    "AuthorizeProvisioningRole": "lambda",
    "RecordPresenceRole": "lambda",
    "StoreTelemetryRole": "lambda",
    "TelemetryRuleRole": "iot",
    "ProvisioningRole": "iot",
    "ArchiveDeliveryRole": "firehose",
    "EvaluateDetectorsRole": "lambda",
    "FireTimersRole": "lambda",
    "DataPlaneRole": "lambda",
    "SchedulerRole": "scheduler",
    "RunEffectsRole": "lambda",
    "OpenIncidentRole": "lambda",
    "SendTestPagesRole": "lambda",
    "RecoverIncidentRole": "lambda",
    "KeepEvidenceRole": "lambda",
    "EnrichIncidentRole": "lambda",
    "NotifyTierRole": "lambda",
    "AwaitResolutionRole": "lambda",
    "HandOverIncidentRole": "lambda",
    "ReconcileIncidentsRole": "lambda",
    "RecordIncidentRole": "lambda",
    "IncidentStateMachineRole": "states",
    "ManageContactsRole": "lambda",
    "RecordDeliveryRole": "lambda",
    "IncidentPageRole": "lambda",
    "SendCommandRole": "lambda",
    "DispatchCommandRole": "lambda",
    "TimeOutCommandRole": "lambda",
    "RecordCommandResponseRole": "lambda",
    "CommandStateMachineRole": "states",
    "IotLoggingRole": "iot",
}

MAY_BE_ANYTHING = {
    ("ProvisioningRole", "AttachCertificatesToThings"): "none of its actions has a resource type",
    ("ManageContactsRole", "ReadAndEndSubscriptions"): "likewise",
    ("IncidentStateMachineRole", "DeliverItsLog"): "likewise",
    ("IncidentStateMachineRole", "SendItsTraces"): "likewise",
    ("CommandStateMachineRole", "DeliverItsLog"): "likewise",
    ("CommandStateMachineRole", "SendItsTraces"): "likewise",
}


def policies_of(role: str) -> list[dict[str, Any]]:
    inline = list(template()["Resources"][role]["Properties"].get("Policies", []))
    attached = [
        policy["Properties"]
        for policy in resources("AWS::IAM::Policy").values()
        if {"Ref": role} in policy["Properties"]["Roles"]
    ]
    return inline + attached


def test_the_table_names_every_role() -> None:
    assert set(ROLES) == set(resources("AWS::IAM::Role")) == set(ASSUMED_BY)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_the_table_says_and_no_more(role: str) -> None:
    assert statements(policies_of(role)) == ROLES[role]


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_assumed_by_its_service_alone(role: str) -> None:
    (statement,) = template()["Resources"][role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": f"{ASSUMED_BY[role]}.amazonaws.com"}
    assert "ManagedPolicyArns" not in template()["Resources"][role]["Properties"]


@pytest.mark.parametrize("role", ROLES)
def test_no_statement_is_a_wildcard_without_a_reason(role: str) -> None:
    for sid, (actions, found) in ROLES[role].items():
        assert not any(action.endswith("*") for action in actions)
        assert "*" not in found or (role, sid) in MAY_BE_ANYTHING


@pytest.mark.parametrize("role", ROLES)
def test_an_action_without_a_resource_type_is_allowed_on_anything_or_not_at_all(role: str) -> None:
    for actions, found in ROLES[role].values():
        assert found == ("*",) or not set(actions) & {*WITHOUT_RESOURCE_TYPE, *OF_SUBSCRIPTIONS}


@pytest.mark.parametrize("permission", resources("AWS::Lambda::Permission"))
def test_a_service_may_invoke_a_function_only_for_one_resource_of_this_account(permission: str) -> None:
    properties = resources("AWS::Lambda::Permission")[permission]["Properties"]
    assert properties["Action"] == "lambda:InvokeFunction"
    assert properties["SourceAccount"] == {"Ref": "AWS::AccountId"}
    assert "*" not in shorten(properties["SourceArn"])
