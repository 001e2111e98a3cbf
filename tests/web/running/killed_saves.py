"""Saves that are killed: at every line of the program that keeps something, and before every statement that SQLite is given.

Run as a program of its own (`python -m tests.web.running.killed_saves KIND FOLDER`), which divides itself for each step, so
that a whole process is killed. Prints one line of JSON a step: was the save acknowledged, and what does the file hold after it?
"""

import json
import os
import signal
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from expert.cds_hooks.feedback import Feedback, FeedbackStore, Issued
from expert.consultation.answer_log import Event
from expert.consultation.sessions import Store
from expert.web.access import audit

WATCHED = ("sessions.py", "audit.py", "feedback.py", "private_sqlite.py", "group_commit.py")
AT = "2026-01-01T00:00:00+00:00"


class Killer:
    """Kills this process at a step; counts the steps where it is not to."""

    def __init__(self, at: int) -> None:
        self.at, self.passed = at, 0

    def step(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, connection: sqlite3.Connection) -> None:
        connection.set_trace_callback(lambda _: self.step())
        sys.settrace(self.trace)

    def trace(self, frame: FrameType, event: str, _: Any) -> Any:
        if not frame.f_code.co_filename.endswith(WATCHED):
            return None
        if event == "line":
            self.step()
        return self.trace


Save = Callable[[Path, Killer, Callable[[], None]], None]


def event(step: int) -> Event:
    return Event(step, "answered", "dangers", {"fever": "yes", "step": str(step)}, AT, "knowledge")


def save_answer(path: Path, killer: Killer, acknowledge: Callable[[], None]) -> None:
    """Answer one more page, as the page in a browser does."""
    store = Store(path)
    session = store.sessions()[0]
    killer.watch(store.connection)
    store.append(session, (*session.log, event(2), event(3)), beside=audit.entry(AT, "weber", "answered", session.id))
    acknowledge()


def save_beginning(path: Path, killer: Killer, acknowledge: Callable[[], None]) -> None:
    """Begin another consultation, as the page in a browser does."""
    store = Store(path)
    killer.watch(store.connection)
    store.begin_owned("weber", "second", AT, "knowledge", beside=lambda begun: audit.entry(AT, "weber", "began", begun.id))
    acknowledge()


def save_deletion(path: Path, killer: Killer, acknowledge: Callable[[], None]) -> None:
    """Delete the consultation."""
    store = Store(path)
    session = store.sessions()[0]
    killer.watch(store.connection)
    store.delete(session)
    acknowledge()


def save_card(path: Path, killer: Killer, acknowledge: Callable[[], None]) -> None:
    """Keep a card that is sent."""
    store = FeedbackStore(path)
    killer.watch(store.connection)
    store.keep_issued([(issued("second"), store.report_key("second"), "<p>report</p>")])
    acknowledge()


def save_outcome(path: Path, killer: Killer, acknowledge: Callable[[], None]) -> None:
    """Keep what was done with a card."""
    store = FeedbackStore(path)
    killer.watch(store.connection)
    at = datetime(2026, 1, 2, tzinfo=UTC)
    store.record("s", "client", [Feedback("first", at, "overridden", "reason"), Feedback("first", at, "accepted", "", ("a",))])
    acknowledge()


SAVES: dict[str, Save] = {
    "answer": save_answer,
    "beginning": save_beginning,
    "deletion": save_deletion,
    "card": save_card,
    "outcome": save_outcome,
}


def issued(uuid: str) -> Issued:
    return Issued(uuid, "s", "client", "knowledge", "info", ("rule",), ("a",))


def prepare(kind: str, path: Path) -> None:
    """Make the file as it is before the save."""
    if kind in ("card", "outcome"):
        with closing(FeedbackStore(path)) as feedback:
            feedback.keep_issued([(issued("first"), feedback.report_key("first"), "<p>report</p>")])
        return
    with closing(Store(path)) as store:
        audit.prepare(store)
        session = store.begin_owned("weber", "first", AT, "knowledge")
        store.append(session, (event(1),))


def held(kind: str, path: Path) -> Any:
    """Return what the file holds, read as a later run of the program reads it, after SQLite's own check."""
    with closing(sqlite3.connect(path)) as connection:
        if connection.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
            return "damaged"
    if kind in ("card", "outcome"):
        with closing(FeedbackStore(path)) as feedback:
            (rule,) = feedback.by_rule()
            kept = [name for name in ("first", "second") if feedback.report(feedback.report_key(name)) is not None]
            outcomes = feedback.connection.execute("SELECT count(*) FROM outcome").fetchone()[0]
            return [rule.cards, kept, outcomes]
    with closing(Store(path)) as store:
        lines = len(audit.entries(store))
        return [[session.name, len(session.log), len(store.owned("weber")), lines] for session in store.sessions()]


def _tell(telling: int) -> None:
    os.write(telling, b"k")


def main(kind: str, folder: Path) -> None:
    step, done = 0, False
    while not done:
        step += 1
        path = folder / f"{kind}-{step}.sqlite"
        prepare(kind, path)
        before = held(kind, path)
        told, telling = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(told)
            SAVES[kind](path, Killer(step), partial(_tell, telling))
            sys.settrace(None)
            os._exit(0)
        os.close(telling)
        acknowledged = os.read(told, 1) == b"k"
        os.close(told)
        _, status = os.waitpid(child, 0)
        # The last one was not killed: there was no such step any more.
        done = not os.WIFSIGNALED(status)
        shown = {"step": step, "acknowledged": acknowledged, "killed": not done, "before": before, "after": held(kind, path)}
        sys.stdout.write(json.dumps(shown) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
