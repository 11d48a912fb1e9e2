"""One thread that moves the bytes of every connection, however many there are.

paho's client is told nothing of threads: after a connection is dialled, all its calls happen on this one thread, which
asks the system which sockets are ready. Dialling, where a TLS handshake waits for the other side, happens on a few
threads beside it.
"""

import heapq
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import count
from typing import Protocol

from simulator.errors import BrokerError

_DIALLERS = 8
_TICK_S = 0.5


class Port(Protocol):
    """What the network asks of a connection, always on the network's thread."""

    def on_ready(self, *, readable: bool, writable: bool) -> None: ...

    def on_tick(self) -> None: ...

    def wants_to_write(self) -> bool: ...


class Network:
    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._wake, self._waker = socket.socketpair()
        for end in (self._wake, self._waker):
            end.settimeout(0)
        self._selector.register(self._wake, selectors.EVENT_READ)
        self._calls: deque[Callable[[], None]] = deque()
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._ports: dict[socket.socket, Port] = {}
        self._dialler = ThreadPoolExecutor(_DIALLERS, thread_name_prefix="simulator-dial")
        self._is_stopping = False
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="simulator-network", daemon=True)
        self._thread.start()

    def call(self, work: Callable[[], None]) -> None:
        """Have `work` done on the network's thread, soon. From any thread."""
        self._calls.append(work)
        with suppress(BlockingIOError):  # a full pipe wakes it just as well
            self._waker.send(b"\0")

    def call_later(self, delay_s: float, work: Callable[[], None]) -> None:
        """Only on the network's thread."""
        heapq.heappush(self._timers, (time.monotonic() + delay_s, next(self._number), work))

    def dial(self, work: Callable[[], None]) -> None:
        """Have `work`, which may wait for the other side, done beside the network's thread."""
        with suppress(RuntimeError):  # the network was closed meanwhile: nobody wants the connection any more
            self._dialler.submit(work)

    def attach(self, sock: socket.socket, port: Port) -> None:
        self._ports[sock] = port
        self._selector.register(sock, selectors.EVENT_READ, port)

    def detach(self, sock: socket.socket) -> None:
        if self._ports.pop(sock, None) is not None:
            self._selector.unregister(sock)

    def update(self, sock: socket.socket, port: Port) -> None:
        """Wait for the socket to take bytes only while there are some to write."""
        if sock in self._ports:
            wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if port.wants_to_write() else 0)
            if self._selector.get_key(sock).events != wanted:
                self._selector.modify(sock, wanted, port)

    def check(self) -> None:
        """Raises `BrokerError` if the network's thread has died, so that nobody waits for it for ever."""
        if self.failure is not None:
            raise BrokerError(f"The simulator's network thread failed: {self.failure!r}.") from self.failure

    def close(self) -> None:
        self._dialler.shutdown(wait=True, cancel_futures=True)
        self._is_stopping = True
        self.call(lambda: None)
        self._thread.join()
        for sock in self._ports:
            sock.close()
        self._selector.close()
        self._wake.close()
        self._waker.close()

    def _run(self) -> None:
        try:
            next_tick = time.monotonic()
            while not self._is_stopping:
                self._turn()
                if time.monotonic() >= next_tick:
                    next_tick = time.monotonic() + _TICK_S
                    self._tick()
            self._turn()
        except Exception as error:  # noqa: BLE001 - the thread's edge: whoever waits is told by `check`
            self.failure = error

    def _turn(self) -> None:
        for key, mask in self._selector.select(self._patience_s()):
            if key.data is None:
                self._hear_wake()
            else:
                key.data.on_ready(
                    readable=bool(mask & selectors.EVENT_READ), writable=bool(mask & selectors.EVENT_WRITE)
                )
        for _ in range(len(self._calls)):
            self._calls.popleft()()
        while self._timers and self._timers[0][0] <= time.monotonic():
            heapq.heappop(self._timers)[2]()

    def _patience_s(self) -> float:
        if self._calls:
            return 0.0
        until_timer = self._timers[0][0] - time.monotonic() if self._timers else _TICK_S
        return max(0.0, min(_TICK_S, until_timer))

    def _hear_wake(self) -> None:
        with suppress(BlockingIOError):
            self._wake.recv(4096)

    def _tick(self) -> None:
        for port in list(self._ports.values()):
            port.on_tick()
