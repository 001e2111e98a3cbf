"""A frame of cases in memory concluded into a frame, row for row; for notebooks and programs."""

from typing import Protocol

import polars as pl

from expert.cohorts.contradictions import refuse_contradictions
from expert.cohorts.layout import GROUPS, conclusions, rule_states, verdicts
from expert.cohorts.planes.cohort_judge import CohortJudge
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
    cases, refused = refuse_contradictions(part, judge, knowledge)
    concluded = [
        _conclude(cases.slice(first, _ROWS_AT_ONCE), judge, rules=rules)
        for first in range(0, max(cases.height, 1), _ROWS_AT_ONCE)
    ]
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


def _conclude(cases: pl.DataFrame, judge: CohortJudge, *, rules: bool) -> pl.DataFrame:
    judged = judge(cases)
    concluded = conclusions(judged, judge.knowledge, GROUPS, verdicts(judged))
    frame = cases.select(pl.col(ROW).cast(pl.Int64)).hstack(concluded)
    return frame.hstack(rule_states(judged, judge.knowledge)) if rules else frame
