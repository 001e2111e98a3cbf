"""Numbers of a table that hang on other cells of their row: words ("low") by whose limits apply, and computed findings.

What a case file's reader does with them is done here with each distinct row once, and only with rows that have any.
"""

from collections.abc import Mapping
from functools import reduce
from operator import and_
from typing import Any

import polars as pl

from facts.case import Observed, UnrecognizedText, settle_quantities
from facts.quantities import Interval, at_most, between, bounds
from facts.vocabulary import Finding, QuantityFinding, Value, Vocabulary


def settle_rows(
    columns: dict[str, pl.Series], words: Mapping[str, pl.Series], vocabulary: Vocabulary, height: int
) -> dict[int, tuple[UnrecognizedText, ...]]:
    """Settle the rows of typed columns, in place; `words` are the low, normal and high in them, by finding.

    Returns what of a row (by its place) was not understood.
    """
    rows = _concerned(columns, words, vocabulary, height)
    if not rows:
        return {}
    names = _names(words, vocabulary)
    ends = [name for name in (*names, *map(at_most, names)) if name in columns]
    told: dict[int, tuple[UnrecognizedText, ...]] = {}
    settled: dict[tuple[Any, ...], tuple[dict[str, Observed], tuple[UnrecognizedText, ...]]] = {}
    changes: dict[str, tuple[list[int], list[Any]]] = {}
    for row in rows:
        key = (*(columns[name][row] for name in ends), *(written[row] for written in words.values()))
        if key not in settled:
            observed = {name: _observed(name, row, columns, words) for name in names}
            findings = {name: seen for name, seen in observed.items() if seen is not None}
            settled[key] = (findings, tuple(settle_quantities(vocabulary, findings)))
        findings, unrecognized = settled[key]
        if unrecognized:
            told[row] = unrecognized
        for name in names:
            value = findings[name].value if name in findings else None
            places, values = changes.setdefault(name, ([], []))
            places.append(row)
            values.append(value)
    for name, (places, values) in changes.items():
        _write(columns, name, vocabulary.findings[name], places, values, height)
    return told


def _concerned(
    columns: Mapping[str, pl.Series], words: Mapping[str, pl.Series], vocabulary: Vocabulary, height: int
) -> list[int]:
    mask = pl.Series([False], dtype=pl.Boolean).new_from_index(0, height)
    for written in words.values():
        mask |= written.is_not_null()
    for finding in vocabulary.derived:
        inputs = finding.derived.inputs if finding.derived else ()
        if all(name in columns for name in inputs):
            known = [columns[name].is_not_null() for name in inputs]
            mask |= reduce(and_, known)
    return mask.arg_true().to_list()


def _names(words: Mapping[str, pl.Series], vocabulary: Vocabulary) -> tuple[str, ...]:
    """Return every finding that takes part, or can come of it."""
    names = dict.fromkeys(words)
    for name in words:
        finding = vocabulary.findings[name]
        reference = finding.reference if isinstance(finding, QuantityFinding) else None
        for interval in reference.intervals if reference else ():
            names.update(dict.fromkeys(interval.where))
    for finding in vocabulary.derived:
        names.update(dict.fromkeys((*(finding.derived.inputs if finding.derived else ()), finding.id)))
    return tuple(names)


def _observed(name: str, row: int, columns: Mapping[str, pl.Series], words: Mapping[str, pl.Series]) -> Observed | None:
    value: Value | None = columns[name][row] if name in columns else None
    if value is None:
        return None
    greatest = columns[at_most(name)][row] if at_most(name) in columns else None
    if greatest is not None and isinstance(value, float):
        value = between(value, greatest)
    return Observed(value, (words[name][row] or "") if name in words else "")


def _write(
    columns: dict[str, pl.Series], name: str, finding: Finding, places: list[int], values: list[Any], height: int
) -> None:
    if not isinstance(finding, QuantityFinding):
        return
    nothing = pl.Series(name, [None], dtype=pl.Float64).new_from_index(0, height)
    ends = [None if value is None else bounds(value) for value in values]
    if name not in columns and not any(ends):
        return
    column = columns.get(name, nothing)
    if at_most(name) in columns or any(isinstance(value, Interval) for value in values):
        greatest = columns.get(at_most(name), column)
        columns[at_most(name)] = greatest.scatter(places, [None if end is None else end[1] for end in ends])
    columns[name] = column.scatter(places, [None if end is None else end[0] for end in ends])
