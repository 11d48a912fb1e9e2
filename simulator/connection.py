"""One device's MQTT connection: TLS with its certificate, QoS 1, many publishes in flight.

Every publish is settled exactly once: acknowledged by the broker (PUBACK), or refused when the broker says so or ends
a connection that is not to come back. A connection that is to come back dials again, waiting longer each time, and
then sends again what was not acknowledged, as MQTT 3.1.1 (4.4) asks.
"""

import random
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.reasoncodes import ReasonCode

from simulator.endpoint import Endpoint
from simulator.errors import BrokerError
from simulator.message import Kind
from simulator.network import Network

IN_FLIGHT = 100
"""AWS IoT Core takes at most 100 publishes of a client that it has not acknowledged.

https://docs.aws.amazon.com/general/latest/gr/iot-core.html#message-broker-limits
"""
_KEEP_ALIVE_S = 60
_ACCEPT_S = 20.0
_BACKOFF_S = (0.2, 15.0)
_QUEUE = 4000


@dataclass(frozen=True, slots=True)
class Publication:
    topic: str
    payload: bytes
    kind: Kind


type Settled = Callable[[Publication, str | None], None]
"""Told of each publication: None when it was acknowledged, else why it was refused."""


class Connection:
    """Methods are for any thread; what begins with `_on_`, and `settled` and handlers, run on the network's."""

    def __init__(
        self,
        network: Network,
        endpoint: Endpoint,
        *,
        client_id: str,
        tls: ssl.SSLContext,
        settled: Settled = lambda _publication, _why: None,
        in_flight: int = IN_FLIGHT,
        comes_back: bool = True,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
    ) -> None:
        self.client_id = client_id
        self.problem = "it was never opened"
        self.times_opened = 0
        self._network, self._endpoint, self._settled = network, endpoint, settled
        self._max_in_flight, self._comes_back = in_flight, comes_back
        self._lock = threading.Condition()
        self._queue: deque[Publication] = deque()
        self._in_flight: dict[int, Publication] = {}
        self._subscriptions: dict[str, Callable[[str, bytes], None]] = {}
        self._subscribing: dict[int, tuple[str, Future[None]]] = {}
        self._is_pumping = self._is_wanted = self._is_dialling = self._is_dropping = False
        self._failures = self._attempt = 0
        self._accepted = threading.Event()
        self._ended = threading.Event()
        self._ended.set()
        self._sock: socket.socket | None = None
        self._client = self._make_client(protocol, tls)

    def _make_client(self, protocol: MQTTProtocolVersion, tls: ssl.SSLContext) -> mqtt.Client:
        client = mqtt.Client(CallbackAPIVersion.VERSION2, self.client_id, protocol=protocol, reconnect_on_failure=False)
        client.tls_set_context(tls)
        client.max_inflight_messages_set(0)
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_socket_close = self._on_socket_close
        return client

    @property
    def is_open(self) -> bool:
        return self._accepted.is_set()

    def open(self) -> None:
        """Dial, and stay connected until `drop` or `close`. `wait_open` waits for it."""
        self._ended.clear()
        self._network.call(self._want)

    def wait_open(self, *, timeout_s: float = 30.0) -> None:
        """Raises `BrokerError` saying what the broker did instead of accepting the connection."""
        deadline = time.monotonic() + timeout_s
        while not self._accepted.wait(0.1):
            self._network.check()
            if time.monotonic() > deadline or (not self._comes_back and self._ended.is_set()):
                raise BrokerError(f"{self.client_id} cannot connect to {self._endpoint.host}: {self.problem}.")

    def publish(self, publication: Publication, *, waits: bool = True) -> None:
        """Queue it. Waits while the queue is full, which the network's thread must not: it would wait for itself."""
        with self._lock:
            while waits and len(self._queue) >= _QUEUE:
                self._lock.wait(1)
                self._network.check()
            self._queue.append(publication)
            is_first, self._is_pumping = not self._is_pumping, True
        if is_first:
            self._network.call(self._pump)

    def subscribe(self, topic_filter: str, handler: Callable[[str, bytes], None]) -> Future[None]:
        """Have `handler(topic, payload)` called for each message; again after every reconnection.

        The future fails with `BrokerError` when the broker refuses the filter, or the connection over it.
        """
        granted: Future[None] = Future()
        self._subscriptions[topic_filter] = handler
        self._network.call(lambda: self._subscribe(topic_filter, granted))
        return granted

    def drain(self, *, patience_s: float = 30.0) -> None:
        """Wait until everything is settled. Raises `BrokerError` after `patience_s` without one settlement."""
        with self._lock:
            left, since = self._unsettled(), time.monotonic()
            while left:
                self._lock.wait(0.2)
                self._network.check()
                left, before = self._unsettled(), left
                since = time.monotonic() if left != before else since
                if time.monotonic() - since > patience_s:
                    raise BrokerError(
                        f"{self.client_id}: {left} messages are not acknowledged and none was for "
                        f"{patience_s:g} s; {self.problem}."
                    )

    def drop(self) -> None:
        """Lose the link, without a goodbye, as soon as all that was published is acknowledged."""
        self._network.call(self._begin_drop)

    def close(self, *, timeout_s: float = 5.0) -> None:
        """Say goodbye and do not come back. What is not acknowledged yet is refused; `drain` first to avoid that."""
        self.begin_close()
        self._ended.wait(timeout_s)

    def begin_close(self) -> None:
        """The same without waiting."""
        self._network.call(self._part)

    def wait_ended(self, timeout_s: float) -> bool:
        """Whether the connection ended within the time."""
        return self._ended.wait(timeout_s)

    def _unsettled(self) -> int:
        return len(self._queue) + len(self._in_flight)

    def _want(self) -> None:
        self._is_wanted, self._is_dropping = True, False
        self._dial()

    def _dial(self) -> None:
        if self._is_wanted and not self._is_dialling and self._sock is None:
            self._is_dialling = True
            self._attempt += 1
            self._network.dial(partial(self._connect, self._attempt))

    def _connect(self, attempt: int) -> None:
        try:
            self._client.connect(self._endpoint.host, self._endpoint.port, keepalive=_KEEP_ALIVE_S)
        except OSError as error:
            sentence = f"{self._endpoint.host}:{self._endpoint.port} cannot be reached ({error})"
            self._network.call(lambda: self._lose(attempt, sentence))
        else:
            self._network.call(lambda: self._attach(attempt))

    def _attach(self, attempt: int) -> None:
        self._is_dialling = False
        sock = cast("socket.socket | None", self._client.socket())
        if sock is None:
            self._lose(attempt, "the broker closed the connection before it was made")
            return
        self._sock = sock
        self._network.attach(sock, self)
        self._network.call_later(_ACCEPT_S, lambda: self._doubt(sock))
        if not self._is_wanted:
            self._part()

    def _doubt(self, sock: socket.socket) -> None:
        if self._sock is sock and not self.is_open:
            self._hang_up()

    def _hang_up(self) -> None:
        if self._sock is not None:
            with suppress(OSError):  # the other side may have been quicker
                self._sock.shutdown(socket.SHUT_RDWR)
            self._client.loop_read()

    def _begin_drop(self) -> None:
        self._is_dropping = True
        self._drop_if_idle()

    def _drop_if_idle(self) -> None:
        if self._is_dropping and not self._unsettled():
            self._is_wanted = self._is_dropping = False
            self._hang_up()

    def _part(self) -> None:
        self._is_wanted = False
        if self._sock is None:
            self._end()
        else:
            self._client.disconnect()

    def _pump(self) -> None:
        """Publish as much as may be in flight."""
        while self.is_open and len(self._in_flight) < self._max_in_flight:
            with self._lock:
                if not self._queue:
                    break
                publication = self._queue.popleft()
                info = self._client.publish(publication.topic, publication.payload, qos=1)
                self._in_flight[info.mid] = publication
        with self._lock:
            self._is_pumping = bool(self._queue) and self.is_open
            self._lock.notify_all()
        self._update()

    def _update(self) -> None:
        if self._sock is not None:
            self._network.update(self._sock, self)

    def on_ready(self, *, readable: bool, writable: bool) -> None:
        if writable:
            self._client.loop_write()
        if readable:
            self._client.loop_read()
            # What TLS has already taken from the socket does not make the socket readable again.
            while isinstance(self._sock, ssl.SSLSocket) and self._sock.pending():
                self._client.loop_read()
        self._pump()
        self._drop_if_idle()

    def on_tick(self) -> None:
        self._client.loop_misc()
        self._update()

    def wants_to_write(self) -> bool:
        return self._client.want_write()

    def _on_connect(self, _client: object, _data: object, _flags: object, reason: ReasonCode, _properties: Any) -> None:
        if reason.is_failure:
            self.problem = f"the broker answered: {reason}"
            return
        self._failures, self.problem = 0, "it is connected"
        self.times_opened += 1
        self._accepted.set()
        for topic_filter in self._subscriptions:
            self._network.call(partial(self._subscribe, topic_filter, Future()))

    def _on_socket_close(self, _client: object, _data: object, sock: Any) -> None:
        if self._sock is not None and sock is self._sock:
            self._network.detach(self._sock)
            self._sock = None

    def _on_disconnect(
        self, _client: object, _data: object, flags: mqtt.DisconnectFlags, reason: ReasonCode, _properties: Any
    ) -> None:
        sentence = self._farewell(f" and said: {reason}" if flags.is_disconnect_packet_from_server else "")
        self._network.call(partial(self._lose, self._attempt, sentence))

    def _farewell(self, said: str) -> str:
        if not self._is_wanted:
            return "it was closed"
        if self.is_open:
            return f"the broker closed the connection{said}"
        has_answered = self.problem.startswith("the broker answered")
        return self.problem if has_answered else "the broker closed the connection without accepting it"

    def _lose(self, attempt: int, sentence: str) -> None:
        """The connection is gone. Dial again if that is wanted, else settle what is left.

        A connection may be reported lost twice, or when its successor is already dialled: each counts once.
        """
        if attempt != self._attempt:
            return
        self._attempt += 1
        self._accepted.clear()
        self._is_dialling = False
        self.problem = sentence
        if not self._is_wanted or not self._comes_back:
            self._end()
            return
        self._failures += 1
        first_s, most_s = _BACKOFF_S
        self._network.call_later(min(most_s, first_s * 2**self._failures) * random.uniform(0.5, 1), self._dial)

    def _end(self) -> None:
        self._accepted.clear()
        for _, granted in self._subscribing.values():
            granted.set_exception(BrokerError(f"{self.client_id}: {self.problem}."))
        self._subscribing.clear()
        with self._lock:
            left = [*self._in_flight.values(), *self._queue]
            self._in_flight.clear()
            self._queue.clear()
            self._is_pumping = False
            self._lock.notify_all()
        for publication in left:
            self._settled(publication, self.problem)
        self._ended.set()

    def _on_publish(self, _client: object, _data: object, mid: int, reason: ReasonCode, _properties: Any) -> None:
        publication = self._in_flight.pop(mid, None)
        if publication is not None:
            self._settled(publication, f"the broker answered: {reason}" if reason.is_failure else None)

    def _subscribe(self, topic_filter: str, granted: Future[None]) -> None:
        """While the connection is not open there is nothing to ask; opening it subscribes again."""
        if not self.is_open:
            granted.set_exception(BrokerError(f"{self.client_id} is not connected: {self.problem}."))
            return
        _, mid = self._client.subscribe(topic_filter, qos=1)
        if mid is not None:
            self._subscribing[mid] = (topic_filter, granted)
        self._update()

    def _on_subscribe(
        self, _client: object, _data: object, mid: int, reasons: list[ReasonCode], _properties: Any
    ) -> None:
        topic_filter, granted = self._subscribing.pop(mid, ("", Future()))
        if any(reason.is_failure for reason in reasons):
            self._subscriptions.pop(topic_filter, None)
            granted.set_exception(BrokerError(f"the broker refused the filter: {reasons[0]}."))
        else:
            granted.set_result(None)

    def _on_message(self, _client: object, _data: object, message: mqtt.MQTTMessage) -> None:
        for topic_filter, handler in self._subscriptions.items():
            if mqtt.topic_matches_sub(topic_filter, message.topic):
                handler(message.topic, bytes(message.payload))
