"""Who published a message that came to the stream without its topic: the registry knows the application."""

from coldwatch.telemetry.topics import telemetry_topic
from coldwatch_ops.devices.registry import find_device
from coldwatch_ops.stack import Stack


class Publishers:
    """Each thing is looked up once."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._applications: dict[str, str | None] = {}

    def application_of(self, thing: str) -> str | None:
        """None for a thing that is not in the registry."""
        if thing not in self._applications:
            device = find_device(self._stack, thing) if thing else None
            self._applications[thing] = str(device["application"]) if device and "application" in device else None
        return self._applications[thing]

    def topic_of(self, application: str, thing: str) -> str:
        return telemetry_topic(application, thing, prefix=self._stack.topic_prefix)
