"""Connections that do nothing, or do it slowly, hold nobody up: over real sockets, against a service as its user starts it."""

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from functools import partial
from threading import Thread
from typing import Any

import httpx2 as httpx
import pytest
import uvicorn

from expert.web.connections import Connections, TimedProtocol
from tests.web.serving import Served, free_port

HASTY = 0.6
MOST_OF_ONE = 8


class Running:
    """A small application under our protocol: `/slow` takes a second, `/long` answers more than anybody reads."""

    def __init__(self, limits: Connections) -> None:
        self.port, self.limits = free_port(), limits
        config = uvicorn.Config(
            answer,
            port=self.port,
            http=partial(TimedProtocol, limits=limits),  # type: ignore[arg-type]
            log_level="critical",
            lifespan="off",
            ws="none",
        )
        self.server = uvicorn.Server(config)
        self.thread = Thread(target=self.server.run)

    def __enter__(self) -> "Running":
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = self.server.force_exit = True
        self.thread.join(20)

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), 10)

    def get(self, path: str = "/") -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)


async def answer(scope: Any, receive: Any, send: Any) -> None:
    await receive()
    if scope["path"] == "/slow":
        await asyncio.sleep(1)
    body = b"x" * (64 * 2**20 if scope["path"] == "/long" else 2)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def running() -> Iterator[Running]:
    limits = Connections(most=20, most_of_one=MOST_OF_ONE, slowest_headers=HASTY, slowest_reader=HASTY)
    with Running(limits) as started:
        yield started


def closes_within(connection: socket.socket, seconds: float) -> float:
    """Wait until the other side closes a connection; gives how long that took."""
    begun = time.monotonic()
    connection.settimeout(seconds)
    try:
        while connection.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return time.monotonic() - begun


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_headers_are_not_waited_for_longer_than_a_moment(running: Running, sent: bytes) -> None:
    with closing(running.connect()) as connection:
        connection.sendall(sent)
        assert HASTY / 2 < closes_within(connection, 10) < 5


def test_headers_that_come_drop_by_drop_gain_no_time(running: Running) -> None:
    begun = time.monotonic()
    with closing(running.connect()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            for number in range(200):
                connection.sendall(b"x-%d: y\r\n" % number)
                time.sleep(0.05)
    assert time.monotonic() - begun < 5


def test_the_headers_of_a_second_request_have_the_same_deadline(running: Running) -> None:
    with closing(running.connect()) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        assert connection.recv(65_536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /second")
        assert closes_within(connection, 10) < 5


def test_a_request_that_takes_longer_than_headers_may_is_answered(running: Running) -> None:
    assert running.get("/slow").status_code == 200


def test_an_answer_that_nobody_reads_is_given_up(running: Running) -> None:
    with closing(running.connect()) as connection:
        connection.sendall(b"GET /long HTTP/1.1\r\nhost: x\r\n\r\n")
        deadline = time.monotonic() + 10
        while not running.limits.opened and time.monotonic() < deadline:
            time.sleep(0.01)
        while running.limits.opened and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not running.limits.opened


def test_who_does_nothing_makes_room_for_who_does(running: Running) -> None:
    with ExitStack() as held:
        idle = [held.enter_context(closing(running.connect())) for _ in range(3 * MOST_OF_ONE)]
        assert running.get().status_code == 200
        assert len(running.limits.opened) <= MOST_OF_ONE
        # The first ones went, and the last ones stayed.
        assert closes_within(idle[0], 0.2) < 0.2


def test_what_is_answered_is_never_closed_for_a_newcomer(running: Running) -> None:
    async def all_at_once() -> list[int]:
        async with httpx.AsyncClient(timeout=20) as client:
            asked = [client.get(f"http://127.0.0.1:{running.port}/slow") for _ in range(MOST_OF_ONE)]
            busy = asyncio.gather(*asked)
            await asyncio.sleep(0.5)
            # All of this address's connections are busy: one more is told so.
            more = await client.get(f"http://127.0.0.1:{running.port}/")
            assert more.status_code == 503 and more.headers["retry-after"] == "60"
            return [response.status_code for response in await busy]

    assert asyncio.run(all_at_once()) == [200] * MOST_OF_ONE


def test_a_trusted_proxy_brings_everybodys_connections() -> None:
    with (
        Running(Connections(most=20, most_of_one=2, proxies=("127.0.0.1",), slowest_headers=5)) as running,
        ExitStack() as held,
    ):
        for _ in range(12):
            held.enter_context(closing(running.connect()))
        assert running.get().status_code == 200
        assert len(running.limits.opened) >= 12


def test_of_all_addresses_the_one_with_the_most_gives_way() -> None:
    closed: list[str] = []

    class Known:
        def __init__(self, name: str) -> None:
            self.name, self.is_idle = name, True

        def give_way(self) -> None:
            limits.forget(self)  # type: ignore[arg-type]
            closed.append(self.name)

    limits = Connections(most=6, most_of_one=5)
    for name, address in (("a1", "a"), ("b1", "b"), ("b2", "b"), ("b3", "b"), ("a2", "a"), ("b4", "b")):
        assert limits.admit(Known(name), address)  # type: ignore[arg-type]
    assert limits.admit(Known("c1"), "c")  # type: ignore[arg-type]
    assert closed == ["b1"] and len(limits.opened) == 6


def test_six_hundred_idle_connections_do_not_silence_the_service(served: Served) -> None:
    with ExitStack() as held:
        for number in range(600):
            connection = held.enter_context(closing(socket.create_connection(("127.0.0.1", served.port), 10)))
            if number % 2:
                connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n")
        took = []
        for _ in range(10):
            begun = time.monotonic()
            assert httpx.get(f"http://127.0.0.1:{served.port}/healthz", timeout=10).json()["status"] == "ok"
            took.append(time.monotonic() - begun)
        assert sorted(took)[5] < 1
