"""Consultations kept in a SQLite file: every answer is on disk before the next question, and nothing that was answered is lost.

The file is readable by its owner alone. Several processes may use it at once; two that answer the same consultation are told
apart by the place of each event in its log, so that neither overwrites the other.
"""

import json
import secrets
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from expert.consultation.answer_log import Event, Log
from expert.group_commit import GroupCommit, Work
from expert.private_sqlite import Format, StoreError, explaining, open_private, texts

_SCHEMA = """
CREATE TABLE session (id TEXT PRIMARY KEY, name TEXT NOT NULL, begun TEXT NOT NULL, knowledge TEXT NOT NULL);
CREATE TABLE event (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (session, place)
);
"""
FORMAT = Format("a store of consultations", 0x43_68_43_6F, 1, _SCHEMA, frozenset({"session", "event"}))
"""Marked "ChCo"."""
# Beside the tables of version 1 rather than in them, so that the program that made a store can go on using it.
_OWNERS = """
CREATE TABLE IF NOT EXISTS owner (
    session TEXT PRIMARY KEY REFERENCES session (id) ON DELETE CASCADE,
    owner TEXT NOT NULL
)
"""


Statement: TypeAlias = tuple[str, tuple[str, ...]]
"""A statement in SQL, and its values."""


class Overtaken(StoreError):
    """The consultation was answered elsewhere at the same time; what was answered here is not kept."""


@dataclass(frozen=True, slots=True)
class Session:
    """A consultation that is kept: who it is about, when it was begun, with which knowledge, and its log."""

    id: str
    name: str
    begun: str
    knowledge: str
    log: Log = ()


class Store:
    """A file of consultations. Every method raises StoreError with a message for people.

    May be used by several threads; they take turns, as one connection has one transaction.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.turn = threading.RLock()
        with self.errors():
            self.connection = open_private(path, FORMAT, synchronous="FULL")
        self.together = GroupCommit(self.connection, self.turn)

    def close(self) -> None:
        """Let go of the file."""
        with self.turn:
            self.connection.close()

    def probe(self) -> None:
        """Try whether the file can be read and written, without changing it."""
        with self.errors():
            self.connection.execute("SELECT 1 FROM session LIMIT 1").fetchone()
            self.connection.execute("BEGIN IMMEDIATE")
            self.connection.rollback()

    def begin(self, name: str, at: str, knowledge: str) -> Session:
        """Begin a consultation, under an id that nobody can guess."""
        session = Session(secrets.token_hex(8), name, at, knowledge)
        with self.errors(), self.connection:
            self.connection.execute("INSERT INTO session VALUES (?, ?, ?, ?)", (session.id, name, at, knowledge))
        return session

    def begin_owned(
        self, owner: str, name: str, at: str, knowledge: str, beside: Callable[[Session], Statement] | None = None
    ) -> Session:
        """Begin a consultation that belongs to one clinician; "" is whoever has the file. `beside` is written with it.

        Its id stands in links, so it is longer. Hexadecimal, because a hyphen in front would be an option to the commands.
        """
        session = Session(secrets.token_hex(16), name, at, knowledge)

        def begin(connection: sqlite3.Connection) -> None:
            if beside is not None:
                connection.execute(*beside(session))
            connection.execute("INSERT INTO session VALUES (?, ?, ?, ?)", (session.id, name, at, knowledge))
            if owner:
                connection.execute(_OWNERS)
                connection.execute("INSERT INTO owner VALUES (?, ?)", (session.id, owner))

        self.write(begin)
        return session

    def write(self, work: Work) -> None:
        """Do something all or not at all, together with what others write. When this returns it is on disk."""
        with self.explaining():
            self.together.write(work)

    def append(self, session: Session, log: Log, beside: Statement | None = None) -> Session:
        """Keep the events of a log that are not kept yet, and in the same transaction what stands `beside` them.

        When this returns both are on disk.
        """
        first = len(session.log)
        rows = [(session.id, place, _dumped(event)) for place, event in enumerate(log) if place >= first]

        def keep(connection: sqlite3.Connection) -> None:
            if beside is not None:
                connection.execute(*beside)
            try:
                connection.executemany("INSERT INTO event VALUES (?, ?, ?)", rows)
            except sqlite3.IntegrityError:
                raise Overtaken(
                    f"the consultation {session.id} was answered or deleted elsewhere at the same time, and this answer was "
                    f"not kept; see it with: charley sessions resume {session.id}"
                ) from None

        self.write(keep)
        return Session(session.id, session.name, session.begun, session.knowledge, log)

    def sessions(self) -> list[Session]:
        """Return all consultations with their logs, the oldest first."""
        with self.errors():
            rows = self.connection.execute("SELECT id, name, begun, knowledge FROM session ORDER BY begun, id").fetchall()
            return [self._session(row, with_log=True) for row in rows]

    def load(self, session: str) -> Session:
        """Return a consultation by its id or the beginning of it."""
        with self.errors():
            pattern = session.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
            query = "SELECT id, name, begun, knowledge FROM session WHERE id LIKE ? ESCAPE '\\' LIMIT 2"
            rows = self.connection.execute(query, (pattern,)).fetchall() if session else []
            if len(rows) != 1:
                problem = "stands for several consultations; write more of it" if rows else "is no consultation here"
                raise StoreError(f"{session!r} {problem}; `charley sessions list` shows them")
            return self._session(rows[0], with_log=True)

    def owned(self, owner: str) -> list[Session]:
        """Return the consultations of one clinician without their logs, the newest first; "" is whoever has the file."""
        with self.errors():
            rows = self.connection.execute("SELECT id, name, begun, knowledge FROM session ORDER BY begun DESC, id").fetchall()
            owners = dict(self.connection.execute("SELECT session, owner FROM owner")) if self._has_owners() else {}
            return [self._session(row) for row in rows if owners.get(row[0], "") == owner]

    def load_owned(self, session: str, owner: str) -> Session | None:
        """Return a consultation by its whole id, if it is that clinician's; None where it is another's, or nobody's."""
        with self.errors():
            row = self.connection.execute("SELECT id, name, begun, knowledge FROM session WHERE id = ?", (session,)).fetchone()
            query = "SELECT owner FROM owner WHERE session = ?"
            owned = self.connection.execute(query, (session,)).fetchone() if self._has_owners() else None
            if row is None or (owned[0] if owned else "") != owner:
                return None
            return self._session(row, with_log=True)

    def _has_owners(self) -> bool:
        """Return whether the store has the table of owners; one that never served a clinician has none."""
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'owner'"
        return self.connection.execute(query).fetchone() is not None

    def delete(self, session: Session) -> None:
        """Delete a consultation with everything that was answered."""
        with self.errors(), self.connection:
            self.connection.execute("DELETE FROM session WHERE id = ?", (session.id,))
        with self.errors():
            # What is deleted must not stay readable in the file or its log.
            self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def keep(self, session: Session) -> None:
        """Keep a whole consultation, as it was exported. Raises StoreError when one with its id is here already."""
        rows = [(session.id, place, _dumped(event)) for place, event in enumerate(session.log)]
        with self.errors(), self.connection:
            try:
                fields = (session.id, session.name, session.begun, session.knowledge)
                self.connection.execute("INSERT INTO session VALUES (?, ?, ?, ?)", fields)
                self.connection.executemany("INSERT INTO event VALUES (?, ?, ?)", rows)
            except sqlite3.IntegrityError:
                raise StoreError(f"the consultation {session.id} is in this store already; delete it there first") from None

    def _session(self, row: Sequence[Any], *, with_log: bool = False) -> Session:
        name, about, begun, used = texts(self.path, row)
        return Session(name, about, begun, used, self._log(name) if with_log else ())

    def _log(self, session: str) -> Log:
        rows = self.connection.execute("SELECT content FROM event WHERE session = ? ORDER BY place", (session,))
        return tuple(Event.from_dict(json.loads(content)) for (content,) in rows)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Wait for one's turn, and turn what SQLite and the disk say into a StoreError for people."""
        with self.explaining(), self.turn:
            yield

    @contextmanager
    def explaining(self) -> Iterator[None]:
        """Turn what SQLite and the disk say into a StoreError for people."""
        try:
            with explaining(self.path, FORMAT):
                yield
        except (ValueError, KeyError, TypeError):
            raise StoreError(f"{self.path}: an answer in it cannot be read; it was not written by this program") from None


def exported(session: Session) -> dict[str, Any]:
    """Return a consultation as plain data."""
    return {
        "session": session.id,
        "name": session.name,
        "begun": session.begun,
        "knowledge": session.knowledge,
        "events": [event.to_dict() for event in session.log],
    }


def imported(written: Mapping[str, Any]) -> Session:
    """Read an exported consultation. Raises StoreError when it is none."""
    try:
        events = tuple(Event.from_dict(event) for event in written["events"])
        texts = [written[key] for key in ("session", "name", "begun", "knowledge")]
    except (KeyError, TypeError, ValueError):
        raise StoreError("this is not an exported consultation; `charley sessions export` writes one") from None
    if not all(isinstance(text, str) and 0 < len(text) <= 200 for text in texts):
        raise StoreError("session, name, begun and knowledge must be texts of at most 200 characters")
    name, about, begun, used = texts
    return Session(name, about, begun, used, events)


def _dumped(event: Event) -> str:
    return json.dumps(event.to_dict(), ensure_ascii=False, sort_keys=True)
