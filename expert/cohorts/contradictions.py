"""Cases whose answers exclude each other are refused before they are concluded."""

import polars as pl

from expert.cohorts.planes.cohort_judge import CohortJudge
from facts.intake.tables.columns import Part
from facts.intake.tables.opening import CASE
from knowledge_base.model import KnowledgeBase


def refuse_contradictions(part: Part, judge: CohortJudge, knowledge: KnowledgeBase) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Refuse the cases whose answers exclude each other, each for the first reason; returns the others, and all refusals."""
    marks = pl.DataFrame(judge.contradictions(part.cases))
    if not marks.width or not any(marks.select(pl.all().any()).row(0)):
        return part.cases, part.refused
    contradictory = marks.select(pl.any_horizontal(pl.all()).alias("any")).to_series()
    reasons = [
        pl.when(pl.col(name)).then(pl.lit(f"the answers contradict each other: {entry.because}"))
        for name, entry in knowledge.contradictions.items()
    ]
    told = marks.select(pl.coalesce(reasons).alias("reason")).filter(contradictory).to_series()
    wrong = part.cases.filter(contradictory).select(
        pl.col("file"),
        pl.col("row").cast(pl.Int64),
        pl.col(CASE).alias("case"),
        pl.lit(None, pl.String).alias("column"),
        pl.lit(None, pl.String).alias("value"),
        told,
    )
    return part.cases.filter(~contradictory), pl.concat([part.refused, wrong])
