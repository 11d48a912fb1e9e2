"""Kinesis event sources for Lambda as AWS documents them, in place of MiniStack's, which lose data.

MiniStack's poller never retries a record that a function reports as failed, retries a batch that raises for ever, and
knows no bisecting, retry or age limits, on-failure destination or batching window. Its poll loop now only sees to it
that every shard of every mapping has a reader (`event_source_reader`).
"""

import functools
import json
import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from ministack.core.concurrency import esm_wake
from ministack.core.responses import json_response, request_scope
from ministack.services import lambda_svc
from ministack.services.cloudformation import provisioners

from local.cloud import event_source_delivery, event_source_mapping, service_roles, stream_shards
from local.cloud.event_source_reader import ShardKey, ShardReader, last_request, records_after, stream_of
from local.cloud.upstream import Upstream

WRAPS = (
    *stream_shards.WRAPS,
    *service_roles.RELIES_ON,
    *event_source_delivery.RELIES_ON,
    Upstream("ministack.services.lambda_svc:_poll_kinesis", "0d590120d060b0a8"),
    Upstream("ministack.services.lambda_svc:_poll_loop", "6a443090919adccf"),
    Upstream("ministack.services.lambda_svc:_create_esm", "d351521bb6cdd30f"),
    Upstream("ministack.services.lambda_svc:_update_esm", "1b7e0409cb6593c2"),
    Upstream("ministack.services.lambda_svc:_delete_esm", "23854a6afd650e05"),
    Upstream("ministack.services.lambda_svc:_esm_response", "342077ea51fb7b0b"),
    Upstream("ministack.services.lambda_svc:_release_esm_poll_state", "780cf96ac7f873e2"),
    Upstream("ministack.services.lambda_svc:_init_stream_position", "bef560b23a1a9826"),
    Upstream("ministack.services.lambda_svc:_apply_filter_criteria", "d8d7d5c8f77ea1ac"),
    Upstream("ministack.services.lambda_svc:_get_func_record_for_qualifier", "a86e90478088123d"),
    Upstream("ministack.services.lambda_svc:_cross_account_read_blocked", "937e68564530e701"),
    Upstream("ministack.services.lambda_svc:_execute_function", "3ceb16d6480a2161"),
    Upstream("ministack.services.lambda_svc:_execute_function_dispatch", "f62cd259213ecef7"),
    Upstream("ministack.services.lambda_svc:_execute_function_warm", "62b9218bef5b948a"),
    Upstream("ministack.services.lambda_svc:_throttle_response", "647221d5b0775feb"),
    Upstream("ministack.services.lambda_svc:_emit_lambda_logs", "111efbf06968bb20"),
    Upstream("ministack.services.lambda_svc:get_state", "fbae0860de48c568"),
    Upstream("ministack.services.lambda_svc:_restore_esm_positions", "13262db1ad7997de"),
    Upstream("ministack.services.kinesis:_ensure_base64", "ba2623cf487a0ba8"),
    Upstream("ministack.core.lambda_runtime:Worker.invoke", "96751a75471021ec"),
    Upstream("ministack.services.cloudformation.provisioners:_lambda_esm_create", "f053a4e8c30c5543"),
    Upstream("ministack.services.cloudformation.provisioners:_lambda_esm_update", "aa81656213354e51"),
)

Mapping = dict[str, Any]
Response = tuple[int, dict[str, str], bytes | str]

_readers: dict[ShardKey, ShardReader] = {}
_creating = threading.RLock()
"""Held while a mapping is created, so that no reader starts before it is known where."""
_starting_at: ContextVar[float] = ContextVar("starting_at", default=0.0)


def install() -> None:
    stream_shards.install()
    for name, wrapped in (
        ("_create_esm", _created),
        ("_update_esm", _updated),
        ("_init_stream_position", _anchored),
        ("_emit_lambda_logs", _with_request_noted),
    ):
        setattr(lambda_svc, name, wrapped(getattr(lambda_svc, name)))
    lambda_svc._poll_kinesis = supervise  # noqa: SLF001 - the mend
    create = _declared(provisioners._lambda_esm_create)  # noqa: SLF001 - the mend
    provisioners._lambda_esm_create = create  # noqa: SLF001 - the mend
    provisioners._RESOURCE_HANDLERS["AWS::Lambda::EventSourceMapping"]["create"] = create  # noqa: SLF001 - the mend


def supervise() -> bool:
    """One pass of MiniStack's poll loop, each second and after every write to a source: start the readers that are
    missing. Answers False: no pass leaves work behind.
    """
    for key in [key for key, reader in _readers.items() if not reader.is_alive]:
        del _readers[key]
    for account, region, mapping in _working_mappings():
        with request_scope(account, region):
            stream = stream_of(mapping)
            if stream is not None:
                _start_missing(account, region, mapping, stream)
    return False


def iterator_age_ms() -> dict[tuple[str, str], float]:
    """How long the oldest record that is not done has been in its stream, by function and stream name: 0 when nothing
    waits. AWS/Lambda's IteratorAge is this at the moment a batch is sent; this one also grows while none is.
    """
    ages: dict[tuple[str, str], float] = {}
    now = time.time()
    for account, region, mapping in _working_mappings():
        with request_scope(account, region):
            stream = stream_of(mapping)
            if stream is not None:
                name = (str(mapping["FunctionName"]), str(stream["StreamName"]))
                ages[name] = max(ages.get(name, 0.0), _age_ms(mapping["UUID"], stream, now))
    return ages


def _working_mappings() -> list[tuple[str, str, Mapping]]:
    found = []
    for (account, region, _), mapping in list(lambda_svc._esms._data.items()):  # noqa: SLF001 - every account's, as MiniStack's own poller
        if event_source_mapping.is_kinesis(mapping) and event_source_mapping.is_enabled(mapping):
            found.append((account, region, mapping))
    return found


def _start_missing(account: str, region: str, mapping: Mapping, stream: dict[str, Any]) -> None:
    mapping_id = mapping["UUID"]
    with _creating:
        event_source_mapping.anchor(mapping_id, stream, mapping.get("StartingPosition", "LATEST"), 0.0)
    unfinished: set[str] = set()
    for shard_id, shard in stream["shards"].items():  # parents come before their children
        if not unfinished.isdisjoint(stream_shards.parents(shard)):
            unfinished.add(shard_id)
        elif not _is_read_out(mapping_id, shard_id, shard):
            unfinished.add(shard_id)
            key = ShardKey(account, region, mapping_id, shard_id)
            if key not in _readers:
                _readers[key] = ShardReader(key, mapping["EventSourceArn"])
                _readers[key].start()


def _is_read_out(mapping_id: str, shard_id: str, shard: dict[str, Any]) -> bool:
    """Whether the shard is closed and every record of it is done with."""
    if not stream_shards.is_closed(shard):
        return False
    return not records_after(shard, event_source_mapping.checkpoint(mapping_id, shard_id), 1)


def _age_ms(mapping_id: str, stream: dict[str, Any], now: float) -> float:
    oldest = now
    for shard_id, shard in stream["shards"].items():
        for record in records_after(shard, event_source_mapping.checkpoint(mapping_id, shard_id), 1):
            oldest = min(oldest, record["ApproximateArrivalTimestamp"])
    return (now - oldest) * 1000


def _created(create: Callable[[Mapping], Response]) -> Callable[[Mapping], Response]:
    @functools.wraps(create)
    def checked(asked: Mapping) -> Response:
        if not event_source_mapping.is_kinesis(asked):
            return create(asked)
        problem = event_source_mapping.problem_with_new(asked, time.time())
        if problem:
            return lambda_svc._invalid_parameter_value(problem)  # type: ignore[no-any-return]  # noqa: SLF001 - MiniStack's own refusal, untyped
        status, headers, body = _create_at(asked, create)
        if status != 202 or "StartingPositionTimestamp" not in asked:
            return status, headers, body
        mapping = lambda_svc._esms[json.loads(body)["UUID"]]  # noqa: SLF001 - the store has no other reader
        mapping["StartingPositionTimestamp"] = asked["StartingPositionTimestamp"]
        return json_response(lambda_svc._esm_response(mapping), 202)  # type: ignore[no-any-return]  # noqa: SLF001 - MiniStack's own answer, untyped

    return checked


def _create_at[T](asked: Mapping, create: Callable[[Mapping], T]) -> T:
    """Create with Kinesis' defaults; `_anchored` learns the timestamp, which MiniStack does not pass on."""
    token = _starting_at.set(float(asked.get("StartingPositionTimestamp") or 0.0))
    try:
        with _creating:
            return create({"BatchSize": event_source_mapping.DEFAULT_BATCH_SIZE, **asked})
    finally:
        _starting_at.reset(token)


def _declared(create: Callable[[str, Mapping, str], Any]) -> Callable[[str, Mapping, str], Any]:
    """The same for a mapping from a template: CloudFormation reports the ValueError as the reason of its failure."""

    @functools.wraps(create)
    def checked(logical_id: str, asked: Mapping, stack_name: str) -> Any:
        if not event_source_mapping.is_kinesis(asked):
            return create(logical_id, asked, stack_name)
        problem = event_source_mapping.problem_with_new(asked, time.time())
        if problem:
            raise ValueError(problem)
        return _create_at(asked, lambda whole: create(logical_id, whole, stack_name))

    return checked


def _updated(update: Callable[[str, Mapping], Response]) -> Callable[[str, Mapping], Response]:
    @functools.wraps(update)
    def checked(mapping_id: str, asked: Mapping) -> Response:
        mapping = lambda_svc._esms.get(mapping_id)  # noqa: SLF001 - the store has no other reader
        problem = (
            event_source_mapping.problem_with(asked) if mapping and event_source_mapping.is_kinesis(mapping) else ""
        )
        if problem:
            return lambda_svc._invalid_parameter_value(problem)  # type: ignore[no-any-return]  # noqa: SLF001 - MiniStack's own refusal, untyped
        response = update(mapping_id, asked)
        esm_wake.set()
        return response

    return checked


def _anchored(init: Callable[[str, str, str], None]) -> Callable[[str, str, str], None]:
    """Both ways to create a mapping come through here."""

    @functools.wraps(init)
    def anchored(mapping_id: str, source_arn: str, starting: str) -> None:
        source = {"EventSourceArn": source_arn}
        if event_source_mapping.is_kinesis(source):
            event_source_mapping.anchor(mapping_id, stream_of(source), starting, _starting_at.get())
            return
        init(mapping_id, source_arn, starting)

    return anchored


def _with_request_noted(emit: Callable[..., None]) -> Callable[..., None]:
    """The one place where MiniStack tells an invocation's request id; it runs on the invoking thread."""

    @functools.wraps(emit)
    def noted(function: dict[str, Any], request_id: str, *args: Any, **kwargs: Any) -> None:
        last_request.id = request_id
        emit(function, request_id, *args, **kwargs)

    return noted
