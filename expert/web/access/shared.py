"""What the worker processes of one service know together: sign-ins, tries, rates, and the secrets of its forms and link.

A small SQLite file that lives as long as the service does, because it holds through whatever a worker may die of: a lock of one
that was killed is let go by the system. Where one process serves alone it is in memory. There is no patient in it, no password
and no cookie, only hashes of cookies.
"""

import secrets
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from expert.private_sqlite import StoreError

_WAIT = 5.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS secret (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS allowance (
    kind TEXT NOT NULL, caller TEXT NOT NULL, left REAL NOT NULL, at REAL NOT NULL, PRIMARY KEY (kind, caller)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS sign_in (
    cookie TEXT PRIMARY KEY, who TEXT NOT NULL, mark TEXT NOT NULL, since REAL NOT NULL, seen REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS known_address (
    place INTEGER PRIMARY KEY AUTOINCREMENT, who TEXT NOT NULL, address TEXT NOT NULL, UNIQUE (who, address)
);
"""


class Shared:
    """The file, opened by one process; may be used by any number of threads. Every method raises StoreError."""

    def __init__(self, path: Path | None = None) -> None:
        """Open the file, and make it where there is none; None is memory, for a process that serves alone."""
        self.turn = threading.RLock()
        if path is not None:
            # Made private before SQLite writes to it.
            path.touch(mode=0o600)
        with self._errors():
            name = ":memory:" if path is None else str(path)
            self.connection = sqlite3.connect(name, timeout=_WAIT, isolation_level=None, check_same_thread=False)
            # It ends with the service, so nobody waits for the disk.
            self.connection.execute("PRAGMA synchronous = OFF")
            self.connection.execute("PRAGMA journal_mode = WAL")
            for statement in _SCHEMA.strip().removesuffix(";").split(";"):
                self.connection.execute(statement)

    def close(self) -> None:
        """Let go of the file."""
        with self.turn:
            self.connection.close()

    def secret(self, name: str) -> bytes:
        """Return a secret, the same in all workers; made when it is first asked for."""
        with self.writing() as connection:
            connection.execute("INSERT OR IGNORE INTO secret VALUES (?, ?)", (name, secrets.token_bytes(32)))
            value: bytes = connection.execute("SELECT value FROM secret WHERE name = ?", (name,)).fetchone()[0]
            return value

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Wait for one's turn to read."""
        with self._errors(), self.turn:
            yield self.connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Wait for one's turn to change something; what is done until the block ends is done at once, or not at all."""
        with self._errors(), self.turn, self.connection:
            self.connection.execute("BEGIN IMMEDIATE")
            yield self.connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"what the workers of the service share cannot be used: {error}") from None
