"""Many small valid messages, as fast as they can be made. Pure."""

from collections.abc import Iterator, Sequence

from simulator.identity import Identity
from simulator.message import Kind, Message


def messages(identities: Sequence[Identity], total: int, start_ms: int) -> Iterator[tuple[str, Message]]:
    """`total` messages, the devices taking turns; each device's readings are 1 ms and one `seq` apart.

    They lie before `start_ms` (epoch ms), so that none is ahead of the clock.
    """
    last_ms = start_ms - -(-total // len(identities))
    for number in range(total):
        identity = identities[number % len(identities)]
        seq = number // len(identities) + 1
        yield identity.thing, Message(0.0, _payload(identity, last_ms + seq, seq), Kind.BURST)


def _payload(identity: Identity, timestamp_ms: int, seq: int) -> bytes:
    head = f'{{"device_id":"{identity.thing}","timestamp":{timestamp_ms},"seq":{seq},'
    if identity.application == "factory":
        return f'{head}"sensor_type":"temperature","value":{60 + seq % 200 / 10}}}'.encode()
    measured = f'"temp_c":{4 + seq % 20 / 10},"humidity_pct":55.0,"shock_g":0.01,"battery_pct":80.0'
    return f"{head}{measured}}}".encode()
