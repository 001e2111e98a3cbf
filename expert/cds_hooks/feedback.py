"""What became of cards, kept in a SQLite file: which rules each card rested on, what was done with it, and the reports behind.

Of a patient only the report is kept, under a key that nobody can guess, for a day. Comments of clinicians are not kept: they
may name a patient. The file is readable by its owner alone.

What clients can make it keep is bounded: cards a day of each client, cards in all, outcomes of each card, and the age of all.
"""

import hmac
import json
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

from expert.private_sqlite import Format, StoreError, explaining, open_private, texts

FeedbackOutcome: TypeAlias = Literal["accepted", "overridden"]

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


FORMAT = Format("a store of feedback", 0x43_68_46_62, 1, _SCHEMA, frozenset({"card", "outcome", "secret"}))
"""Marked "ChFb"."""
# Beside the tables of version 1 rather than in them, so that the program that made a store can go on using it.
_AGES = """
CREATE TABLE IF NOT EXISTS card_made (card TEXT PRIMARY KEY, client TEXT NOT NULL, made REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS card_by_client ON card_made (client, made);
CREATE INDEX IF NOT EXISTS card_by_age ON card_made (made);
CREATE TABLE IF NOT EXISTS token (
    issuer TEXT NOT NULL, id TEXT NOT NULL, until REAL NOT NULL, PRIMARY KEY (issuer, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS token_by_end ON token (until);
"""


_IS_KEPT = "SELECT 1 FROM outcome WHERE (card, at, outcome, reason, accepted) = (?, ?, ?, ?, ?)"


class QuotaFull(StoreError):
    """So much is kept that no more is taken; the text says which quota is full."""


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much is kept, and how long in seconds."""

    cards_a_day: int = 20_000
    """Of one client; each card has a report."""
    cards: int = 1_000_000
    outcomes_of_card: int = 20
    tokens: int = 100_000
    """Tokens that are still valid and were used."""
    reports_for: float = 24 * 3600.0
    feedback_for: float = 2 * 365 * 24 * 3600.0


@dataclass(frozen=True, slots=True)
class NotKept:
    """Places, from 0, of feedback that was not kept: about what was never sent, and about cards that have all they may have."""

    unknown: tuple[int, ...]
    full: tuple[int, ...]


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
    outcome: FeedbackOutcome
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

    def __init__(self, path: Path, *, quotas: Quotas | None = None, clock: Callable[[], float] = time) -> None:
        self.path, self.quotas, self.clock = path, quotas or Quotas(), clock
        self.lock = threading.Lock()
        with self._errors():
            # A card that is lost with the power is sent again; nobody waits for the disk.
            self.connection = open_private(path, FORMAT, synchronous="NORMAL", begin=_begin)
            self.secret: bytes = self.connection.execute("SELECT value FROM secret").fetchone()[0]
            with self.connection:
                for statement in _AGES.strip().removesuffix(";").split(";"):
                    self.connection.execute(statement)
                ages = "INSERT INTO card_made SELECT uuid, client, ? FROM card WHERE uuid NOT IN (SELECT card FROM card_made)"
                self.connection.execute(ages, (clock(),))

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            self.connection.close()

    def report_key(self, call: str) -> str:
        """Return the key under which the report of a call is kept: the same for the same call, and not to be guessed."""
        return hmac.new(self.secret, call.encode(), sha256).hexdigest()

    def keep_issued(self, cards: Sequence[tuple[Issued, str, str]]) -> None:
        """Keep cards that are being sent, each with the key and the HTML of its report. The same card again changes nothing.

        Raises QuotaFull.
        """
        now = self.clock()
        with self._errors(), self.lock, self.connection:
            self._forget_what_is_old(now)
            for card, key, report in cards:
                self._count(card, now)
                fields = (card.uuid, card.service, card.client, card.knowledge, card.indicator, json.dumps(card.suggestions))
                self.connection.execute("INSERT OR IGNORE INTO card VALUES (?, ?, ?, ?, ?, ?)", fields)
                rows = [(card.uuid, rule) for rule in card.rules]
                self.connection.executemany("INSERT OR IGNORE INTO card_rule VALUES (?, ?)", rows)
                content = zlib.compress(report.encode(), 1)
                self.connection.execute("INSERT OR REPLACE INTO report VALUES (?, ?, ?)", (key, now, content))

    def _forget_what_is_old(self, now: float) -> None:
        self.connection.execute("DELETE FROM report WHERE made < ?", (now - self.quotas.reports_for,))
        old = "SELECT card FROM card_made WHERE made < ?"
        for table, column in (("outcome", "card"), ("card_rule", "card"), ("card", "uuid"), ("card_made", "card")):
            statement = f"DELETE FROM {table} WHERE {column} IN ({old})"  # noqa: S608 - names of our own tables
            self.connection.execute(statement, (now - self.quotas.feedback_for,))

    def _count(self, card: Issued, now: float) -> None:
        query = "SELECT count(*) FROM card_made WHERE client = ? AND made >= ? AND card != ?"
        today = self.connection.execute(query, (card.client, now - 24 * 3600.0, card.uuid)).fetchone()[0]
        if today >= self.quotas.cards_a_day:
            raise QuotaFull(f"{self.path}: {today:,} cards were sent to one client within a day, and no more are kept")
        if self.connection.execute("SELECT count(*) FROM card_made").fetchone()[0] >= self.quotas.cards:
            raise QuotaFull(f"{self.path}: {self.quotas.cards:,} cards are kept, and no more; begin another file")
        self.connection.execute("INSERT OR IGNORE INTO card_made VALUES (?, ?, ?)", (card.uuid, card.client, now))

    def report(self, key: str) -> str | None:
        """Return a kept report as HTML; None when it is too old, or never was."""
        with self._errors(), self.lock:
            query = "SELECT content FROM report WHERE key = ? AND made >= ?"
            row = self.connection.execute(query, (key, self.clock() - self.quotas.reports_for)).fetchone()
        return None if row is None else zlib.decompress(row[0]).decode()

    def record(self, service: str, client: str, feedback: Sequence[Feedback]) -> NotKept:
        """Keep what was done with cards, each thing once however often it is told; gives what was not kept."""
        unknown: list[int] = []
        full: list[int] = []
        with self._errors(), self.lock, self.connection:
            for place, told in enumerate(feedback):
                query = "SELECT suggestions FROM card WHERE uuid = ? AND service = ? AND client = ?"
                row = self.connection.execute(query, (told.card, service, client)).fetchone()
                if row is None or not set(told.accepted) <= set(json.loads(row[0])):
                    unknown.append(place)
                    continue
                fields = (told.card, told.at.isoformat(), told.outcome, told.reason, json.dumps(sorted(told.accepted)))
                known = self.connection.execute(_IS_KEPT, fields).fetchone()
                count = self.connection.execute("SELECT count(*) FROM outcome WHERE card = ?", (told.card,)).fetchone()[0]
                if known is None and count >= self.quotas.outcomes_of_card:
                    full.append(place)
                    continue
                self.connection.execute("INSERT OR IGNORE INTO outcome VALUES (?, ?, ?, ?, ?)", fields)
        return NotKept(tuple(unknown), tuple(full))

    def is_new_token(self, issuer: str, identifier: str, until: float, now: float) -> bool:
        """Remember a token as long as it could be used; False for one that was used, and for any where too many are known."""
        with self._errors(), self.lock, self.connection:
            self.connection.execute("DELETE FROM token WHERE until <= ?", (now,))
            # A full memory refuses rather than forgets: forgetting would let an old token in again.
            if self.connection.execute("SELECT count(*) FROM token").fetchone()[0] >= self.quotas.tokens:
                return False
            row = (issuer, identifier, until)
            return self.connection.execute("INSERT OR IGNORE INTO token VALUES (?, ?, ?)", row).rowcount == 1

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
            for *told, count in self.connection.execute(query):
                knowledge, rule, outcome, reason = texts(self.path, told)
                counts.setdefault((knowledge, rule), {})[(outcome, reason)] = count
        return [_count(rule, knowledge, of_rule) for (knowledge, rule), of_rule in counts.items()]

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            with explaining(self.path, FORMAT):
                yield
        except (ValueError, TypeError, zlib.error):
            raise StoreError(f"{self.path}: something in it cannot be read; it was not written by this program") from None


def _begin(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))


def _count(rule: str, knowledge: str, counts: dict[tuple[str, str], int]) -> RuleFeedback:
    def number(wanted: str) -> int:
        return sum(count for (outcome, _), count in counts.items() if outcome == wanted)

    reasons = [(reason, count) for (outcome, reason), count in counts.items() if outcome == "overridden" and reason]
    reasons.sort(key=lambda entry: (-entry[1], entry[0]))
    return RuleFeedback(rule, knowledge, sum(counts.values()), number("accepted"), number("overridden"), tuple(reasons))
