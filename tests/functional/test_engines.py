"""A real Spark cluster concludes what one process does: every column of every case, nothing lost when a worker dies."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from benchmarks.synthetic import frame
from expert.cohorts.evaluation import CONCLUSIONS, REFUSALS, RULE_STATES, case_of, evaluate
from expert.inference.assessing import Assessor
from facts.intake.case_files import read_case_files
from facts.intake.tables.mapping import AS_WRITTEN
from knowledge_base.model import KnowledgeBase
from reports.json_report import plain
from tests.functional.charley import charley
from tests.functional.test_evaluate import VIGNETTES, contents, table
from tests.spark_cluster import LOOPBACK, Cluster, needs_java

ROWS, PART = 3_000, 300
SI = replace(AS_WRITTEN, system="SI")


@pytest.fixture(scope="module")
def cohort(knowledge: KnowledgeBase, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A synthetic cohort, with a name that stands twice and two figures that cannot be."""
    drawn = frame(knowledge, 0, ROWS, seed=7)
    row = pl.int_range(0, ROWS, eager=True)
    drawn = drawn.with_columns(
        pl.when(row == 2_321).then(pl.lit("17")).otherwise(pl.col("case")).alias("case"),
        pl.when(row.is_in([1_500, 2_999])).then(pl.lit(444.0)).otherwise(pl.col("age")).alias("age"),
    )
    path = tmp_path_factory.mktemp("cohort") / "cohort.parquet"
    drawn.write_parquet(path)
    return path


@pytest.fixture(scope="module")
def alone(cohort: Path, knowledge: KnowledgeBase) -> Path:
    out = cohort.parent / "alone"
    outcome = evaluate([cohort], out, knowledge, rows_a_part=PART, mapping=SI)
    assert (outcome.read, outcome.refused) == (ROWS, 3)
    return out


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path_factory.mktemp("spark"))
    try:
        yield cluster
    finally:
        cluster.stop()


@pytest.fixture
def two_workers(cluster: Cluster) -> Cluster:
    while len(cluster.workers) < 2:
        cluster.start_worker()
    return cluster


def check_same(folder: Path, expected: Path) -> None:
    """Compare every column of every row, then everything else: the bytes."""
    for read, files in ((pl.read_parquet, f"{CONCLUSIONS}/*.parquet"), (pl.read_ipc, f"{RULE_STATES}/*.arrow")):
        ours, theirs = (read(each / files) for each in (folder, expected))
        assert ours.schema == theirs.schema
        assert [name for name in ours.columns if not ours[name].equals(theirs[name])] == []
    assert contents(folder) == contents(expected)


def check_explained(folder: Path, knowledge: KnowledgeBase, assessor: Assessor) -> None:
    cases = [case for case, _ in read_case_files([VIGNETTES], knowledge.vocabulary, knowledge.dictionary).cases]
    assert cases
    for case in cases:
        assert plain(assessor.assess(case_of(folder, case.name, knowledge))) == plain(assessor.assess(case))


def vignettes_as_csv(knowledge: KnowledgeBase, path: Path) -> Path:
    cases = [case for case, _ in read_case_files([VIGNETTES], knowledge.vocabulary, knowledge.dictionary).cases]
    return table(cases, path, knowledge)


def on(cluster: Cluster, source: Path, out: Path, *words: object) -> list[str]:
    spark = ("--engine", "spark", "--master", cluster.url, "--part-rows", PART)
    return [str(word) for word in ("evaluate", source, "--output", out, *spark, *words)]


@needs_java
def test_a_run_that_waits_for_a_worker_says_so_and_goes_on_when_one_comes(cluster: Cluster, tmp_path: Path) -> None:
    assert not cluster.workers
    (tmp_path / "cohort.csv").write_text("case,serum_potassium\na,2.4\n", encoding="utf-8")
    engine = "expert.cohorts.spark_engine"
    program = f"import sys, {engine} as spark; spark._PATIENCE = 1; from expert.command_line import main; main()"
    process = started(on(cluster, tmp_path / "cohort.csv", tmp_path / "out"), sys.executable, "-c", program)
    assert process.stderr is not None
    told = process.stderr.readline()
    cluster.start_worker()
    out, more = process.communicate(timeout=150)
    assert told.startswith(f"{cluster.url} has no worker free; waiting for one.") and more == ""
    assert out.startswith("1 read = 1 concluded")


@needs_java
def test_a_cluster_concludes_what_one_process_does(two_workers: Cluster, cohort: Path, alone: Path, tmp_path: Path) -> None:
    cluster, before = two_workers, two_workers.applications()
    done = charley(*on(cluster, cohort, tmp_path / "out", "--units", "SI"), **LOOPBACK)
    assert (done.status, done.err) == (2, "")
    assert done.out.startswith("3,000 read = 2,997 concluded + 3 refused")
    check_same(tmp_path / "out", alone)
    assert len(cluster.applications() - before) == 2, "both workers had a share"


@needs_java
def test_a_cluster_finishes_and_explains_the_vignettes_that_one_process_began(
    two_workers: Cluster, knowledge: KnowledgeBase, assessor: Assessor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Relative names: they are written as they were typed, wherever the worker is.
    monkeypatch.chdir(tmp_path)
    source = vignettes_as_csv(knowledge, Path("vignettes.csv"))

    def stop(done: int, rows: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        evaluate([source], Path("out"), knowledge, rows_a_part=20, progress=stop, mapping=SI)
    first = Path("out.partial") / CONCLUSIONS / "part-00000.parquet"
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    assert [path.name for path in (Path("out.partial") / RULE_STATES).iterdir()] == ["part-00000.arrow"]
    written = first.stat().st_mtime_ns
    done = charley(
        *on(two_workers, source, Path("out"), "--part-rows", 20, "--units", "SI", "--resume"), cwd=tmp_path, **LOOPBACK
    )
    assert (done.status, done.err) == (0, "")
    assert (Path("out") / CONCLUSIONS / first.name).stat().st_mtime_ns == written
    evaluate([source], Path("whole"), knowledge, rows_a_part=20, mapping=SI)
    check_same(Path("out"), Path("whole"))
    check_explained(Path("out"), knowledge, assessor)


@needs_java
def test_a_worker_that_is_killed_loses_and_doubles_nothing(
    two_workers: Cluster, cohort: Path, alone: Path, tmp_path: Path
) -> None:
    cluster, before = two_workers, two_workers.applications()
    process = started(on(cluster, cohort, tmp_path / "out", "--units", "SI"))
    done = wait_for_parts(tmp_path / "out.partial", 2)
    assert cluster.last_worker in {worker for worker, _ in cluster.applications() - before}, "it works for this run"
    cluster.kill_a_worker()
    out, err = process.communicate(timeout=150)
    cluster.start_worker()
    assert done < ROWS / PART, "the run was over before the worker was killed"
    assert (process.returncode, err) == (2, "")
    assert out.startswith("3,000 read = 2,997 concluded + 3 refused")
    check_same(tmp_path / "out", alone)


def started(words: list[str], *command: str) -> "subprocess.Popen[str]":
    settings = {**os.environ, **LOOPBACK}
    command = command or (sys.executable, "-m", "expert")
    return subprocess.Popen([*command, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=settings)


def wait_for_parts(partial: Path, wanted: int) -> int:
    deadline = time.monotonic() + 90
    while (done := len(list(partial.glob("counts-*.json")))) < wanted:
        assert time.monotonic() < deadline, f"{done} parts in 90 s"
        time.sleep(0.02)
    return done


@needs_java
def test_what_stops_spark_is_told_in_a_line(tmp_path: Path) -> None:
    source = tmp_path / "cohort.csv"
    source.write_text("case,age\nJane Roe,50\n", encoding="utf-8")

    def told(master: str = "local[1]", **environment: str) -> str:
        out = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
        done = charley("evaluate", source, "--output", out, "--engine", "spark", "--master", master, **environment)
        assert done.status == 1 and len(done.err.splitlines()) == 1 and "Jane" not in done.err
        return done.err

    assert "expected spark://HOST:PORT" in told("spark//somewhere")
    assert "expected spark://HOST:PORT, with the port" in told("spark://somewhere")
    assert "no Spark master answers at spark://127.0.0.1:1" in told("spark://127.0.0.1:1")
    assert "Spark Connect" in told("sc://127.0.0.1:15002")
    assert "name a Python that has charley in PYSPARK_PYTHON" in told(PYSPARK_PYTHON=str(tmp_path / "none"))


def test_no_java_or_an_old_one_is_told_with_the_package_to_install(tmp_path: Path) -> None:
    pytest.importorskip("pyspark")
    source = tmp_path / "cohort.csv"
    source.write_text("case,age\na,50\n", encoding="utf-8")
    words = ("evaluate", source, "--output", tmp_path / "out", "--engine", "spark")
    without = charley(*words, PATH=str(tmp_path), JAVA_HOME="")
    assert without.status == 1
    assert without.err.startswith("No Java was found; Spark needs Java 17 or later: install")
    assert "openjdk-17-jre-headless" in without.err
    assert f"at {tmp_path}/bin/java (JAVA_HOME)" in charley(*words, JAVA_HOME=str(tmp_path)).err
    old = tmp_path / "java"
    for version, told in (
        ('openjdk version "11.0.2"', "is Java 11;"),
        ('java version "1.8.0_292"', "is Java 8;"),
        ("", "tell"),
    ):
        old.write_text(f"#!/bin/sh\necho '{version}' >&2\n", encoding="utf-8")
        old.chmod(0o700)
        assert told in charley(*words, PATH=f"{tmp_path}:/bin", JAVA_HOME="").err
    # Nothing was begun.
    assert not (tmp_path / "out.partial").exists()


def test_spark_that_is_not_installed_is_told_with_how_to(tmp_path: Path) -> None:
    source = tmp_path / "cohort.csv"
    source.write_text("case,age\na,50\n", encoding="utf-8")
    program = (
        "import sys; sys.modules['pyspark'] = None; sys.argv = ['charley', *sys.argv[1:]];"
        "from expert.command_line import main; main()"
    )
    command = [sys.executable, "-c", program, "evaluate", str(source), "--output", str(tmp_path / "out"), "--engine", "spark"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "pip install 'charley[spark]'" in done.stderr
    assert not (tmp_path / "out.partial").exists()


def test_a_master_without_spark_is_refused(tmp_path: Path) -> None:
    done = charley("evaluate", "a.csv", "--output", tmp_path / "out", "--master", "local[2]")
    assert done.status == 2 and "give --engine spark too" in done.err
    assert not (tmp_path / REFUSALS).exists()
