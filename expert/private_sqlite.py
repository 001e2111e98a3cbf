"""SQLite files with patient data: private to their owner, never another program's, and errors that say what to do."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expert.disk_errors import advise

_WAIT_MS = 5_000
_PAUSE = 0.02
"""Seconds until the next try."""


class StoreError(Exception):
    """The store cannot be used as asked: what happened, and what to do."""


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of file that we keep: what it is called, the mark and version in its header, and how it is made."""

    name: str
    mark: int
    """SQLite's application_id."""
    version: int
    schema: str
    tables: frozenset[str]
    """Those that a file has which was made before it was marked."""


def open_private(
    path: Path, format: Format, *, synchronous: str, begin: Callable[[sqlite3.Connection], None] = lambda _: None
) -> sqlite3.Connection:
    """Open a file of ours, and make it where there is none; `begin` fills a new one.

    Raises StoreError for a file of another program or version, to which nothing is written; sqlite3.Error and OSError else.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size:
        with closing(_open_to_read(path)) as reading:
            _refuse_foreign(path, format, reading)
    else:
        # Made private before SQLite writes to it; its side files take over the permissions.
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    connection = sqlite3.connect(path, timeout=_WAIT_MS / 1000, isolation_level="IMMEDIATE", check_same_thread=False)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA secure_delete = ON")
        if _header(connection) != (format.mark, format.version):
            _write_ahead(connection)
            with connection:
                # Another process may have made the tables between the question and here.
                connection.execute("BEGIN IMMEDIATE")
                _refuse_foreign(path, format, connection)
                if _header(connection)[1] == 0:
                    for statement in format.schema.strip().removesuffix(";").split(";"):
                        connection.execute(statement)
                    begin(connection)
                connection.execute(f"PRAGMA application_id = {format.mark}")
                connection.execute(f"PRAGMA user_version = {format.version}")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
    except BaseException:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=_WAIT_MS / 1000)


def _write_ahead(connection: sqlite3.Connection) -> None:
    # SQLite waits for a lock, but where several programs change the journal of a new file it tells one that it is locked.
    until = time.monotonic() + _WAIT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(_PAUSE)
        else:
            return


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    mark, version = (connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("application_id", "user_version"))
    return mark, version


@contextmanager
def _one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """See the file as it is at one moment: another program may be making it."""
    if connection.in_transaction:
        yield
        return
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.rollback()


def _refuse_foreign(path: Path, format: Format, connection: sqlite3.Connection) -> None:
    with _one_moment(connection):
        mark, version = _header(connection)
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    is_new = (mark, version) == (0, 0) and not tables
    if mark != format.mark and not is_new and not (mark == 0 and version and format.tables <= tables):
        raise StoreError(f"{path}: not {format.name}, but kept by another program; nothing was changed; name another file")
    if not is_new and version != format.version:
        raise StoreError(f"{path}: kept by another version of Charley ({version}, not {format.version}); use that one")


def texts(path: Path, row: Sequence[Any]) -> tuple[str, ...]:
    """Return a row that has to be of texts. Raises StoreError where something else was put there."""
    for value in row:
        if not isinstance(value, str):
            raise StoreError(f"{path}: found {type(value).__name__} where a text is kept; it was not written by this program")
    return tuple(row)


@contextmanager
def explaining(path: Path, format: Format) -> Iterator[None]:
    """Turn what SQLite and the disk say into a StoreError for people."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreError(f"{path}: {_explained(str(error))}") from None
    except sqlite3.DatabaseError:
        raise StoreError(f"{path}: not {format.name}, or damaged; name another file") from None
    except OSError as error:
        raise StoreError(f"{path}: cannot be opened: {error.strerror}; {advise(error)}") from None


def _explained(error: str) -> str:
    for part, told in (
        ("readonly", "can only be read; check its permissions, or name another file"),
        ("read-only", "can only be read; check its permissions, or name another file"),
        ("full", "the disk is full; make room, or name another file"),
        ("disk I/O", "cannot be written: the disk is full or fails; make room, or name another file"),
        ("locked", "another program holds it; try again"),
        ("unable to open", "cannot be opened; check the path and its permissions, or name another file"),
        ("decode to UTF-8", "a text in it is damaged; restore it from a copy"),
    ):
        if part in error:
            return told
    return error


def copy_private(source: Path, target: Path, format: Format) -> None:
    """Copy a file of ours while others use it: whole or not at all, checked, on disk when this returns. Raises StoreError.

    The copy is as of one moment. A file that is there already is never overwritten.
    """
    with explaining(source, format):
        if not source.is_file():
            raise StoreError(f"{source}: there is no such file; check the path")
        if target.exists():
            raise StoreError(f"{target}: is there already; move it away, or name another place")
        target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, written = tempfile.mkstemp(dir=target.parent, prefix=".charley-")
        os.close(handle)
        temporary = Path(written)
        try:
            with closing(_open_to_read(source)) as reading:
                _refuse_foreign(source, format, reading)
                with closing(sqlite3.connect(temporary)) as writing:
                    reading.backup(writing)
                    # One file, without side files that somebody might forget to take along.
                    writing.execute("PRAGMA journal_mode = DELETE")
                    if writing.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
                        raise StoreError(f"{source}: is damaged, so it was not copied; restore it from a copy")
            with temporary.open("rb") as copied:
                os.fsync(copied.fileno())
            # Unlike a rename, a link never takes the place of a file that another program has made meanwhile.
            os.link(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
