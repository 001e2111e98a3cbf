"""What became of cards, kept in a SQLite file: which rules each card rested on, what was done with it, and the reports behind.

Of a patient only the report is kept, under a key that nobody can guess, until it is `kept_for` old. Comments of clinicians are
not kept: they may name a patient. The file is readable by its owner alone.
"""

import hmac
import json
import os
import secrets
import sqlite3
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from time import time
from typing import Literal, TypeAlias

from expert.private_sqlite import StoreError

Outcome: TypeAlias = Literal["accepted", "overridden"]

_WAIT_MS = 5_000
_APPLICATION = 0x43_68_46_62
"""Marks the file as one of ours ("ChFb")."""
_VERSION = 1
_SCHEMA = """
CREATE TABLE secret (value BLOB NOT NULL);
CREATE TABLE card (
    uuid TEXT PRIMARY KEY, service TEXT NOT NULL, client TEXT NOT NULL, knowledge TEXT NOT NULL, indicator TEXT NOT NULL,
    suggestions TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE card_rule (card TEXT NOT NULL REFERENCES card (uuid), rule TEXT NOT NULL, PRIMARY KEY (card, rule)) WITHOUT ROWID;
CREATE TABLE outcome (
    card TEXT NOT NULL REFERENCES card (uuid), at TEXT NOT NULL, outcome TEXT NOT NULL, reason TEXT NOT NULL,
    accepted TEXT NOT NULL, PRIMARY KEY (card, at, outcome, reason, accepted)
) WITHOUT ROWID;
CREATE TABLE report (key TEXT PRIMARY KEY, made REAL NOT NULL, content BLOB NOT NULL) WITHOUT ROWID;
CREATE INDEX report_by_age ON report (made);
"""


@dataclass(frozen=True, slots=True)
class Issued:
    """A card that was sent: to whom, by which service, with which knowledge, and the rules it rests on."""

    uuid: str
    service: str
    client: str
    knowledge: str
    indicator: str
    rules: tuple[str, ...]
    suggestions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Feedback:
    """What a clinician did with a card; `reason` is the code of the override reason, "" where none was chosen."""

    card: str
    at: datetime
    outcome: Outcome
    reason: str = ""
    accepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleFeedback:
    """The cards that rested on a rule of one knowledge base: all of them, and what was done last with those acted upon."""

    rule: str
    knowledge: str
    cards: int
    accepted: int
    overridden: int
    reasons: tuple[tuple[str, int], ...]


class FeedbackStore:
    """A file of cards and outcomes; may be used by any number of threads. Every method raises StoreError for people."""

    def __init__(self, path: Path, *, kept_for: float = 24 * 3600.0, clock: Callable[[], float] = time) -> None:
        self.path, self.kept_for, self.clock = path, kept_for, clock
        self.lock = threading.Lock()
        with self._errors():
            self.connection = self._open()
            self.secret: bytes = self.connection.execute("SELECT value FROM secret").fetchone()[0]

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self.connection.close()

    def report_key(self, call: str) -> str:
        """Return the key under which the report of a call is kept: the same for the same call, and not to be guessed."""
        return hmac.new(self.secret, call.encode(), sha256).hexdigest()

    def keep_issued(self, cards: Sequence[tuple[Issued, str, str]]) -> None:
        """Keep cards that are being sent, each with the key and the HTML of its report. The same card again changes nothing."""
        now = self.clock()
        with self._errors(), self.lock, self.connection:
            self.connection.execute("DELETE FROM report WHERE made < ?", (now - self.kept_for,))
            for card, key, report in cards:
                fields = (card.uuid, card.service, card.client, card.knowledge, card.indicator, json.dumps(card.suggestions))
                self.connection.execute("INSERT OR IGNORE INTO card VALUES (?, ?, ?, ?, ?, ?)", fields)
                rows = [(card.uuid, rule) for rule in card.rules]
                self.connection.executemany("INSERT OR IGNORE INTO card_rule VALUES (?, ?)", rows)
                content = zlib.compress(report.encode(), 1)
                self.connection.execute("INSERT OR REPLACE INTO report VALUES (?, ?, ?)", (key, now, content))

    def report(self, key: str) -> str | None:
        """Return a kept report as HTML; None when it is too old, or never was."""
        with self._errors(), self.lock:
            query = "SELECT content FROM report WHERE key = ? AND made >= ?"
            row = self.connection.execute(query, (key, self.clock() - self.kept_for)).fetchone()
        return None if row is None else zlib.decompress(row[0]).decode()

    def record(self, service: str, client: str, feedback: Sequence[Feedback]) -> list[int]:
        """Keep what was done with cards, each thing once however often it is told.

        Gives the places, from 0, of what is about a card (or a suggestion) that this service never sent to this client.
        """
        unknown: list[int] = []
        with self._errors(), self.lock, self.connection:
            for place, told in enumerate(feedback):
                query = "SELECT suggestions FROM card WHERE uuid = ? AND service = ? AND client = ?"
                row = self.connection.execute(query, (told.card, service, client)).fetchone()
                if row is None or not set(told.accepted) <= set(json.loads(row[0])):
                    unknown.append(place)
                    continue
                fields = (told.card, told.at.isoformat(), told.outcome, told.reason, json.dumps(sorted(told.accepted)))
                self.connection.execute("INSERT OR IGNORE INTO outcome VALUES (?, ?, ?, ?, ?)", fields)
        return unknown

    def by_rule(self) -> list[RuleFeedback]:
        """Count cards and outcomes by rule and knowledge base; of several outcomes of a card the last counts."""
        query = """
            WITH last AS (
                SELECT card, outcome, reason FROM (
                    SELECT *, row_number() OVER (PARTITION BY card ORDER BY at DESC, outcome DESC, reason, accepted) AS place
                    FROM outcome
                ) WHERE place = 1
            )
            SELECT knowledge, rule, coalesce(outcome, ''), coalesce(reason, ''), count(*)
            FROM card JOIN card_rule ON card_rule.card = card.uuid LEFT JOIN last ON last.card = card.uuid
            GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
        """
        counts: dict[tuple[str, str], dict[tuple[str, str], int]] = {}
        with self._errors(), self.lock:
            for knowledge, rule, outcome, reason, count in self.connection.execute(query):
                counts.setdefault((knowledge, rule), {})[(outcome, reason)] = count
        return [_count(rule, knowledge, of_rule) for (knowledge, rule), of_rule in counts.items()]

    def _open(self) -> sqlite3.Connection:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not self.path.exists():
            # Made private before SQLite writes to it; its side files take over the permissions.
            os.close(os.open(self.path, os.O_CREAT | os.O_WRONLY, 0o600))
        connection = sqlite3.connect(self.path, timeout=_WAIT_MS / 1000, isolation_level="IMMEDIATE", check_same_thread=False)
        if connection.execute("PRAGMA application_id").fetchone()[0] not in (0, _APPLICATION):
            raise StoreError(f"{self.path}: kept by another program; name another with --store")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        connection.execute("PRAGMA journal_mode = WAL")
        # A card that is lost with the power is sent again; nobody waits for the disk.
        connection.execute("PRAGMA synchronous = NORMAL")
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("PRAGMA user_version").fetchone()[0] == 0:
                if connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                    raise StoreError(f"{self.path}: not a store of feedback; name another with --store")
                for statement in _SCHEMA.strip().removesuffix(";").split(";"):
                    connection.execute(statement)
                connection.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
                connection.execute(f"PRAGMA application_id = {_APPLICATION}")
                connection.execute(f"PRAGMA user_version = {_VERSION}")
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if found != _VERSION:
            raise StoreError(f"{self.path}: kept by another version of Charley ({found}, not {_VERSION}); use that one")
        return connection

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StoreError(f"{self.path}: cannot be used: {error}; check its permissions and the space left") from None
        except (sqlite3.DatabaseError, ValueError, zlib.error):
            raise StoreError(f"{self.path}: not a store of feedback, or damaged; name another with --store") from None
        except OSError as error:
            raise StoreError(f"{self.path}: cannot be opened: {error.strerror}; name another with --store") from None


def _count(rule: str, knowledge: str, counts: dict[tuple[str, str], int]) -> RuleFeedback:
    def number(wanted: str) -> int:
        return sum(count for (outcome, _), count in counts.items() if outcome == wanted)

    reasons = [(reason, count) for (outcome, reason), count in counts.items() if outcome == "overridden" and reason]
    reasons.sort(key=lambda entry: (-entry[1], entry[0]))
    return RuleFeedback(rule, knowledge, sum(counts.values()), number("accepted"), number("overridden"), tuple(reasons))
