"""A device that listens on its request topic and answers on its response topic.

Everything here runs on the network's thread, one request after the other, as on a small device.
"""

import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial

from simulator.answering import Act, Answer, Memory, hear
from simulator.connection import Connection, Publication
from simulator.identity import Identity
from simulator.message import Kind
from simulator.network import Network
from simulator.scenario import How

type OnAct = Callable[[str, Act], None]
"""Told of each act, with the thing that did it. On the network's thread: it must not wait."""


class Listener:
    """`how` says how the device answers at the moment it hears; `on_act` carries out what it is told to do."""

    def __init__(
        self, network: Network, connection: Connection, identity: Identity, *, how: Callable[[], How], on_act: OnAct
    ) -> None:
        self.memory = Memory()
        self.how = how
        self.on_act = on_act
        self._network, self._connection, self._identity = network, connection, identity

    def subscribe(self) -> Future[None]:
        """As `Connection.subscribe`: it goes on listening after every reconnection."""
        return self._connection.subscribe(self._identity.request_topic, self._on_request)

    def _on_request(self, _topic: str, payload: bytes) -> None:
        now_ms = time.time_ns() // 1_000_000
        heard = hear(self.memory, payload, thing=self._identity.thing, how=self.how(), now_ms=now_ms)
        self.memory = heard.memory
        if heard.act is not None:
            self.on_act(self._identity.thing, heard.act)
        for answer in heard.answers:
            self._network.call_later(answer.delay_s, partial(self._answer, answer))

    def _answer(self, answer: Answer) -> None:
        self._connection.publish(Publication(self._identity.response_topic, answer.payload, Kind.RESPONSE), waits=False)
