"""What a worker of Spark answers for a part, and what is made of Spark's own long errors; without Spark."""

import pickle
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from expert import __version__
from expert.cohorts.run import CONCLUSIONS, RULE_STATES, PlannedPart, Run, counts_of
from expert.cohorts.spark_engine import _Order, _plain, _rows_done
from expert.inference.assessing import Assessor
from facts.intake.tables.opening import open_table
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import case


@pytest.fixture
def run(knowledge: KnowledgeBase, tmp_path: Path) -> Run:
    work = tmp_path / "out.partial"
    for name in (CONCLUSIONS, RULE_STATES):
        (work / name).mkdir(parents=True)
    return Run(work, knowledge, ("urgency", "rules"), None)


@pytest.fixture
def part(knowledge: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PlannedPart:
    monkeypatch.chdir(tmp_path)
    source = tmp_path / "cohort.csv"
    source.write_text("case,serum_potassium\na,2.4\nb,4\n", encoding="utf-8")
    return PlannedPart(0, (str(source),), 0, 2, open_table(source, knowledge.vocabulary))


def test_a_worker_does_a_part_once(run: Run, part: PlannedPart, tmp_path: Path) -> None:
    order = _Order(run, str(tmp_path), __version__)
    assert _rows_done([part], run.work) == 0
    assert order(part) is None
    written = run.work / CONCLUSIONS / "part-00000.parquet"
    assert pl.read_parquet(written)["urgency"].to_list() == ["immediate", "routine"]
    assert _rows_done([part], run.work) == 2
    before = written.stat().st_mtime_ns
    assert order(part) is None
    assert written.stat().st_mtime_ns == before


def test_an_order_can_be_sent_to_a_worker(run: Run, part: PlannedPart, assessor: Assessor, tmp_path: Path) -> None:
    # What the knowledge keeps of an earlier case must not stand in the way.
    assessor.assess(case({"age": 70, "muscle_weakness": True}))
    sent = pickle.loads(pickle.dumps(_Order(run, str(tmp_path), __version__)))  # noqa: S301 - our own
    assert sent(part) is None
    assert counts_of(run.work, 0).exists()


def test_a_worker_with_another_charley_does_nothing(run: Run, part: PlannedPart, tmp_path: Path) -> None:
    assert f"this is charley 0.0.0; a worker has {__version__}" in str(_Order(run, str(tmp_path), "0.0.0")(part))
    assert not counts_of(run.work, 0).exists()


def test_a_worker_that_does_not_see_the_file_refuses_no_rows(run: Run, part: PlannedPart, tmp_path: Path) -> None:
    elsewhere = replace(part, files=("/nowhere/cohort.csv",))
    told = str(_Order(run, "/nowhere", __version__)(elsewhere))
    assert told.startswith("/nowhere/cohort.csv is not seen by the worker on") and "put it where all workers see it" in told
    assert not counts_of(run.work, 0).exists()


def test_a_worker_tells_what_it_cannot_write(run: Run, part: PlannedPart, tmp_path: Path) -> None:
    (run.work / CONCLUSIONS).rmdir()
    told = str(_Order(run, str(tmp_path), __version__)(part))
    assert "part-00000.parquet cannot be written" in told and "--resume" in told


SAID = {
    "ModuleNotFoundError: No module named 'expert'": "has no charley; install it there",
    'java.io.IOException: Cannot run program "/x": error=2': "name a Python that has charley",
    "[PYTHON_VERSION_MISMATCH] Python in worker has different version": "is another version than",
    "An error occurred.\n: org.apache.spark.SparkException: Job aborted\n\tat x.y.Z": (
        "Spark could not go on: org.apache.spark.SparkException: Job aborted; what is finished is kept"
    ),
    "": "no reason given",
}


@pytest.mark.parametrize("said", SAID)
def test_what_spark_says_in_a_hundred_lines_is_said_in_one(said: str) -> None:
    told = _plain(said, "")
    assert SAID[said] in told and "\n" not in told
