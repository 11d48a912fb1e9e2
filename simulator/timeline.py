"""A whole scenario as one sequence of steps in the order of device time. Pure: it can be read without a network."""

import heapq
from collections.abc import Iterator, Mapping

from simulator import device, link
from simulator.device import Device
from simulator.link import Link
from simulator.message import Announcement, LinkChange, Step
from simulator.scenario import Event, Scenario

_TOLD = {
    "door_open": "door open",
    "compressor_failure": "compressor fails",
    "compressor_repair": "compressor runs again",
    "freeze": "valve stuck open: it freezes",
    "shock": "shock",
    "spike": "a probe says one wild reading",
    "link_loss": "link lost: readings are buffered",
    "duplicates": "messages are sent twice",
    "reordering": "messages arrive out of order",
    "clock_drift": "clock drifts",
    "silence": "falls silent",
    "hostile": "sends malformed messages",
    "answers": "answers commands: {how}",
}
_ENDS_ARE_TOLD = ("door_open", "compressor_failure", "freeze", "link_loss", "silence", "answers")


def steps(scenario: Scenario, things: Mapping[str, str], start_ms: int) -> Iterator[Step]:
    """Every step of the run; `things` says which thing plays which label, `start_ms` when (epoch ms) it begins.

    A link goes down before and comes up before anything else that happens at the same moment.
    """
    labels = [planned.label for planned in scenario.devices]
    others = dict(zip(labels, [*labels[1:], *labels[:1]], strict=True))
    told = (step for step in _announce(scenario) if step.at_s <= scenario.duration_s)
    streams: list[Iterator[Step]] = [iter(sorted(told, key=lambda step: step.at_s))]
    for planned in scenario.devices:
        events = scenario.events_of(planned.label)
        connection = Link(planned.label, events, scenario.reporting_period_s, scenario.duration_s)
        player = Device(planned, things[planned.label], events, scenario.seed, start_ms, things[others[planned.label]])
        streams.append(link.changes(connection))
        streams.append(link.transmit(connection, device.play(player, scenario), player.chance("link")))
    return heapq.merge(*streams, key=_order)


def _order(step: Step) -> tuple[float, int]:
    return step.at_s, 0 if isinstance(step, LinkChange) else 1


def _announce(scenario: Scenario) -> Iterator[Announcement]:
    for event in scenario.events:
        yield Announcement(event.at_s, event.about or _TOLD[event.kind].format(how=event.how), event.labels)
        if event.for_s and event.kind in _ENDS_ARE_TOLD:
            yield Announcement(event.at_s + event.for_s, _end(event), event.labels)


def _end(event: Event) -> str:
    ends = {
        "door_open": "door closed",
        "compressor_failure": "compressor runs again",
        "freeze": "valve freed",
        "link_loss": "link back: the buffer is uploaded",
        "answers": "answers commands as it should",
    }
    return ends.get(event.kind, "speaks again")
