"""A run over a cohort that is killed at any step of its beginning, its parts or its end goes on to the same bytes."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from expert.cohorts.evaluation import CohortError, RunResult, evaluate
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import load, quantity, yes_no

STEPS = ("open", "os.rename", "os.remove", "os.chmod", "os.mkdir")
"""What Python's audit tells of changes to files; `os.fsync` is counted apart."""


class Killed(BaseException):
    """Stands for the end of the process: nothing that tidies up after an error catches it."""


class _Watch:
    """Counts the steps that touch a folder, and ends the process, as it were, before one of them."""

    def __init__(self) -> None:
        self.folder, self.left, self.seen = "", 0, list[str]()
        sys.addaudithook(self.step)

    def step(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.folder and event in STEPS and str(arguments[0]).startswith(self.folder):
            self.count(f"{event} {Path(str(arguments[0])).name}")

    def count(self, what: str) -> None:
        self.seen.append(what)
        self.left -= 1
        if self.left == 0:
            self.folder = ""
            raise Killed(what)


@pytest.fixture(scope="module")
def watch() -> _Watch:
    # A hook cannot be taken away again: one serves all.
    return _Watch()


@contextmanager
def killed_before(watch: _Watch, step: int, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    watch.folder, watch.left, watch.seen = str(folder), step, []
    real = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (watch.count("os.fsync") if watch.folder else None, real(handle))[1])
    try:
        yield
    finally:
        watch.folder = ""
        monkeypatch.undo()


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., RunResult]:
    """A run with all that a run has: two parts of a table, one refused row and one medicine that nobody knows."""
    small = load(
        tmp_path / "knowledge",
        {"fever": yes_no("fever"), "level": quantity("level")},
        causes={"a": {"confirms": {"a-1": "fever"}}},
    )
    table = tmp_path / "cohort.csv"
    table.write_text("case,fever,level,medicines\na,yes,3,none\nb,no,4,Zyxoril\nc,maybe,5,none\nd,,,\n", encoding="utf-8")
    knowledge: KnowledgeBase = small
    return lambda folder, **more: evaluate([table], folder, knowledge, rows_a_part=2, also=["csv"], **more)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_a_run_killed_before_any_of_its_steps_resumes_to_the_same_bytes(
    run: Callable[..., RunResult], watch: _Watch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with killed_before(watch, -1, tmp_path / "whole", monkeypatch):
        outcome = run(tmp_path / "whole")
    steps = list(watch.seen)
    assert (outcome.read, outcome.concluded, outcome.refused, outcome.unrecognized) == (4, 3, 1, 1)
    wanted = contents(tmp_path / "whole")
    # Every file is on the disk before it has its name, and the folder has its own last.
    assert steps[-3:] == ["os.rename whole.partial", "os.fsync", "open summary.json"]
    assert sum(step == "os.fsync" for step in steps) > 2 * len(wanted)
    for step in range(1, len(steps) + 1):
        folder = tmp_path / f"killed-{step}"
        with pytest.raises(Killed), killed_before(watch, step, folder, monkeypatch):
            run(folder)
        assert run(folder, resume=True) == RunResult(folder, 4, 3, 1, 1), steps[step - 1]
        assert contents(folder) == wanted, steps[step - 1]
        assert not folder.with_name(f"killed-{step}.partial").exists()


def test_a_run_that_had_ended_says_so_when_it_is_resumed(run: Callable[..., RunResult], tmp_path: Path) -> None:
    first = run(tmp_path / "out")
    before = contents(tmp_path / "out")
    assert run(tmp_path / "out", resume=True) == first
    assert contents(tmp_path / "out") == before
    with pytest.raises(CohortError, match="exists already"):
        run(tmp_path / "out")
    with pytest.raises(CohortError, match="exists already"):
        run(tmp_path / "out", resume=True, limit=1)


def test_a_folder_of_something_else_is_not_resumed(run: Callable[..., RunResult], tmp_path: Path) -> None:
    (tmp_path / "out.partial").mkdir()
    (tmp_path / "out.partial" / "thesis.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(CohortError, match="not the folder of a run"):
        run(tmp_path / "out", resume=True)
    assert (tmp_path / "out.partial" / "thesis.txt").read_text(encoding="utf-8") == "mine"
