"""SQLite files that are not ours, or not as we wrote them: refused in words, and never written to."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest

from expert.cds_hooks.feedback import FeedbackStore
from expert.consultation.sessions import Store
from expert.private_sqlite import StoreError
from expert.web.access import audit
from tests.functional.charley import charley

PROGRAMS, STORES = 8, 60
OPENERS: dict[str, Callable[[Path], Store | FeedbackStore]] = {"consultations": Store, "feedback": FeedbackStore}


def foreign(path: Path, *statements: str) -> Path:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, what TEXT)")
        connection.execute("INSERT INTO orders VALUES (1, 'bread')")
        for statement in statements:
            connection.execute(statement)
    return path


@pytest.mark.parametrize("opener", OPENERS.values(), ids=OPENERS)
@pytest.mark.parametrize(
    "statements",
    [
        (),
        ("PRAGMA user_version = 1",),
        ("PRAGMA application_id = 7",),
        ("PRAGMA application_id = 7", "PRAGMA user_version = 1"),
        ("CREATE TABLE session (id TEXT)", "CREATE TABLE card (id TEXT)"),
    ],
)
def test_another_programs_file_is_refused_and_stays_as_it_is(
    tmp_path: Path, opener: Callable[[Path], object], statements: tuple[str, ...]
) -> None:
    path = foreign(tmp_path / "shop.sqlite", *statements)
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program; nothing was changed"):
        opener(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_one_kind_of_our_files_is_not_the_other(tmp_path: Path) -> None:
    for made, opened in ((Store, FeedbackStore), (FeedbackStore, Store)):
        path = tmp_path / made.__name__
        made(path).close()
        before = path.read_bytes()
        with pytest.raises(StoreError, match="another program"):
            opened(path)
        assert path.read_bytes() == before


def test_a_command_says_so_too(tmp_path: Path) -> None:
    path = foreign(tmp_path / "shop.sqlite")
    before = path.read_bytes()
    for words in (("sessions", "list"), ("audit",), ("sessions", "show", "x")):
        refused = charley(*words, "--store", path)
        assert refused.status == 1 and "kept by another program" in refused.err
    assert path.read_bytes() == before


def test_a_store_of_before_the_mark_goes_on_being_used(tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite"
    with closing(Store(path)) as store:
        session = store.begin("ward four", "2026-01-01T00:00:00+00:00", "knowledge")
        store.connection.execute("PRAGMA application_id = 0")
    with closing(Store(path)) as store:
        assert [known.name for known in store.sessions()] == ["ward four"] and store.load(session.id) == session
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA application_id").fetchone()[0] != 0


def test_a_file_of_a_later_version_is_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    with closing(Store(path)) as store:
        store.connection.execute("PRAGMA user_version = 9")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another version of Charley"):
        Store(path)
    assert path.read_bytes() == before


def make_stores(folder: Path, together: Barrier) -> None:
    for number in range(STORES):
        together.wait(60)
        with closing(Store(folder / f"store-{number}")) as store:
            store.begin("n", "a", "k")


def test_many_programs_may_make_one_store_at_once(tmp_path: Path) -> None:
    """Sixty times, because it is a matter of luck who comes between whom."""
    spawned = get_context("spawn")
    together = spawned.Barrier(PROGRAMS)
    programs = [spawned.Process(target=make_stores, args=(tmp_path, together)) for _ in range(PROGRAMS)]
    for program in programs:
        program.start()
    for program in programs:
        program.join(120)
    assert [program.exitcode for program in programs] == [0] * PROGRAMS
    for number in range(STORES):
        with closing(Store(tmp_path / f"store-{number}")) as store:
            assert len(store.sessions()) == PROGRAMS


NO_UTF_8 = b"\xffA"


@pytest.mark.parametrize("value", [7, b"\x00\xff", 1.5, NO_UTF_8])
def test_what_is_not_text_in_a_store_is_said_and_not_shown(tmp_path: Path, value: int | bytes | float) -> None:
    path = tmp_path / "store"
    with closing(Store(path)) as store:
        audit.prepare(store)
        session = store.begin("ward four", "2026-01-01T00:00:00+00:00", "knowledge")
        audit.record(store, "2026-01-01T00:00:00+00:00", "weber", "began", session.id)
    with closing(sqlite3.connect(path)) as connection, connection:
        # Columns of text turn numbers into text; a program that declared them otherwise does not.
        connection.execute("CREATE TABLE other (id TEXT PRIMARY KEY, name, begun TEXT NOT NULL, knowledge TEXT NOT NULL)")
        changed = "INSERT INTO other SELECT id, CASE WHEN ? THEN CAST(? AS TEXT) ELSE ? END, begun, knowledge FROM session"
        connection.execute(changed, (value == NO_UTF_8, value, value))
        connection.execute("DROP TABLE session")
        connection.execute("ALTER TABLE other RENAME TO session")
    for words in (("list",), ("show", session.id), ("export", session.id), ("resume", session.id)):
        refused = charley("sessions", *words, "--store", path)
        assert refused.status == 1 and str(path) in refused.err
        assert "not written by this program" in refused.err or "is damaged" in refused.err


def test_what_is_not_text_in_the_trail_is_said(tmp_path: Path) -> None:
    path = tmp_path / "store"
    with closing(Store(path)) as store, store.connection:
        audit.prepare(store)
        store.connection.execute("INSERT INTO audit (at, who, did, consultation, detail) VALUES ('t', x'00', 'd', 'c', '')")
    refused = charley("audit", "--store", path)
    assert refused.status == 1 and "found bytes where a text is kept" in refused.err
