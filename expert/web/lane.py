"""A lane for work that takes long: threads of its own, so that pages never wait for it, and a queue that is bounded."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


class LaneFull(Exception):
    """So much of this work is waiting that more is not taken."""


class Lane:
    """Does `at_once` things of one kind at a time, while at most `waiting` more wait; may be used from any event loop."""

    def __init__(self, name: str, at_once: int, waiting: int) -> None:
        self.most, self.begun = at_once + waiting, 0
        self.lock = threading.Lock()
        self.threads = ThreadPoolExecutor(at_once, thread_name_prefix=name)

    async def run(self, work: Callable[[], Result]) -> Result:
        """Do something in its turn. Raises LaneFull when too much is waiting."""
        with self.lock:
            if self.begun >= self.most:
                raise LaneFull
            self.begun += 1
        done = self.threads.submit(work)
        done.add_done_callback(self._ended)
        return await asyncio.wrap_future(done)

    def close(self) -> None:
        """Take nothing more; what waits is dropped."""
        self.threads.shutdown(wait=False, cancel_futures=True)

    def _ended(self, _: object) -> None:
        with self.lock:
            self.begun -= 1
