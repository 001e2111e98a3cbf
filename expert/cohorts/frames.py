"""A frame of cases in memory concluded into a frame, row for row; for notebooks and programs."""

from dataclasses import replace
from typing import Protocol

import polars as pl

from expert.cohorts.contradictions import judge_consistent
from expert.cohorts.layout import GROUPS, conclusions, rule_states, verdicts
from expert.cohorts.planes.cohort_judge import CohortJudge, Judged
from facts.intake.tables.columns import read_frame
from facts.intake.tables.mapping import TableMapping
from facts.intake.tables.opening import CASE, ROW

REFUSED, UNRECOGNIZED = "refused", "unrecognized"
_ROWS_AT_ONCE = 262_144


class ArrowTable(Protocol):
    """A table of any library that speaks Arrow: Polars, pyarrow, pandas, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object | None = None) -> object:
        """Give its columns."""


def evaluate_table(table: ArrowTable, judge: CohortJudge, mapping: TableMapping, *, rules: bool) -> pl.DataFrame:
    """Conclude every row of a table; see `Expert.evaluate_frame`. Raises CharleyError for columns that nobody knows."""
    frame = table if isinstance(table, pl.DataFrame) else pl.DataFrame(table)
    if CASE not in frame.columns:
        frame = frame.with_columns(pl.int_range(1, pl.len() + 1).cast(pl.String).alias(CASE))
    knowledge = judge.knowledge
    part = read_frame(frame, knowledge.vocabulary, knowledge.dictionary, mapping)
    concluded, refusals = [], [part.refused]
    for first in range(0, max(part.cases.height, 1), _ROWS_AT_ONCE):
        some = replace(part, cases=part.cases.slice(first, _ROWS_AT_ONCE), refused=part.refused.clear())
        judged, cases, refused = judge_consistent(some, judge)
        concluded.append(_frame_of(judged, cases, rules=rules))
        refusals.append(refused)
    refused = pl.concat(refusals)
    every = pl.DataFrame({ROW: pl.int_range(1, frame.height + 1, dtype=pl.Int64, eager=True)})
    reasons = refused.select(ROW, pl.concat_str("column", "reason", separator=": ", ignore_nulls=True).alias(REFUSED))
    doubts = part.unrecognized.select(ROW, pl.concat_str("text", "reason", separator=": ").alias(UNRECOGNIZED))
    names = frame.select(pl.col(CASE).cast(pl.String))
    return (
        every.hstack(names)
        .join(reasons.group_by(ROW, maintain_order=True).agg(pl.col(REFUSED).str.join("; ")), on=ROW, how="left")
        .join(doubts.group_by(ROW, maintain_order=True).agg(UNRECOGNIZED), on=ROW, how="left")
        .join(pl.concat(concluded), on=ROW, how="left")
        .sort(ROW)
        .drop(ROW)
    )


def _frame_of(judged: Judged, cases: pl.DataFrame, *, rules: bool) -> pl.DataFrame:
    columns = [cases[ROW].cast(pl.Int64), *conclusions(judged, GROUPS, verdicts(judged))]
    return pl.DataFrame([*columns, *(rule_states(judged) if rules else ())])
