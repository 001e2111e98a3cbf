"""The audit trail: who read and wrote what and when, kept in the file of consultations, and never changed or taken back.

It holds names of clinicians and ids of consultations, never an answer nor what a patient is called.
"""

from dataclasses import dataclass

from expert.consultation.sessions import Statement, Store
from expert.private_sqlite import texts

_SCHEMA = (
    """CREATE TABLE IF NOT EXISTS audit (
        place INTEGER PRIMARY KEY AUTOINCREMENT,
        at TEXT NOT NULL,
        who TEXT NOT NULL,
        did TEXT NOT NULL,
        consultation TEXT NOT NULL,
        detail TEXT NOT NULL
    )""",
    """CREATE TRIGGER IF NOT EXISTS audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    """CREATE TRIGGER IF NOT EXISTS audit_is_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
    # REPLACE deletes the row that is in its way without a word to the trigger above.
    """CREATE TRIGGER IF NOT EXISTS audit_is_never_replaced BEFORE INSERT ON audit
    WHEN EXISTS (SELECT 1 FROM audit WHERE place = NEW.place)
    BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END""",
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the trail. `who` is "" for whoever holds the key of a service without users."""

    place: int
    at: str
    who: str
    did: str
    consultation: str = ""
    detail: str = ""


def prepare(store: Store) -> None:
    """Make the trail in a store of consultations that has none. Raises StoreError."""
    with store.errors(), store.connection:
        for statement in _SCHEMA:
            store.connection.execute(statement)


def record(store: Store, at: str, who: str, did: str, consultation: str = "", detail: str = "") -> None:
    """Add a line. When this returns it is on disk. Raises StoreError; what is not recorded must not be done."""
    line = entry(at, who, did, consultation, detail)
    store.write(lambda connection: connection.execute(*line))


def entry(at: str, who: str, did: str, consultation: str = "", detail: str = "") -> Statement:
    """Return what adds a line, for a transaction that does what it tells of."""
    return "INSERT INTO audit (at, who, did, consultation, detail) VALUES (?, ?, ?, ?, ?)", (at, who, did, consultation, detail)


def entries(store: Store) -> list[Entry]:
    """Return the trail, the oldest line first; nothing where no service ever ran. Raises StoreError."""
    with store.errors():
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'audit'"
        if store.connection.execute(query).fetchone() is None:
            return []
        rows = store.connection.execute("SELECT place, at, who, did, consultation, detail FROM audit ORDER BY place")
        return [Entry(place, *texts(store.path, told)) for place, *told in rows]
