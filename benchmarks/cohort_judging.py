"""How fast cases are judged that are in memory, and whether each is judged as it is alone; for `benchmarks.cohorts`."""

import random
from pathlib import Path
from time import process_time
from typing import Any

import polars as pl

from expert.cohorts.evaluation import ROWS_A_PART
from expert.cohorts.planes.cohort_judge import CohortJudge, Room
from expert.inference.assessing import Assessor
from facts.vocabulary import ChoiceFinding
from knowledge_base.model import KnowledgeBase

JUDGED_SAMPLE = 10_000
_TRIES = 4


def compare_judging(source: Path, knowledge: KnowledgeBase) -> tuple[float, int]:
    """Time the judging of all cases in memory; gives cases per second of a processor, and how many of a sample differ."""
    judge, cohort, took, height, differing = CohortJudge(knowledge), typed(source, knowledge), 0.0, 0, 0
    places = random.Random(2).sample(range(min(cohort.height, ROWS_A_PART)), min(JUDGED_SAMPLE, cohort.height))
    room = Room()
    for first in range(0, cohort.height, ROWS_A_PART):
        part = cohort.slice(first, ROWS_A_PART)
        # The first time, what is to be computed is put together, and memory is touched that never was. Of the others the best
        # counts, because what else runs on the machine takes the processor's cache as well.
        times = []
        for _ in range(_TRIES):
            begun = process_time()
            judged = judge(part, room)
            times.append(process_time() - begun)
        took += min(times)
        height += part.height
        if not first:
            truths = pl.DataFrame({name: judged.truth(name) for name in knowledge.rules})[places].to_dicts()
            verdicts = pl.DataFrame({"urgency": judged.urgency(), "ceiling": judged.ceiling(), "decided": judged.decided()})
            differing = _different_judging(part[places], truths, verdicts[places].to_dicts(), knowledge)
    told = f"{height:,} cases in {took:.2f} s of a processor (the best of several), {height / took:,.0f} a second"
    print(f"\nJudging alone, one thread: {told}.")
    return height / took, differing


def typed(source: Path, knowledge: KnowledgeBase) -> pl.DataFrame:
    """Read a cohort with the types that the reader of tables gives."""
    choices = {
        name: pl.Enum(list(finding.choices))
        for name, finding in knowledge.vocabulary.findings.items()
        if isinstance(finding, ChoiceFinding)
    }
    return pl.read_parquet(source).with_columns(pl.col(name).cast(dtype) for name, dtype in choices.items()).rechunk()


def _different_judging(
    rows: pl.DataFrame, truths: list[dict[str, Any]], verdicts: list[dict[str, Any]], knowledge: KnowledgeBase
) -> int:
    assessor, names, count = Assessor(knowledge), knowledge.vocabulary.findings, 0
    levels = assessor.urgency.verdicts
    for row, own, verdict in zip(rows.to_dicts(), truths, verdicts, strict=True):
        values = {name: row[name] for name in names if row.get(name) is not None}
        judgement = assessor.judge(values)
        alone = assessor.judge.truths(judgement)
        found = levels.verdict(values, judgement)
        same = all(own[name] == alone[name] for name in knowledge.rules)
        count += not same or (verdict["urgency"], verdict["ceiling"]) != (found.level, found.ceiling)
    return count
