"""One part of a cohort run: its rows read and checked, concluded, written, and counted. Any process may do any part.

Each file is written under a name of its own and takes its place when it is whole; the counts come last and say that the part is
complete. So two processes that do the same part, as happens when a worker is given up that still lives, leave what one would.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import polars as pl

from expert.cohorts.columns import CEILING, CONTRADICTION, LEADING, STANDING, TOP, URGENCY, Columns, Layout
from expert.cohorts.record_tables import is_record_table, with_unrecognized_of_records
from expert.cohorts.run import CONCLUSIONS, PlannedPart, Run, counts_of, refused_of, replace, unrecognized_of
from expert.cohorts.summary import count_part
from facts.case import Case
from facts.intake.case_files import Refusal, read_case_files
from facts.intake.tables.columns import UNRECOGNIZED, Part, read_part
from facts.intake.tables.opening import CASE, EXPECTED, REFUSED, Table
from facts.problems import CharleyError, Place
from facts.quantities import Interval, at_most, bounds
from facts.vocabulary import ChoiceFinding, QuantityFinding
from knowledge_base.model import KnowledgeBase

_RANKED = 3
"""Top-3 accuracy is what the studies give."""

Judge: TypeAlias = Callable[[Columns, pl.DataFrame, Sequence[str], int, Path], pl.LazyFrame]
"""Gives what `Columns.conclude` says of cases, as codes, in the order of the cases.

It gets the columns, the cases, the names of columns to keep, how many causes to name, and a private folder for files between.
"""


def judge_by_polars(columns: Columns, cases: pl.DataFrame, keep: Sequence[str], first: int, work: Path) -> pl.LazyFrame:
    """Judge cases by Polars."""
    judged: pl.LazyFrame = columns.conclude(cases.lazy(), keep=keep, first=first)
    return judged


def conclude_part(planned: PlannedPart, run: Run, judge: Judge = judge_by_polars) -> None:
    """Read, conclude and write one part. Raises CohortError when it cannot be written."""
    part = _read(planned, run)
    # A row of a table is refused once for each of its faults; two cases of a case file may stand on one line.
    listed = part.refused.select("file", "row").unique() if planned.table is not None else part.refused
    if planned.table is not None and part.read != planned.count:
        raise AssertionError(f"{planned.count} rows were counted in part {planned.number}, but {part.read} read")
    _write(planned.number, part, listed.height, run, judge)


# Reading


def _read(planned: PlannedPart, run: Run) -> Part:
    if planned.unreadable is not None:
        return _unreadable_part(planned.files[0], planned.unreadable)
    if planned.table is not None:
        return _rows_of(planned.table, planned, run.knowledge)
    return _case_file_part(list(map(Path, planned.files)), run)


def _case_file_part(files: Sequence[Path], run: Run) -> Part:
    knowledge = run.knowledge
    intake = read_case_files(files, knowledge.vocabulary, knowledge.dictionary, run.system)
    cases = intake.cases[: run.limit]
    schema: dict[str, Any] = {CASE: pl.String, "file": pl.String, "row": pl.Int64}
    for name, finding in knowledge.vocabulary.findings.items():
        if any(name in case.findings for case, _ in cases):
            choice, quantity = isinstance(finding, ChoiceFinding), isinstance(finding, QuantityFinding)
            schema[name] = pl.String if choice else pl.Float64 if quantity else pl.Boolean
            if any(isinstance(case.values.get(name), Interval) for case, _ in cases):
                schema[at_most(name)] = pl.Float64
    rows = [_row(case, place, schema) for case, place in cases]
    frame = pl.DataFrame(rows, schema={**schema, **dict.fromkeys(EXPECTED, pl.String)}, orient="row")
    noted = [
        (place.file, place.line or 0, case.name, entry.text, entry.reason)
        for case, place in cases
        for entry in case.unrecognized
    ]
    unrecognized = pl.DataFrame(noted, schema=UNRECOGNIZED, orient="row")
    return Part(frame, _table_of_refusals(intake.refusals), len(cases) + len(intake.refusals), unrecognized)


def _row(case: Case, place: Place, schema: Mapping[str, Any]) -> tuple[Any, ...]:
    values: dict[str, Any] = case.values
    causes = ";".join(case.expected.causes) or None
    for name in [name for name in values if at_most(name) in schema]:
        values[name], values[at_most(name)] = bounds(values[name])
    answers = (values.get(name) for name in list(schema)[3:])
    return (case.name, place.file, place.line or 0, *answers, case.expected.urgency, causes)


def _table_of_refusals(refusals: Sequence[Refusal]) -> pl.DataFrame:
    rows = []
    for refusal in refusals:
        place = refusal.problems[0].place
        rows.append((place.file, place.line or 0, refusal.case, None, None, "; ".join(map(str, refusal.problems))))
    return pl.DataFrame(rows, schema=REFUSED, orient="row")


def _rows_of(table: Table, planned: PlannedPart, knowledge: KnowledgeBase) -> Part:
    first, count = planned.first, planned.count
    try:
        part = read_part(table, first, count, knowledge.vocabulary, knowledge.dictionary, planned.twice)
        return with_unrecognized_of_records(part, table.path) if is_record_table(table.path) else part
    except CharleyError as error:
        # A file can break in its middle; its other parts are read all the same.
        told = "; ".join(str(problem) for problem in error.problems)
        rows = [(str(table.path), row, None, None, None, told) for row in range(first + 1, first + count + 1)]
        return Part(_no_cases(), pl.DataFrame(rows, schema=REFUSED, orient="row"), count, pl.DataFrame(schema=UNRECOGNIZED))


def _unreadable_part(file: str, told: str) -> Part:
    """A file that cannot be read is one thing read and refused, as it is for a case file."""
    refused = pl.DataFrame([(file, 0, None, None, None, told)], schema=REFUSED, orient="row")
    return Part(_no_cases(), refused, 1, pl.DataFrame(schema=UNRECOGNIZED))


def _no_cases() -> pl.DataFrame:
    return pl.DataFrame(schema={CASE: pl.String, "file": pl.String, "row": pl.Int64})


# Concluding and writing


def _write(number: int, part: Part, refused_in_reading: int, run: Run, judge: Judge) -> None:
    columns = Columns(run.knowledge)
    labels = [key for key in EXPECTED if key in part.cases.columns]
    first = _RANKED if EXPECTED[1] in labels else 0
    judged = judge(columns, part.cases, [CASE, "file", "row", *labels], first, run.work)
    concluded = judged.with_columns(*_name_codes(columns.layout, first)).collect()
    concluded, refused = _without_contradictions(concluded, part, run.knowledge)
    rows_refused = refused_in_reading + part.cases.height - concluded.height
    if concluded.height + rows_refused != part.read:
        raise AssertionError(f"{part.read} rows read, but {concluded.height} concluded and {rows_refused} refused")
    groups = columns.layout.groups
    written = concluded.select(CASE, "file", "row", *labels, *(name for group in run.kept for name in groups[group]))
    replace(run.work / CONCLUSIONS / f"part-{number:05}.parquet", written.write_parquet)
    replace(refused_of(run.work, number), refused.write_parquet)
    keys = ["file", "row", CASE]
    unrecognized = part.unrecognized.join(concluded.select(keys), on=keys, how="semi", maintain_order="left")
    replace(unrecognized_of(run.work, number), unrecognized.write_parquet)
    counts = count_part(concluded, part.cases, rows_refused, part.read, run.knowledge)
    counts["unrecognized"] = unrecognized.select(keys).unique().height
    replace(counts_of(run.work, number), lambda path: path.write_text(json.dumps(counts), encoding="utf-8"))


def _name_codes(layout: Layout, first: int) -> list[pl.Expr]:
    """Return the codes their names, as an enumeration that Parquet keeps as small numbers."""
    return [
        pl.col(URGENCY, CEILING).cast(pl.UInt8).cat.to(pl.Enum(layout.levels)),
        pl.col(LEADING, *(f"{TOP}{rank}" for rank in range(1, first + 1))).cast(pl.UInt8).cat.to(pl.Enum(layout.causes)),
        *(pl.col(STANDING + cause).cast(pl.UInt8).cat.to(pl.Enum(layout.standings)) for cause in layout.causes),
    ]


def _without_contradictions(concluded: pl.DataFrame, part: Part, knowledge: KnowledgeBase) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse the cases whose answers exclude each other, each for the first reason."""
    marks = concluded.select(
        pl.lit(False), *(pl.col(CONTRADICTION + name).fill_null(False) for name in knowledge.contradictions)
    )
    contradictory = marks.select(pl.any_horizontal(pl.all()).alias("any")).to_series()
    if not contradictory.any():
        return concluded, part.refused
    reasons = (
        pl.when(pl.col(CONTRADICTION + name)).then(pl.lit(f"the answers contradict each other: {entry.because}"))
        for name, entry in knowledge.contradictions.items()
    )
    wrong = concluded.filter(contradictory).select(
        pl.col("file"),
        pl.col("row").cast(pl.Int64),
        pl.col(CASE).alias("case"),
        pl.lit(None, pl.String).alias("column"),
        pl.lit(None, pl.String).alias("value"),
        pl.coalesce(*reasons).alias("reason"),
    )
    return concluded.filter(~contradictory), pl.concat([part.refused, wrong])
