"""A Kinesis event source mapping: what it may say, what it says, and where its reading stands.

The mapping and its checkpoints stay in MiniStack's own stores, so that PERSIST_STATE keeps them. A checkpoint is the
sequence number of the last record that is done with (MiniStack kept an index, which expiring records shift). All
functions that take a mapping's id run inside the mapping's `request_scope`.
"""

import os
import threading
from bisect import bisect_left
from operator import itemgetter
from typing import Any

from ministack.services import lambda_svc

from local.cloud.event_source_logic import INFINITE, Policy

Mapping = dict[str, Any]
Stream = dict[str, Any]

REPORTS_FAILURES = "ReportBatchItemFailures"
DEFAULT_BATCH_SIZE = 100

_RETRY_BASE_S = float(os.environ.get("COLDWATCH_ESM_RETRY_BASE_SECONDS", "0.2"))

_RANGES = {
    "BatchSize": (1, 10_000),
    "MaximumBatchingWindowInSeconds": (0, 300),
    "MaximumRetryAttempts": (INFINITE, 10_000),
    "MaximumRecordAgeInSeconds": (INFINITE, 604_800),
    "ParallelizationFactor": (1, 10),
}
_STARTING_POSITIONS = ("TRIM_HORIZON", "LATEST", "AT_TIMESTAMP")
_DESTINATIONS = tuple(f"arn:aws:{service}:" for service in ("sqs", "sns", "s3"))

_saving = threading.Lock()


def is_kinesis(mapping: Mapping) -> bool:
    parts = str(mapping.get("EventSourceArn", "")).split(":", 5)
    return len(parts) == 6 and parts[2] == "kinesis" and parts[5].startswith("stream/")


def is_enabled(mapping: Mapping) -> bool:
    return _flag(mapping.get("Enabled", True))


def policy_of(mapping: Mapping, stream: Stream) -> Policy:
    """Read anew at every step, so that an update takes effect at the next batch. What the stream no longer keeps
    counts as too old, whatever the mapping says: no record is retried past the stream's retention.
    """
    kept_s = float(stream["RetentionPeriodHours"]) * 3600
    age_s = float(mapping.get("MaximumRecordAgeInSeconds", INFINITE))
    return Policy(
        batch_size=int(mapping.get("BatchSize", DEFAULT_BATCH_SIZE)),
        window_s=float(mapping.get("MaximumBatchingWindowInSeconds", 0)),
        bisect=_flag(mapping.get("BisectBatchOnFunctionError", False)),
        reports_failures=REPORTS_FAILURES in mapping.get("FunctionResponseTypes", []),
        max_retries=int(mapping.get("MaximumRetryAttempts", INFINITE)),
        max_age_s=kept_s if age_s == INFINITE else min(age_s, kept_s),
        retry_base_s=_RETRY_BASE_S,
    )


def problem_with_new(asked: Mapping, now: float) -> str:
    """What AWS would refuse in a new mapping, as a sentence; empty when there is nothing.
    https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
    """
    position, timestamp = asked.get("StartingPosition"), asked.get("StartingPositionTimestamp")
    if position not in _STARTING_POSITIONS:
        return f"StartingPosition must be one of {', '.join(_STARTING_POSITIONS)} for a Kinesis event source."
    if (position == "AT_TIMESTAMP") != (timestamp is not None):
        return "StartingPositionTimestamp goes with StartingPosition AT_TIMESTAMP, and only with it."
    if timestamp is not None and float(timestamp) > now:
        return "StartingPositionTimestamp cannot be in the future."
    return problem_with(asked)


def problem_with(asked: Mapping) -> str:
    """What AWS would refuse in a new or changed mapping, or what the local cloud cannot do, as a sentence."""
    if int(asked.get("TumblingWindowInSeconds") or 0):
        return "The local cloud has no tumbling windows: leave TumblingWindowInSeconds out."
    for name, (least, most) in _RANGES.items():
        if name in asked and not least <= int(asked[name]) <= most:
            return f"{name} must be between {least} and {most}, not {asked[name]}."
    if 0 <= int(asked.get("MaximumRecordAgeInSeconds", INFINITE)) < 60:
        return "MaximumRecordAgeInSeconds must be -1 (infinite) or between 60 and 604800."
    target = destination(asked)
    if target and not target.startswith(_DESTINATIONS):
        return f"An on-failure destination is an SQS queue, an SNS topic or an S3 bucket, not {target}."
    return ""


def destination(mapping: Mapping) -> str:
    """The ARN that discarded batches are reported to, or nothing."""
    on_failure = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
    return str(on_failure.get("Destination") or "")


def checkpoint(mapping_id: str, shard_id: str) -> str:
    """The last sequence number of the shard that is done; empty for a shard that appeared after the mapping, which is
    read from its first record whatever the mapping's starting position says.
    """
    return str((lambda_svc._kinesis_positions.get(mapping_id) or {}).get(shard_id, ""))  # noqa: SLF001 - where MiniStack persists them


def save_checkpoint(mapping_id: str, shard_id: str, sequence: str) -> None:
    """A whole new dictionary each time, as MiniStack may be copying the old one. Nothing for a deleted mapping."""
    with _saving:
        positions = lambda_svc._kinesis_positions.get(mapping_id)  # noqa: SLF001 - where MiniStack persists them
        if positions is not None:
            lambda_svc._kinesis_positions[mapping_id] = {**positions, shard_id: sequence}  # noqa: SLF001 - likewise


def anchor(mapping_id: str, stream: Stream | None, position: str, timestamp: float) -> None:
    """Fix where a new mapping starts, once: LATEST is the moment of creation, not of the first poll."""
    with _saving:
        if mapping_id in lambda_svc._kinesis_positions:  # noqa: SLF001 - where MiniStack persists them
            return
        shards = stream["shards"].items() if stream else ()
        starts = {shard_id: _start(shard["records"], position, timestamp) for shard_id, shard in shards}
        lambda_svc._kinesis_positions[mapping_id] = starts  # noqa: SLF001 - likewise


def _start(records: list[dict[str, Any]], position: str, timestamp: float) -> str:
    """The sequence number of the last record that is not to be read."""
    if position == "TRIM_HORIZON":
        return ""
    skipped = records if position == "LATEST" else records[: bisect_left(records, timestamp, key=_arrival)]
    return str(skipped[-1]["SequenceNumber"]) if skipped else ""


_arrival = itemgetter("ApproximateArrivalTimestamp")


def _flag(value: Any) -> bool:
    """CloudFormation hands booleans over as words, too."""
    return str(value).lower() == "true"
