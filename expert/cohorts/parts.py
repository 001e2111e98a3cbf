"""One part of a cohort run: its rows read and checked, concluded, written, and counted. Any process may do any part.

Each file is written under a name of its own and takes its place when it is whole; the counts come last and say that the part is
complete. So two processes that do the same part, as happens when a worker is given up that still lives, leave what one would.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import polars as pl

from expert.cohorts.contradictions import judge_consistent
from expert.cohorts.layout import RULES, TOP, conclusions, rule_states, verdicts
from expert.cohorts.planes.cohort_judge import CohortJudge, Judged, Room
from expert.cohorts.record_tables import is_record_table, with_unrecognized_of_records
from expert.cohorts.run import CONCLUSIONS, RULE_STATES, PlannedPart, Run, counts_of, refused_of, unrecognized_of, write_whole
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

_FEW_ROWS, _MANY_ROWS = 64, 65_536
"""Rows by which judging is planned, and how many there must be for that to be ready before they are read."""

_KEYS = (CASE, "file", "row")


def conclude_part(planned: PlannedPart, run: Run) -> None:
    """Read, conclude and write one part. Raises CohortError when it cannot be written."""
    part = read_planned(planned, run)
    with _ALONE:
        _write(_conclude(planned, part, run, _ROOMS[0]), run)


def conclude_parts(parts: Sequence[PlannedPart], run: Run, done: Callable[[PlannedPart], None]) -> None:
    """Conclude parts in their order: while one is concluded, the next is read and the one before it is written.

    `done` is told each that is written. Raises CohortError.
    """
    with _ALONE, ThreadPoolExecutor(1, "reading") as reading, ThreadPoolExecutor(1, "writing") as writing:
        ahead = reading.submit(read_planned, parts[0], run) if parts else None
        if parts and parts[0].table is not None and parts[0].count >= _MANY_ROWS:
            _plan_judging(parts[0], run)
        behind: Future[None] | None = None
        for number, planned in enumerate(parts):
            part = ahead.result() if ahead else None
            ahead = reading.submit(read_planned, parts[number + 1], run) if number + 1 < len(parts) else None
            if part is not None:
                # The other room is still being written from.
                concluded = _conclude(planned, part, run, _ROOMS[number % 2])
                if behind is not None:
                    behind.result()
                    done(parts[number - 1])
                behind = writing.submit(_write, concluded, run)
        if behind is not None:
            behind.result()
            done(parts[-1])


# Reading


def read_planned(planned: PlannedPart, run: Run) -> Part:
    """Read the cases of a part. A file that cannot be read, or breaks in its middle, is refused in it."""
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


# Concluding


_ALONE = Lock()
"""The parts of a process are concluded one after the other, whoever asks: they share its judge and its rooms."""
_ROOMS = (Room(), Room())


@lru_cache(maxsize=1)
def _judge_of(knowledge: KnowledgeBase) -> CohortJudge:
    return CohortJudge(knowledge)


def _plan_judging(planned: PlannedPart, run: Run) -> None:
    """Judge a few rows, so that what is computed for their columns is put together while all rows are read."""
    few = read_planned(replace(planned, count=_FEW_ROWS), run)
    _judge_of(run.knowledge)(few.cases)


@dataclass(frozen=True, slots=True)
class _Concluded:
    """What is to be written of a part. What was judged is good as long as its room is; writing makes columns of it."""

    number: int
    own: pl.DataFrame
    judged: Judged
    known: Mapping[str, pl.Series]
    refused: pl.DataFrame
    unrecognized: pl.DataFrame
    counts: Mapping[str, Any]


def _conclude(planned: PlannedPart, part: Part, run: Run, room: Room) -> _Concluded:
    knowledge = run.knowledge
    # A row of a table is refused once for each of its faults; two cases of a case file may stand on one line.
    listed = part.refused.select("file", "row").unique() if planned.table is not None else part.refused
    if planned.table is not None and part.read != planned.count:
        raise AssertionError(f"{planned.count} rows were counted in part {planned.number}, but {part.read} read")
    judged, cases, refused = judge_consistent(part, _judge_of(knowledge), room)
    rows_refused = listed.height + part.cases.height - cases.height
    if cases.height + rows_refused != part.read:
        raise AssertionError(f"{part.read} rows read, but {cases.height} concluded and {rows_refused} refused")
    labels = [
        (pl.col(key) if key in cases.columns else pl.lit(None)).cast(pl.String).alias(key)
        for key in EXPECTED
        if key in run.labels or key in cases.columns
    ]
    own = cases.select(*_KEYS, *labels)
    known = verdicts(judged)
    keys = own.select(_KEYS)
    # A join looks at every case, however few are not recognized; mostly none.
    unrecognized = part.unrecognized
    if not unrecognized.is_empty():
        unrecognized = unrecognized.join(keys, on=_KEYS, how="semi", maintain_order="left")
    counted = known
    if EXPECTED[1] in own.columns:
        counted = known | {f"{TOP}{rank}": cause for rank, cause in enumerate(judged.first_causes(_RANKED), 1)}
    counts = count_part(judged, own.with_columns(**counted), cases, rows_refused, part.read, knowledge)
    counts["unrecognized"] = unrecognized.select(_KEYS).unique().height
    return _Concluded(planned.number, own, judged, known, refused, unrecognized, counts)


# Writing


def _write(part: _Concluded, run: Run) -> None:
    """Write a part, its counts last. Raises CohortError when it cannot be written."""
    work, number = run.work, part.number
    with ThreadPoolExecutor(1, "states") as beside:
        waiting = None
        if RULES in run.kept:
            states = pl.DataFrame([*part.own.select(_KEYS), *rule_states(part.judged)])
            waiting = beside.submit(_write_states, states, work / RULE_STATES / f"part-{number:05}.arrow")
        _write_conclusions(part, run, work / CONCLUSIONS / f"part-{number:05}.parquet")
        if waiting is not None:
            waiting.result()
    write_whole(refused_of(work, number), part.refused.write_parquet)
    write_whole(unrecognized_of(work, number), part.unrecognized.write_parquet)
    write_whole(counts_of(work, number), lambda path: path.write_text(json.dumps(part.counts), encoding="utf-8"))


def _write_conclusions(part: _Concluded, run: Run, file: Path) -> None:
    written = pl.DataFrame([*part.own, *conclusions(part.judged, run.kept, part.known)])
    # The least and greatest of a truth or a standing help nobody, and take as long as writing them.
    write_whole(file, lambda path: written.write_parquet(path, compression="snappy", statistics=False))


def _write_states(states: pl.DataFrame, file: Path) -> None:
    # What other readers of Arrow know: Polars' own form of text is younger than many of them.
    oldest = pl.CompatLevel.oldest()
    write_whole(file, lambda path: states.write_ipc(path, compression="lz4", compat_level=oldest))
