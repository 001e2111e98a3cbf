"""How long a cohort takes, as ratios in one run: against copying the file, other sizes, and engines for one case at a time.

Synthetic cases drawn from the vocabulary (`benchmarks.synthetic`), the whole knowledge base, Parquet in and a folder of
conclusions out, by `charley evaluate`. The conclusions of a sample are compared with those of one case at a time.

    python -m benchmarks.cohorts --rows 10000 100000 1000000 --rows-of-engines 200000 --rows-of-formats 200000
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter, process_time
from typing import NamedTuple

import polars as pl

from benchmarks.cohort_judging import JUDGED_SAMPLE, compare_judging
from benchmarks.engines import cpu_model
from benchmarks.other_engines.clips_engine import ClipsEngine, repair_clipspy
from benchmarks.synthetic import write_cohort
from expert.cohorts.evaluation import ROWS_A_PART
from expert.inference.assessing import Assessor
from expert.inference.forward_chaining import ForwardChaining
from facts.case import Case
from facts.intake.tables.cells import rows_named_twice
from facts.intake.tables.columns import read_part
from facts.intake.tables.mapping import AS_WRITTEN
from facts.intake.tables.opening import open_table
from facts.intake.tables.rows import case_of_row
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

SAMPLE = 300
_RETE_SAMPLE = 5
SI = replace(AS_WRITTEN, system="SI")
NARROW = 33
"""Columns that a file of a registry may have, the name included."""


_SOME_REFUSED = 2


class Took(NamedTuple):
    """What a run took: seconds by the clock, seconds of all processors, and its most memory in MiB."""

    clock: float
    processors: float
    memory: float


def main() -> None:
    """Print the tables; ends with 1 when a conclusion differs from that of one case at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of cohorts")
    parser.add_argument("--rows-of-engines", type=int, default=200_000, help="size of the cohort for Spark; 0: none")
    parser.add_argument("--rows-of-formats", type=int, default=200_000, help="size of the cohort as CSV and NDJSON; 0: none")
    parser.add_argument("--before", type=Path, help="a checkout of an earlier version, to be timed on the same files")
    options = parser.parse_args()
    knowledge = load_knowledge_base()
    print(f"- Machine: {cpu_model()}, Python {sys.version.split()[0]}, Polars {pl.__version__}")
    print(f"- Knowledge: {knowledge.title} {knowledge.version} ({knowledge.hash[:12]}), {len(knowledge.rules):,} rules")
    print("- s: seconds by the clock (of all processors)\n")
    print("| rows | columns | copying the Parquet file, s | evaluate, s | × copying | cases per second | most memory, MiB |")
    print("|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in sorted(options.rows):
            source = folder / f"cohort-{rows}.parquet"
            apart(source, rows)
            compare_with_copying(source, folder / f"out-{rows}", options.before)
        narrow = folder / "narrow.parquet"
        pl.scan_parquet(source).select(narrow_columns(knowledge)).sink_parquet(narrow)
        compare_with_copying(narrow, folder / "narrow", options.before)
        cases = draw_cases(source, knowledge)
        differing = different(cases, folder / f"out-{max(options.rows)}", knowledge)
        judging = compare_judging(source, knowledge)
        differing += judging[1]
        if options.rows_of_engines:
            differing += compare_engines(folder, options.rows_of_engines, knowledge)
        if options.rows_of_formats:
            compare_formats(folder, options.rows_of_formats, knowledge)
    print(f"\n{len(cases)} cases of the last cohort in full, {JUDGED_SAMPLE:,} of its judging alone, and the folder")
    print(f"of each engine, compared with one case at a time: {differing} differ.\n")
    print("| the same cases one at a time | cases per second of a processor | judging on planes is × as fast |")
    print("|---|---:|---:|")
    for engine, fire, count in contenders(knowledge):
        some = [case.values for case in cases[:count]]
        begun = process_time()
        for values in some:
            fire(values)
        took = process_time() - begun
        print(f"| {engine} | {len(some) / took:,.0f} | {judging[0] / (len(some) / took):,.0f} |", flush=True)
    sys.exit(1 if differing else 0)


def apart(source: Path, rows: int) -> None:
    """Write a cohort in another process: the system counts what we hold as a run's own memory when it starts one."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(_write, source, rows).result()


def _write(source: Path, rows: int) -> None:
    write_cohort(source, rows, load_knowledge_base())


def compare_with_copying(source: Path, out: Path, before: Path | None) -> None:
    """Print how long a run takes, and one of an earlier version, against copying the file."""
    schema = pl.scan_parquet(source).collect_schema()
    rows = pl.scan_parquet(source).select(pl.len()).collect().item()
    clock, processors = perf_counter(), process_time()
    pl.scan_parquet(source).sink_parquet(str(out) + ".copy")
    copying = perf_counter() - clock, process_time() - processors
    for label, version in (("before: ", before), ("", Path.cwd())):
        if version is not None:
            took = run_evaluate(source, out.with_name(out.name + label.strip(": ")), version=version)
            told = (
                f"{took.clock:.2f} ({took.processors:.2f}) | {took.clock / copying[0]:.1f} ({took.processors / copying[1]:.1f})"
            )
            copy = f"{copying[0]:.2f} ({copying[1]:.2f})"
            print(
                f"| {label}{rows:,} | {len(schema)} | {copy} | {told} | {rows / took.clock:,.0f} | {took.memory:,.0f} |",
                flush=True,
            )


def narrow_columns(knowledge: KnowledgeBase) -> list[str]:
    """Return the columns of a narrow file: the findings that most conditions mention."""
    from knowledge_base.conditions.expression import leaves

    counts: dict[str, int] = {}
    for tree in (*knowledge.conditions.values(), *(rule.condition for rule in knowledge.rules.values())):
        for leaf in leaves(tree):
            counts[leaf.finding] = counts.get(leaf.finding, 0) + 1
    most = sorted(counts, key=lambda name: (-counts[name], name))[: NARROW - 1]
    needed = {above for name in most if (above := knowledge.vocabulary.findings[name].requires)}
    return ["case", *sorted({*most, *needed})[: NARROW - 1]]


def compare_engines(folder: Path, rows: int, knowledge: KnowledgeBase) -> int:
    """Time each engine on the same cohort, in parts that let Spark's workers share it; counts those that write other bytes."""
    source = folder / "engines.parquet"
    write_cohort(source, rows, knowledge)
    parts = ["--part-rows", str(-(-rows // 4))]
    engines = {
        "one process": [],
        "Spark, local[1]": ["--engine", "spark", "--master", "local[1]"],
        "Spark, local[2]": ["--engine", "spark", "--master", "local[2]"],
    }
    print(f"\n| {rows:,} rows of Parquet in 4 parts, by | evaluate, s | × one process | cases per second |")
    print("|---|---:|---:|---:|")
    baseline, differing = 0.0, 0
    for number, (engine, words) in enumerate(engines.items()):
        out = folder / f"engine-{number}"
        try:
            took = run_evaluate(source, out, *parts, *words).clock
        except subprocess.CalledProcessError as error:
            print(f"{engine} is left out: {error.stderr.strip()}", file=sys.stderr)
            continue
        baseline = baseline or took
        differing += contents(out) != contents(folder / "engine-0")
        print(f"| {engine} | {took:.2f} | {took / baseline:.1f} | {rows / took:,.0f} |", flush=True)
    return differing


def contents(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file that a run wrote."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def compare_formats(folder: Path, rows: int, knowledge: KnowledgeBase) -> None:
    """Time what comes in as text: Polars' own reading into memory, our reading with every check, and the whole run."""
    source = folder / "formats.parquet"
    write_cohort(source, rows, knowledge)
    cohort = pl.scan_parquet(source)
    cohort.sink_csv(source.with_suffix(".csv"))
    cohort.sink_ndjson(source.with_suffix(".ndjson"))
    own: dict[str, Callable[[Path], object]] = {
        ".csv": lambda path: pl.read_csv(path, infer_schema_length=None),
        ".ndjson": lambda path: pl.read_ndjson(path, infer_schema_length=None),
    }
    print(f"\n| {rows:,} rows of | MiB | Polars reads it, s | read and checked, s | × Polars | evaluate, s |")
    print("|---|---:|---:|---:|---:|---:|")
    for ending, read in own.items():
        path = source.with_suffix(ending)
        reading = seconds(lambda: read(path))  # noqa: B023 - called at once
        checking = seconds(lambda: read_whole(path, knowledge))  # noqa: B023 - called at once
        took = run_evaluate(path, folder / f"format{ending}").clock
        size = path.stat().st_size / 2**20
        told = f"{reading:.2f} | {checking:.2f} | {checking / reading:.1f} | {took:.2f}"
        print(f"| {ending[1:].upper()} | {size:,.0f} | {told} |", flush=True)
        path.unlink()


def read_whole(path: Path, knowledge: KnowledgeBase) -> None:
    """Read and check every part of a table, as a run does."""
    table = open_table(path, knowledge.vocabulary, SI)
    twice = rows_named_twice(table)
    for first in range(0, table.rows, ROWS_A_PART):
        read_part(table, first, ROWS_A_PART, knowledge.vocabulary, knowledge.dictionary, twice)


def seconds(work: Callable[[], object]) -> float:
    """Time one run by the clock."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


def run_evaluate(source: Path, folder: Path, *words: str, version: Path | None = None) -> Took:
    """Run `charley evaluate` of a version in a process of its own, its start included; an older one may refuse some rows."""
    command = [sys.executable, "-m", "expert", "evaluate", str(source), "--output", str(folder), "--units", "SI", *words]
    refuses = (_SOME_REFUSED,) if version not in (None, Path.cwd()) else ()
    took = run(command, version or Path.cwd(), allowed=refuses)
    # Whatever is typed wrong ends as fast, and with the same status.
    if not (folder / "summary.json").exists():
        raise FileNotFoundError(f"{version}: {' '.join(command)} wrote nothing")
    return took


def run(command: list[str], version: Path, *, allowed: Sequence[int] = ()) -> Took:
    """Run a command to its end; raises CalledProcessError where it fails with a status that is not allowed."""
    environment = {**os.environ, "PYTHONPATH": str(version)}
    begun = perf_counter()
    # The version's own folder comes first among those that modules are looked for in.
    process = subprocess.Popen(command, cwd=version, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment)  # noqa: S603 - ours
    assert process.stderr is not None
    told = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    process.stderr.close()
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode and process.returncode not in allowed:
        raise subprocess.CalledProcessError(process.returncode, command, stderr=told.decode())
    return Took(perf_counter() - begun, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def draw_cases(source: Path, knowledge: KnowledgeBase) -> list[Case]:
    """Draw some cases of a cohort, read as they are for their reports: with what is computed from their figures."""
    table = open_table(source, knowledge.vocabulary, SI)
    places = sorted(random.Random(1).sample(range(table.rows), min(SAMPLE, table.rows)))
    read = [case_of_row(table, place + 1, knowledge.vocabulary, knowledge.dictionary) for place in places]
    return [case for case in read if isinstance(case, Case)]


def different(cases: list[Case], folder: Path, knowledge: KnowledgeBase) -> int:
    """Count the cases whose urgency, standings or rules differ from what was concluded one at a time."""
    assessor = Assessor(knowledge)
    concluded = pl.scan_parquet(folder / "conclusions.parquet" / "*.parquet")
    states = pl.scan_ipc(folder / "rules.arrow" / "*.arrow")
    wanted = pl.col("case").is_in([case.name for case in cases])
    rows = {row["case"]: row for row in concluded.filter(wanted).collect().to_dicts()}
    for row in states.filter(wanted).collect().to_dicts():
        rows[row["case"]] |= row
    count = 0
    for case in cases:
        row, full = rows[case.name], assessor.assess(case)
        truths = assessor.judge.truths(assessor.judge(case.values))
        urgency = full.urgency
        same = (row["urgency"], row["ceiling"], row["decided"]) == (urgency.level, urgency.ceiling, urgency.decided)
        same &= all(row[f"standing:{cause.id}"] == cause.standing for cause in full.causes)
        same &= all(row[f"rule:{name}"] == truths[name] for name in knowledge.rules)
        count += not same
    return count


def contenders(knowledge: KnowledgeBase) -> list[tuple[str, Callable[..., object], int]]:
    """Return the engines that take one case at a time, each with how many cases it is timed on."""
    repair_clipspy()
    many, one = (ClipsEngine(knowledge, shape, recording=False) for shape in ("many facts", "one fact"))
    rete, ground = ForwardChaining(knowledge, "rete"), ForwardChaining(knowledge, "ground")
    rete.derive({})
    return [
        ("clipspy (repaired), a fact for each finding: firing", many.fire, SAMPLE),
        ("clipspy (repaired), one wide fact: firing", one.fire, SAMPLE),
        ("experta's RETE: derivation", rete.derive, _RETE_SAMPLE),
        ("ours, one at a time: derivation", ground.derive, SAMPLE),
    ]


if __name__ == "__main__":
    main()
