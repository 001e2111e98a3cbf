"""How long a cohort takes, as ratios in one run: against copying the file, other sizes, and engines for one case at a time.

Synthetic cases drawn from the vocabulary (`benchmarks.synthetic`), the whole knowledge base, Parquet in and a folder of
conclusions out, by `charley evaluate`. A sample of the conclusions is compared with those of one case at a time.

    python -m benchmarks.cohorts --rows 10000 100000 1000000 --rows-of-engines 200000 --rows-of-formats 1000000
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import polars as pl

from benchmarks.clips_engine import ClipsEngine, repair_clipspy
from benchmarks.engines import cpu_model
from benchmarks.synthetic import write_cohort
from expert.cohorts.evaluation import ROWS_A_PART
from expert.inference.assessing import Assessor
from expert.inference.forward_chaining import ForwardChaining
from facts.case import Case, Observed
from facts.intake.tables.cells import rows_named_twice
from facts.intake.tables.columns import read_part
from facts.intake.tables.opening import open_table
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase

SAMPLE = 300
_RETE_SAMPLE = 5


def main() -> None:
    """Print the tables; ends with 1 when a conclusion differs from that of one case at a time."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[10_000, 100_000, 1_000_000], help="sizes of cohorts")
    parser.add_argument("--rows-of-engines", type=int, default=200_000, help="size of the cohort for DuckDB and Spark; 0: none")
    parser.add_argument("--rows-of-formats", type=int, default=1_000_000, help="size of the cohort as CSV and NDJSON; 0: none")
    options = parser.parse_args()
    knowledge = load_knowledge_base()
    print(f"- Machine: {cpu_model()}, Python {sys.version.split()[0]}, Polars {pl.__version__}")
    print(f"- Knowledge: {knowledge.title} {knowledge.version} ({knowledge.hash[:12]}), {len(knowledge.rules):,} rules\n")
    print("| rows | copying the Parquet file, s | evaluate, s | × copying | cases per second | most memory, MiB |")
    print("|---:|---:|---:|---:|---:|---:|")
    rate = 0.0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for rows in sorted(options.rows):
            source = folder / f"cohort-{rows}.parquet"
            write_cohort(source, rows, knowledge)
            copying = seconds(lambda: pl.scan_parquet(source).sink_parquet(folder / "copy.parquet"))  # noqa: B023 - called at once
            took, memory = run_evaluate(source, folder / f"out-{rows}")
            rate = rows / took
            print(f"| {rows:,} | {copying:.2f} | {took:.2f} | {took / copying:.1f} | {rate:,.0f} | {memory:,.0f} |", flush=True)
        cases = draw_cases(source, knowledge)
        differing = different(cases, folder / f"out-{rows}", knowledge)
        if options.rows_of_engines:
            differing += compare_engines(folder, options.rows_of_engines, knowledge)
        if options.rows_of_formats:
            compare_formats(folder, options.rows_of_formats, knowledge)
    print(
        f"\n{len(cases)} cases of the last cohort concluded one at a time, and the folder of each engine: {differing} differ.\n"
    )
    print("| the same cases one at a time | cases per second | evaluate is × as fast |")
    print("|---|---:|---:|")
    for engine, fire, count in contenders(knowledge):
        some = [case.values for case in cases[:count]]
        took = seconds(lambda: [fire(values) for values in some])  # noqa: B023 - called at once
        print(f"| {engine} | {len(some) / took:,.0f} | {rate / (len(some) / took):,.0f} |", flush=True)
    sys.exit(1 if differing else 0)


def compare_engines(folder: Path, rows: int, knowledge: KnowledgeBase) -> int:
    """Time each engine on the same cohort, in parts that let Spark's workers share it; counts those that write other bytes."""
    source = folder / "engines.parquet"
    write_cohort(source, rows, knowledge)
    parts = ["--part-rows", str(-(-rows // 4))]
    engines = {
        "Polars": [],
        "DuckDB": ["--engine", "duckdb"],
        "Spark, local[1]": ["--engine", "spark", "--master", "local[1]"],
        "Spark, local[2]": ["--engine", "spark", "--master", "local[2]"],
    }
    print(f"\n| {rows:,} rows of Parquet in 4 parts, by | evaluate, s | × Polars | cases per second |")
    print("|---|---:|---:|---:|")
    baseline, differing = 0.0, 0
    for number, (engine, words) in enumerate(engines.items()):
        out = folder / f"engine-{number}"
        try:
            took, _ = run_evaluate(source, out, *parts, *words)
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
        took, _ = run_evaluate(path, folder / f"format{ending}")
        size = path.stat().st_size / 2**20
        told = f"{reading:.2f} | {checking:.2f} | {checking / reading:.1f} | {took:.2f}"
        print(f"| {ending[1:].upper()} | {size:,.0f} | {told} |", flush=True)
        path.unlink()


def read_whole(path: Path, knowledge: KnowledgeBase) -> None:
    """Read and check every part of a table, as a run does."""
    table = open_table(path, knowledge.vocabulary)
    twice = rows_named_twice(table)
    for first in range(0, table.rows, ROWS_A_PART):
        read_part(table, first, ROWS_A_PART, knowledge.vocabulary, knowledge.dictionary, twice)


def seconds(work: Callable[[], object]) -> float:
    """Time one run by the clock."""
    begun = perf_counter()
    work()
    return perf_counter() - begun


def run_evaluate(source: Path, folder: Path, *words: str) -> tuple[float, float]:
    """Run `charley evaluate` in a process of its own; gives its seconds, start included, and its most memory in MiB."""
    program = (
        "import resource, sys; from expert.command_line import main\n"
        f"sys.argv = ['charley', 'evaluate', {str(source)!r}, '--output', {str(folder)!r}, *{words!r}]\n"
        "try: main()\n"
        "except SystemExit as done: status = done.code\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024); sys.exit(status or 0)"
    )
    begun = perf_counter()
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return perf_counter() - begun, float(done.stdout.split()[-1])


def draw_cases(source: Path, knowledge: KnowledgeBase) -> list[Case]:
    """Draw some cases of a cohort, as they are assessed one at a time."""
    height = pl.scan_parquet(source).select(pl.len()).collect().item()
    places = sorted(random.Random(1).sample(range(height), min(SAMPLE, height)))
    rows = pl.scan_parquet(source).with_row_index("place").filter(pl.col("place").is_in(places)).collect().to_dicts()
    names = knowledge.vocabulary.findings
    return [Case(str(row["case"]), {name: Observed(row[name]) for name in names if row[name] is not None}) for row in rows]


def different(cases: list[Case], folder: Path, knowledge: KnowledgeBase) -> int:
    """Count the cases whose urgency, standings or rules differ from what was concluded one at a time."""
    assessor = Assessor(knowledge)
    concluded = pl.scan_parquet(folder / "conclusions.parquet" / "*.parquet")
    rows = {
        row["case"]: row for row in concluded.filter(pl.col("case").is_in([case.name for case in cases])).collect().to_dicts()
    }
    count = 0
    for case in cases:
        row, full = rows[case.name], assessor.assess(case)
        truths = assessor.judge.truths(assessor.judge(case.values))
        same = (row["urgency"], row["ceiling"]) == (full.urgency.level, full.urgency.ceiling)
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
