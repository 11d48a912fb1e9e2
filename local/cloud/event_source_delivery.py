"""Sends the record of a discarded batch to the mapping's on-failure destination: a queue, a topic or a bucket.

As on AWS the function's role must allow it, and a delivery that fails is not tried again: the record is then only in
the log. https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from ministack.services import s3, sns, sqs

from local.cloud.service_roles import service_role_denial
from local.cloud.upstream import Upstream

RELIES_ON = (
    Upstream("ministack.services.sqs:_act_send_message", "3abd766508c885c6"),
    Upstream("ministack.services.sqs:_queue_by_arn", "b4981875c8186c19"),
    Upstream("ministack.services.sns:publish_internal", "f979fc53e1eb274f"),
    Upstream("ministack.services.s3:_put_object", "cf5861e4d9999243"),
)

_ACTIONS = {"sqs": "sqs:SendMessage", "sns": "sns:Publish", "s3": "s3:PutObject"}

log = logging.getLogger("event_source")


class DeliveryError(Exception):
    """Why a record did not reach its destination, as a sentence."""


def deliver(
    target: str, record: dict[str, Any], events: list[dict[str, Any]], *, role: str, function_arn: str, mapping_id: str
) -> None:
    """`events` are the discarded records as the function was given them: only a bucket gets those, too."""
    service = target.split(":")[2]
    resource = f"{target}/*" if service == "s3" else target
    try:
        denial = service_role_denial(role, "lambda.amazonaws.com", _ACTIONS[service], resource, source_arn=function_arn)
        if denial:
            raise DeliveryError(denial)  # noqa: TRY301 - one place reports every reason
        if service == "s3":
            _put_object(target, record | {"payload": json.dumps({"Records": events})}, mapping_id)
        else:
            _SENDERS[service](target, json.dumps(record))
    except (DeliveryError, sns.SnsPublishError, sqs._Err) as problem:  # noqa: SLF001 - what SendMessage raises
        log.error("The on-failure destination %s did not get this record (%s): %s", target, problem, json.dumps(record))  # noqa: TRY400 - the reason is in the sentence, a trace says no more


def _send_message(queue_arn: str, body: str) -> None:
    queue = sqs._queue_by_arn(queue_arn)  # noqa: SLF001 - the store has no other reader
    if queue is None:
        raise DeliveryError("there is no such queue")
    sqs._act_send_message({"MessageBody": body}, queue["url"])  # noqa: SLF001 - the whole of SendMessage, without HTTP


def _publish(topic_arn: str, body: str) -> None:
    if sns.publish_internal(topic_arn, body) is None:
        raise DeliveryError("there is no such topic")


_SENDERS = {"sqs": _send_message, "sns": _publish}


def _put_object(bucket_arn: str, record: dict[str, Any], mapping_id: str) -> None:
    """Under the key that AWS documents: aws/lambda/{mapping}/{shard}/{date}/{time}-{random}."""
    now = datetime.now(UTC)
    shard_id = record["KinesisBatchInfo"]["shardId"]
    key = f"aws/lambda/{mapping_id}/{shard_id}/{now:%Y/%m/%d/%Y-%m-%dT%H.%M.%S}-{uuid4()}"
    status, *_ = s3._put_object(bucket_arn.rsplit(":", 1)[-1], key, json.dumps(record).encode(), {})  # noqa: SLF001 - the whole of PutObject, without HTTP
    if status != 200:
        raise DeliveryError(f"S3 answered {status}")
