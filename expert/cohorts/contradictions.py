"""Cases whose answers exclude each other are refused before they are concluded."""

import polars as pl

from expert.cohorts.planes.cohort_judge import CohortJudge, Judged, Room
from facts.intake.tables.columns import Part
from facts.intake.tables.opening import CASE


def judge_consistent(part: Part, judge: CohortJudge, room: Room | None = None) -> tuple[Judged, pl.DataFrame, pl.DataFrame]:
    """Judge the cases whose answers do not exclude each other; returns what was judged, those cases, and all refusals.

    A case is refused for the first contradiction that it has. Most files have none, so that all cases are judged first.
    """
    judged = judge(part.cases, room)
    cases, refused = _refuse(part, judged)
    return (judged if cases.height == part.cases.height else judge(cases, room)), cases, refused


def _refuse(part: Part, judged: Judged) -> tuple[pl.DataFrame, pl.DataFrame]:
    knowledge = judged.knowledge
    marks = pl.DataFrame(judged.contradictions())
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
