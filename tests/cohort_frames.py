"""Patients put into a frame as the reader of tables does: a column for each finding that is known of any."""

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from facts.quantities import Interval, at_most, bounds
from facts.vocabulary import ChoiceFinding, QuantityFinding, Value
from knowledge_base.model import KnowledgeBase


def frame_of(knowledge: KnowledgeBase, patients: Sequence[Mapping[str, Value]]) -> pl.DataFrame:
    """Return a frame with a row for each patient, and where a number is known in part of any, two columns of it."""
    columns: list[pl.Series] = []
    # By finding, because of most patients little is known.
    told: dict[str, list[Any]] = {}
    for row, patient in enumerate(patients):
        for name, value in patient.items():
            told.setdefault(name, [None] * len(patients))[row] = value
    for name, finding in knowledge.vocabulary.findings.items():
        values = told.get(name, [])
        if all(value is None for value in values):
            continue
        if any(isinstance(value, Interval) for value in values):
            ends = [(None, None) if value is None else bounds(value) for value in values]
            columns += [
                pl.Series(column, [end[side] for end in ends], dtype=pl.Float64)
                for side, column in enumerate((name, at_most(name)))
            ]
            continue
        choice, quantity = isinstance(finding, ChoiceFinding), isinstance(finding, QuantityFinding)
        columns.append(pl.Series(name, values, dtype=pl.String if choice else pl.Float64 if quantity else pl.Boolean))
    return pl.DataFrame([pl.Series("case", [str(row) for row in range(len(patients))]), *columns])
