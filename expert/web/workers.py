"""Processes beside each other that serve one address: a supervisor, which serves nobody itself, and its workers.

Python computes in one thread of a process at a time, so a machine of several processors needs several processes. All of them
accept from one listening socket. A worker that dies is replaced; they all end with the supervisor, whatever ends it.

uvicorn has a supervisor too. It takes an application by name alone, kills a worker that is too busy to answer it, has an
interface that changed between versions, and lets whoever wakes first take every connection that waits.
"""

import multiprocessing
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from expert.failure_log import LOG
from expert.web.settings import Settings

_MOST_USEFUL = 4
_WAITING = 2_048
"""Connections that wait until a worker takes them."""
_ENDS_WITHIN = 15.0
_STARTS_IN_VAIN = 3
_PAUSE = 1.0
"""Seconds until a worker that lived no longer than that is replaced."""

Work = Callable[[Settings, socket.socket, Connection], None]
"""What a worker does: serve the socket until it is told to end, and send once on the connection that it is ready."""


def useful_workers(settings: Settings) -> int:
    """Return how many workers there should be: one for each processor where several people work, at most four.

    One person, who holds the link, gains nothing by a second, which takes memory.
    """
    if settings.sign_in == "key":
        return 1
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(_MOST_USEFUL, processors))


def listen(settings: Settings) -> socket.socket:
    """Return a socket that listens where the service is to be reached. Raises OSError."""
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    listener = socket.create_server((settings.address, settings.port), family=family, backlog=_WAITING)
    # Connections take this over. asyncio sets it only for sockets of its own making, and without it what is sent in two pieces
    # waits 40 ms for the first to be acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


class TakingTurns(socket.socket):
    """A listening socket that gives an event loop one connection a turn, so that a worker that has time takes the next one."""

    def __init__(self, listener: socket.socket) -> None:
        """Take over a socket, which is closed by that."""
        super().__init__(listener.family, listener.type, listener.proto, fileno=listener.detach())
        self.has_given = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Return a connection every second time; the time between says that there is none now."""
        self.has_given = not self.has_given
        if not self.has_given:
            raise BlockingIOError
        return super().accept()


def end_with_supervisor(shared: Path | None) -> None:
    """End this worker when its supervisor is gone; where that was killed, take away the folder of the file they shared."""
    supervisor = multiprocessing.parent_process()
    if supervisor is None:
        return

    def watch() -> None:
        wait([supervisor.sentinel])
        if shared is not None:
            shutil.rmtree(shared.parent, ignore_errors=True)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="supervisor", daemon=True).start()


@dataclass(slots=True)
class _Worker:
    process: SpawnProcess
    told: Connection
    since: float
    is_ready: bool = False


class Supervisor:
    """Keeps a number of workers alive. `work` is a function of a module, since each worker imports it anew."""

    def __init__(self, settings: Settings, listener: socket.socket, count: int, work: Work) -> None:
        self.settings, self.listener, self.count, self.work = settings, listener, count, work
        self.workers: list[_Worker] = []
        self.in_vain = 0
        self.ends = False
        self.woken, self.waking = os.pipe()

    def run(self, ready: Callable[[], None]) -> bool:
        """Serve until a signal ends it; `ready` is called when the first worker is. False when no worker stays alive."""
        before = {number: signal.signal(number, self._end) for number in (signal.SIGTERM, signal.SIGINT)}
        try:
            # What is wrong with the settings is told by the first one, once.
            self.workers.append(self._start())
            while not self.workers[0].is_ready:
                if not self._look():
                    return False
                if self.ends:
                    return True
            ready()
            self.workers += [self._start() for _ in range(1, self.count)]
            while not self.ends:
                if not self._look():
                    return False
            return True
        finally:
            self._end_all()
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(self.woken)
            os.close(self.waking)

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        self.ends = True
        os.write(self.waking, b"x")

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        told, telling = context.Pipe(duplex=False)
        process = context.Process(target=self.work, args=(self.settings, self.listener, telling), name="charley worker")
        process.start()
        telling.close()
        return _Worker(process, told, monotonic())

    def _look(self) -> bool:
        """Wait until something happens, and replace whoever died. False when none of several in turn became ready."""
        starting = [worker.told for worker in self.workers if not worker.is_ready]
        wait([self.woken, *starting, *(worker.process.sentinel for worker in self.workers)])
        for place, worker in enumerate(self.workers):
            if not worker.is_ready and worker.told.poll():
                try:
                    worker.is_ready = bool(worker.told.recv())
                    self.in_vain = 0
                except EOFError:
                    worker.process.join()
            if worker.process.is_alive() or self.ends:
                continue
            worker.process.join()
            worker.told.close()
            self.in_vain += not worker.is_ready
            if self.in_vain >= _STARTS_IN_VAIN or (self.in_vain and len(self.workers) == 1):
                return False
            LOG.error("a worker ended (%s) and is replaced", worker.process.exitcode)
            if monotonic() - worker.since < _PAUSE:
                wait([self.woken], _PAUSE)
            self.workers[place] = self._start()
        return True

    def _end_all(self) -> None:
        for worker in self.workers:
            worker.process.terminate()
        last = monotonic() + _ENDS_WITHIN
        for worker in self.workers:
            worker.process.join(max(0.0, last - monotonic()))
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.told.close()
