"""Shards that close, have parents and keep their records; writes in sequence; a word to those who wait for records.

MiniStack deletes a shard that is split or merged, with every record in it that nobody had read, and
UpdateShardCount empties the whole stream. It also takes a sequence number and appends the record in two steps, so
that two threads can append in the wrong order and a reader by sequence number misses one.
"""

import functools
import json
import threading
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json, get_account_id, json_response
from ministack.services import kinesis

from local.cloud.upstream import Upstream

WRAPS = tuple(
    Upstream(f"ministack.services.kinesis:{name}", fingerprint)
    for name, fingerprint in (
        ("_put_record", "010c2796f340429f"),
        ("_put_records", "e8f7755ae6b89960"),
        ("put_record_internal", "fc637414f1cce84e"),
        ("_route_to_shard", "e45cf7a2b75843a3"),
        ("_split_shard", "79e732074645c747"),
        ("_merge_shards", "4440fcd2a9bb9c94"),
        ("_update_shard_count", "79b02ca7148f0011"),
        ("_shard_out", "3124090ac60fae17"),
        ("_describe_stream_summary", "a63741b068a7d68f"),
        ("_build_shards", "1f27f472c8e8b727"),
        ("_max_shard_index", "12cb6c88a26ef1a4"),
        ("_compute_hash_ranges", "8b4655e485b16587"),
        ("_next_sequence_number", "763b641fd10ba5c7"),
        ("_resolve_stream", "e679aec9275e46b3"),
    )
)

Shard = dict[str, Any]
Stream = dict[str, Any]
Response = tuple[int, dict[str, str], bytes | str]

_writing = threading.RLock()
"""Held from the taking of a sequence number to the appending of its record, and while shards change."""

_touched: set[tuple[str, str]] = set()
_listeners: dict[tuple[str, str], set[Callable[[], None]]] = {}


def install() -> None:
    kinesis._route_to_shard = route_to_shard  # noqa: SLF001 - the mend
    for name in ("_put_record", "_put_records", "put_record_internal"):
        setattr(kinesis, name, _in_sequence(getattr(kinesis, name)))
    for name, described in (("_shard_out", _with_its_end), ("_describe_stream_summary", _with_open_shards)):
        setattr(kinesis, name, described(getattr(kinesis, name)))
    for name, mended in (
        ("_split_shard", split_shard),
        ("_merge_shards", merge_shards),
        ("_update_shard_count", update_shard_count),
    ):
        setattr(kinesis, name, _in_sequence(mended))


def listen(stream_arn: str, shard_id: str, woken: Callable[[], None]) -> None:
    """Have `woken` called, from the writer's thread and soon back, after records were appended to the shard."""
    with _writing:
        _listeners.setdefault((stream_arn, shard_id), set()).add(woken)


def unlisten(stream_arn: str, shard_id: str, woken: Callable[[], None]) -> None:
    with _writing:
        _listeners.get((stream_arn, shard_id), set()).discard(woken)


def is_closed(shard: Shard) -> bool:
    return "ending_sequence_number" in shard


def parents(shard: Shard) -> list[str]:
    """The shards whose records come before this one's."""
    return [parent for parent in (shard["parent_shard_id"], shard["adjacent_parent_shard_id"]) if parent]


def _in_sequence[**P, T](put: Callable[P, T]) -> Callable[P, T]:
    @functools.wraps(put)
    def locked(*args: P.args, **kwargs: P.kwargs) -> T:
        with _writing:
            try:
                return put(*args, **kwargs)
            finally:
                _tell_listeners()

    return locked


def _tell_listeners() -> None:
    while _touched:
        for woken in tuple(_listeners.get(_touched.pop(), ())):
            woken()


def route_to_shard(hash_key: int, stream: Stream) -> str:
    """The open shard whose range holds the hash key. Called by every put, which thereby says where it writes."""
    for shard_id, shard in stream["shards"].items():
        if not is_closed(shard) and int(shard["starting_hash_key"]) <= hash_key <= int(shard["ending_hash_key"]):
            _touched.add((stream["StreamARN"], shard_id))
            return str(shard_id)
    raise LookupError(f"no open shard of {stream['StreamARN']} holds hash key {hash_key}")


def split_shard(data: dict[str, Any]) -> Response:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SplitShard.html"""
    stream, problem = _stream_with_open(data, data.get("ShardToSplit"))
    if stream is None:
        return problem
    parent = stream["shards"][data["ShardToSplit"]]
    at = int(data.get("NewStartingHashKey") or -1)
    if not int(parent["starting_hash_key"]) < at <= int(parent["ending_hash_key"]):
        return _invalid(f"NewStartingHashKey {at} does not lie inside the range of {data['ShardToSplit']}.")
    _split(stream, data["ShardToSplit"], at)
    return json_response({})  # type: ignore[no-any-return]  # MiniStack is untyped


def merge_shards(data: dict[str, Any]) -> Response:
    """https://docs.aws.amazon.com/kinesis/latest/APIReference/API_MergeShards.html"""
    one, other = data.get("ShardToMerge"), data.get("AdjacentShardToMerge")
    stream, problem = _stream_with_open(data, one, other)
    if stream is None:
        return problem
    lower, upper = sorted((str(one), str(other)), key=lambda shard_id: _start(stream, shard_id))
    if _end(stream, lower) + 1 != _start(stream, upper):
        return _invalid(f"{one} and {other} in stream {stream['StreamName']} are not an adjacent pair of shards.")
    _merge(stream, str(one), str(other))
    return json_response({})  # type: ignore[no-any-return]  # MiniStack is untyped


def update_shard_count(data: dict[str, Any]) -> Response:
    """Splits at the new boundaries, then merges what lies between two: children always have one or two parents.
    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
    """
    name, stream = kinesis._resolve_stream(data)  # noqa: SLF001 - the store has no other reader
    if not stream:
        return _not_found(f"Stream {name} under account {get_account_id()} not found.")
    target = int(data.get("TargetShardCount") or 0)
    if target < 1:
        return _invalid("TargetShardCount must be at least 1.")
    before = len(_open(stream))
    _scale(stream, target)
    counts = {"CurrentShardCount": before, "TargetShardCount": target}
    return json_response({"StreamName": stream["StreamName"], "StreamARN": stream["StreamARN"], **counts})  # type: ignore[no-any-return]  # MiniStack is untyped


def _scale(stream: Stream, target: int) -> None:
    ranges = [(int(start), int(end)) for start, end in kinesis._compute_hash_ranges(target)]  # noqa: SLF001 - as at creation
    for start, _ in ranges[1:]:
        around = next(each for each in _open(stream) if _start(stream, each) <= start <= _end(stream, each))
        if _start(stream, around) != start:
            _split(stream, around, start)
    for start, end in ranges:
        inside = [each for each in _open(stream) if start <= _start(stream, each) <= end]
        while len(inside) > 1:
            inside = [_merge(stream, inside[0], inside[1]), *inside[2:]]


def _split(stream: Stream, parent_id: str, at: int) -> None:
    parent = _close(stream, parent_id)
    _add(stream, parent["starting_hash_key"], str(at - 1), parent_id)
    _add(stream, str(at), parent["ending_hash_key"], parent_id)


def _merge(stream: Stream, one: str, other: str) -> str:
    closed = (_close(stream, one), _close(stream, other))
    start = min(int(shard["starting_hash_key"]) for shard in closed)
    end = max(int(shard["ending_hash_key"]) for shard in closed)
    return _add(stream, str(start), str(end), one, other)


def _close(stream: Stream, shard_id: str) -> Shard:
    shard: Shard = stream["shards"][shard_id]
    shard["ending_sequence_number"] = kinesis._next_sequence_number()  # noqa: SLF001 - the one source of these numbers
    _touched.add((stream["StreamARN"], shard_id))
    return shard


def _add(stream: Stream, start: str, end: str, parent: str, adjacent: str | None = None) -> str:
    """A new shard, put in place with one assignment: readers walk a copy of the shards without the lock."""
    index = kinesis._max_shard_index(stream) + 1  # noqa: SLF001 - as at creation
    (shard_id, shard), *_ = kinesis._build_shards(1, index).items()  # noqa: SLF001 - as at creation
    shard |= {"starting_hash_key": start, "ending_hash_key": end}
    shard |= {"parent_shard_id": parent, "adjacent_parent_shard_id": adjacent}
    stream["shards"] = {**stream["shards"], shard_id: shard}
    return str(shard_id)


def _open(stream: Stream) -> list[str]:
    """The open shards, by the start of their ranges."""
    ids = [shard_id for shard_id, shard in stream["shards"].items() if not is_closed(shard)]
    return sorted(ids, key=lambda shard_id: _start(stream, shard_id))


def _start(stream: Stream, shard_id: str) -> int:
    return int(stream["shards"][shard_id]["starting_hash_key"])


def _end(stream: Stream, shard_id: str) -> int:
    return int(stream["shards"][shard_id]["ending_hash_key"])


def _stream_with_open(data: dict[str, Any], *shard_ids: str | None) -> tuple[Stream | None, Response]:
    """The stream, when it has all these shards and they are open; else None and what AWS answers."""
    name, stream = kinesis._resolve_stream(data)  # noqa: SLF001 - the store has no other reader
    if not stream:
        return None, _not_found(f"Stream {name} under account {get_account_id()} not found.")
    for shard_id in shard_ids:
        whose = f"hard {shard_id} in stream {stream['StreamName']} under account {get_account_id()}"
        if shard_id not in stream["shards"]:
            return None, _not_found(f"Could not find s{whose}.")
        if is_closed(stream["shards"][shard_id]):
            return None, _invalid(f"S{whose} has already been merged or split, and thus is not eligible for either.")
    return stream, (200, {}, b"")


def _not_found(message: str) -> Response:
    return error_response_json("ResourceNotFoundException", message, 400)  # type: ignore[no-any-return]  # MiniStack is untyped


def _invalid(message: str) -> Response:
    return error_response_json("InvalidArgumentException", message, 400)  # type: ignore[no-any-return]  # MiniStack is untyped


def _with_its_end(describe: Callable[[str, Shard], dict[str, Any]]) -> Callable[[str, Shard], dict[str, Any]]:
    @functools.wraps(describe)
    def described(shard_id: str, shard: Shard) -> dict[str, Any]:
        description = describe(shard_id, shard)
        if is_closed(shard):
            description["SequenceNumberRange"]["EndingSequenceNumber"] = shard["ending_sequence_number"]
        return description

    return described


def _with_open_shards(describe: Callable[[dict[str, Any]], Response]) -> Callable[[dict[str, Any]], Response]:
    @functools.wraps(describe)
    def described(data: dict[str, Any]) -> Response:
        status, headers, body = describe(data)
        _, stream = kinesis._resolve_stream(data)  # noqa: SLF001 - the store has no other reader
        if status != 200 or not stream:
            return status, headers, body
        summary = json.loads(body)
        summary["StreamDescriptionSummary"]["OpenShardCount"] = len(_open(stream))
        return json_response(summary)  # type: ignore[no-any-return]  # MiniStack is untyped

    return described
