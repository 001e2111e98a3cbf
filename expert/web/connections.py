"""Connections to the service: how many there may be, how long headers may take, and which one makes room for a new one.

uvicorn waits for the headers of a request as long as a client likes, and counts connections without asking whose they are. Here
each connection has a deadline, an address has a bounded number of them, and one that does nothing gives way to one that may.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

_FULL = b"Too many connections; try again in a minute."
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 60\r\n"
    b"connection: close\r\ncontent-length: %d\r\n\r\n%s" % (len(_FULL), _FULL)
)


@dataclass(slots=True)
class Connections:
    """The open connections of one service, the oldest first; used by its event loop alone. Times are in seconds."""

    most: int
    most_of_one: int
    """Of one address; a trusted proxy brings everybody's, and is held to `most` alone."""
    proxies: tuple[str, ...] = ()
    slowest_headers: float = 10.0
    slowest_reader: float = 60.0
    """How long a client may leave an answer unread."""
    opened: dict["TimedProtocol", str] = field(default_factory=dict)

    def admit(self, connection: "TimedProtocol", address: str) -> bool:
        """Count a new connection; where there are too many, one that does nothing is closed for it. False when none does."""
        theirs = [known for known, whose in self.opened.items() if whose == address]
        room = True
        if len(theirs) >= self.most_of_one and address not in self.proxies:
            room = _close_idle(theirs)
        elif len(self.opened) >= self.most:
            room = _close_idle(self._of_the_busiest_address())
        if room:
            self.opened[connection] = address
        return room

    def forget(self, connection: "TimedProtocol") -> None:
        """Take out a connection that is closed."""
        self.opened.pop(connection, None)

    def _of_the_busiest_address(self) -> list["TimedProtocol"]:
        by_address: dict[str, list[TimedProtocol]] = {}
        for connection, address in self.opened.items():
            by_address.setdefault(address, []).append(connection)
        return [
            connection for _, theirs in sorted(by_address.items(), key=lambda entry: -len(entry[1])) for connection in theirs
        ]


def _close_idle(connections: list["TimedProtocol"]) -> bool:
    for connection in connections:
        if connection.is_idle:
            connection.give_way()
            return True
    return False


class TimedProtocol(H11Protocol):
    """uvicorn's HTTP/1.1, with a deadline for headers and for reading an answer."""

    def __init__(self, *arguments: Any, limits: Connections, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.limits = limits
        self.waiting_for_headers: asyncio.TimerHandle | None = None
        self.waiting_for_reader: asyncio.TimerHandle | None = None

    @property
    def is_idle(self) -> bool:
        """Return whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def give_way(self) -> None:
        """Close at once."""
        self.limits.forget(self)
        self.transport.abort()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection, unless there are too many."""
        super().connection_made(transport)
        if not self.limits.admit(self, self.client[0] if self.client else ""):
            transport.write(_REFUSAL)
            transport.close()
            return
        self._watch_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget a connection that is closed."""
        self.limits.forget(self)
        for timer in (self.waiting_for_headers, self.waiting_for_reader):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, and see whether the headers are there now."""
        if self.transport.is_closing():
            return
        super().data_received(data)
        self._watch_headers()

    def pause_writing(self) -> None:
        """Wait for a client to read; not for ever."""
        super().pause_writing()
        self.waiting_for_reader = self.loop.call_later(self.limits.slowest_reader, self.give_way)

    def resume_writing(self) -> None:
        """Go on writing."""
        if self.waiting_for_reader is not None:
            self.waiting_for_reader.cancel()
            self.waiting_for_reader = None
        super().resume_writing()

    def _watch_headers(self) -> None:
        """Set the deadline while headers are awaited; what comes drop by drop does not move it."""
        awaited = self.conn.their_state is h11.IDLE and self.is_idle
        if awaited and self.waiting_for_headers is None:
            self.waiting_for_headers = self.loop.call_later(self.limits.slowest_headers, self.give_way)
        elif not awaited and self.waiting_for_headers is not None:
            self.waiting_for_headers.cancel()
            self.waiting_for_headers = None
