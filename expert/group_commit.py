"""Writes of several threads in one transaction: whoever waits for the disk while another writes is written along.

A transaction is on disk some milliseconds after it ends, and while it waits for the disk nobody else can write. One after the
other, fifty clinicians would wait for each other; together they wait once.
"""

import sqlite3
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

Work: TypeAlias = Callable[[sqlite3.Connection], object]


@dataclass(slots=True)
class _Waiting:
    work: Work
    is_done: bool = False
    error: Exception | None = None


class GroupCommit:
    """Writes to one connection, which no other thread uses while it holds `turn`."""

    def __init__(self, connection: sqlite3.Connection, turn: threading.RLock) -> None:
        self.connection, self.turn = connection, turn
        self.lock = threading.Lock()
        self.waiting: list[_Waiting] = []

    def write(self, work: Work) -> None:
        """Do something all or not at all; when this returns it is on disk. Raises what the work or the disk raises."""
        mine = _Waiting(work)
        with self.lock:
            self.waiting.append(mine)
        with self.turn:
            if not mine.is_done:
                with self.lock:
                    together, self.waiting = self.waiting, []
                self._write(together)
        if mine.error is not None:
            raise mine.error

    def _write(self, together: list[_Waiting]) -> None:
        try:
            with self.connection:
                self.connection.execute("BEGIN IMMEDIATE")
                for one in together:
                    self._try(one)
        except Exception as error:
            # Nothing of it is on disk, whoever's it was.
            for one in together:
                one.error = one.error or error
        finally:
            for one in together:
                one.is_done = True

    def _try(self, one: _Waiting) -> None:
        """Do one thing; where it fails, the others of the transaction are none the worse."""
        self.connection.execute("SAVEPOINT one")
        try:
            one.work(self.connection)
        except Exception as error:
            if not self.connection.in_transaction:
                # The whole transaction was given up, as where the disk is full.
                raise
            one.error = error
            self.connection.execute("ROLLBACK TO one")
        self.connection.execute("RELEASE one")
