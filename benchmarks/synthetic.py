"""Synthetic cohorts: cases drawn from the vocabulary, with realistic missingness, the same for the same seed.

A finding is known of a share of the patients that varies from finding to finding, yes/no signs are mostly absent, quantities
spread over their plausible range, and nobody has what their own answers exclude.
"""

import random
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

from facts.measuring.unit_systems import unit_in
from facts.measuring.units import converter
from facts.vocabulary import ChoiceFinding, QuantityFinding
from knowledge_base.model import KnowledgeBase

_BLOCK = 500_000


def write_cohort(path: Path, rows: int, knowledge: KnowledgeBase, seed: int = 1) -> None:
    """Write a cohort as Parquet, in SI units throughout, in blocks, so that memory stays small."""
    folder = path.with_suffix(".blocks")
    folder.mkdir(exist_ok=True)
    for number, first in enumerate(range(0, rows, _BLOCK)):
        drawn = frame(knowledge, first, min(_BLOCK, rows - first), seed)
        drawn.with_columns(_in_si(knowledge)).write_parquet(folder / f"{number:04}.parquet")
    pl.scan_parquet(folder / "*.parquet").sink_parquet(path)
    for block in folder.iterdir():
        block.unlink()
    folder.rmdir()


def _in_si(knowledge: KnowledgeBase) -> list[pl.Expr]:
    """Return the quantities whose unit in SI is not the finding's own, turned into that."""
    turned = []
    for name, finding in knowledge.vocabulary.findings.items():
        if isinstance(finding, QuantityFinding) and (unit := unit_in(finding, "SI")) != finding.unit:
            at_zero, at_one = (float(converter(finding, unit)(Decimal(number))) for number in (0, 1))
            turned.append((pl.col(name) - at_zero) / (at_one - at_zero))
    return turned


def frame(knowledge: KnowledgeBase, first: int, rows: int, seed: int) -> pl.DataFrame:
    """Draw some cases, from number `first` on."""
    draw = random.Random(seed)
    numbers = pl.int_range(first, first + rows, dtype=pl.UInt64, eager=True)
    columns: dict[str, pl.Series] = {}
    findings = knowledge.vocabulary.findings
    for name in sorted(findings, key=lambda name: (_depth(name, knowledge), name)):
        finding = findings[name]
        known, present, salt = draw.betavariate(0.6, 3.0), draw.betavariate(1.2, 6.0), draw.getrandbits(32)
        told, value = (numbers.hash(seed=salt + part).cast(pl.Float64) / 2.0**64 for part in (1, 2))
        if isinstance(finding, QuantityFinding):
            low, high = finding.range
            drawn: Any = (value * (high - low) + low).round(2).clip(low, high)
        elif isinstance(finding, ChoiceFinding):
            choices = list(finding.choices)
            drawn = (value * len(choices)).cast(pl.UInt8).cat.to(pl.Enum(choices)).cast(pl.String)
        else:
            drawn = value < present
        mask = told < known
        if finding.requires is not None:
            mask &= columns[finding.requires].fill_null(False)
        columns[name] = drawn.zip_with(mask, pl.Series([None], dtype=drawn.dtype).new_from_index(0, rows)).alias(name)
    cohort = pl.DataFrame({"case": numbers.cast(pl.String), **{name: columns[name] for name in findings}})
    return _without_contradictions(cohort, knowledge)


def _without_contradictions(cohort: pl.DataFrame, knowledge: KnowledgeBase) -> pl.DataFrame:
    """Take from patients whose answers exclude each other the answers that do."""
    from expert.cohorts.planes.cohort_judge import CohortJudge
    from knowledge_base.conditions.expression import leaves

    marks = CohortJudge(knowledge)(cohort).contradictions()
    for name, entry in knowledge.contradictions.items():
        wrong = marks[name]
        named = [leaf.finding for leaf in leaves(entry.condition)]
        cohort = cohort.with_columns(pl.when(~wrong).then(pl.col(finding)).alias(finding) for finding in dict.fromkeys(named))
    return cohort


def _depth(name: str, knowledge: KnowledgeBase) -> int:
    needed = knowledge.vocabulary.findings[name].requires
    return 0 if needed is None else 1 + _depth(needed, knowledge)
