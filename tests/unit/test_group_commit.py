"""Writes of several threads in one transaction: each as if it were alone, and fewer waits for the disk than writes."""

import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from expert.group_commit import GroupCommit, Work


@pytest.fixture
def written(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(tmp_path / "x", isolation_level="IMMEDIATE", check_same_thread=False)) as connection:
        connection.execute("CREATE TABLE number (value INTEGER PRIMARY KEY)")
        yield connection


def put(*values: int) -> Work:
    return lambda connection: [connection.execute("INSERT INTO number VALUES (?)", (value,)) for value in values]


def kept(connection: sqlite3.Connection) -> list[int]:
    return [value for (value,) in connection.execute("SELECT value FROM number ORDER BY value")]


def test_those_who_wait_while_another_writes_are_written_together(written: sqlite3.Connection) -> None:
    turn = threading.RLock()
    together = GroupCommit(written, turn)
    commits: list[str] = []
    written.set_trace_callback(lambda statement: commits.append(statement) if statement == "COMMIT" else None)
    with ThreadPoolExecutor(20) as pool:
        with turn:
            writing = [pool.submit(together.write, put(number)) for number in range(20)]
            while len(together.waiting) < 20:
                pass
        for one in writing:
            one.result(20)
    assert kept(written) == list(range(20)) and len(commits) == 1


def test_what_fails_leaves_nothing_and_harms_nobody_else(written: sqlite3.Connection) -> None:
    turn = threading.RLock()
    together = GroupCommit(written, turn)
    together.write(put(3))
    with ThreadPoolExecutor(3) as pool:
        with turn:
            # The second is half done when it meets what is there already.
            writing = [pool.submit(together.write, put(*values)) for values in ((1,), (2, 3), (4,))]
            while len(together.waiting) < 3:
                pass
        failures = [one.exception(20) for one in writing]
    assert [type(failure) for failure in failures] == [type(None), sqlite3.IntegrityError, type(None)]
    assert kept(written) == [1, 3, 4]
    together.write(put(5))
    assert kept(written) == [1, 3, 4, 5]


def test_where_nothing_can_be_written_everybody_is_told(written: sqlite3.Connection) -> None:
    turn = threading.RLock()
    together = GroupCommit(written, turn)
    written.execute("PRAGMA query_only = ON")
    with ThreadPoolExecutor(3) as pool:
        with turn:
            writing = [pool.submit(together.write, put(number)) for number in range(3)]
            while len(together.waiting) < 3:
                pass
        assert all(isinstance(one.exception(20), sqlite3.OperationalError) for one in writing)
    written.execute("PRAGMA query_only = OFF")
    assert kept(written) == []


def test_where_the_disk_is_full_everybody_is_told_and_nothing_is_half_there(written: sqlite3.Connection) -> None:
    written.execute("CREATE TABLE note (text TEXT)")
    together = GroupCommit(written, threading.RLock())
    (pages,) = written.execute("PRAGMA page_count").fetchone()
    written.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(sqlite3.OperationalError, match="full"):
        together.write(
            lambda connection: [put(1)(connection), connection.execute("INSERT INTO note VALUES (?)", ("x" * 90_000,))]
        )
    assert kept(written) == []
    together.write(put(2))
    assert kept(written) == [2]
