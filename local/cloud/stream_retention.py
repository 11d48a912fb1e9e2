"""Expires a Kinesis stream's records from the front, in place.

MiniStack copies every record of every shard at each put and each read: a stream of 100,000 records takes
milliseconds for one put, and a record appended by one thread while another copies is lost.
"""

import time
from typing import Any

from ministack.services import kinesis

from local.cloud.retention_logic import drop_expired
from local.cloud.upstream import Upstream

WRAPS = (
    Upstream("ministack.services.kinesis:_expire_records", "9f3968926430b696"),
    Upstream("ministack.services.kinesis:_put_record", "010c2796f340429f"),
    Upstream("ministack.services.kinesis:_put_records", "e8f7755ae6b89960"),
    Upstream("ministack.services.kinesis:_get_records", "b9eb8fa90228500d"),
)


def install() -> None:
    kinesis._expire_records = expire_records  # noqa: SLF001 - the mend


def expire_records(stream: dict[str, Any]) -> None:
    cutoff = time.time() - stream["RetentionPeriodHours"] * 3600
    for shard in stream["shards"].values():
        drop_expired(shard["records"], before=cutoff)
