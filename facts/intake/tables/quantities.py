"""Numbers of a table that hang on other cells of their row: words ("low") by whose limits apply, and computed findings.

What is computed from plain figures is computed on whole columns. With the other rows that have any, what a case file's reader
does is done with each distinct row once.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from operator import add, and_, mul, or_
from typing import Any

import polars as pl

from facts.case import Observed, UnrecognizedText, doubt_of_computed, settle_quantities
from facts.declaring.declared_quantities import Derivation
from facts.measuring.derived_findings import ROUGHLY
from facts.quantities import Interval, at_most, between, bounds
from facts.vocabulary import Finding, QuantityFinding, Value, Vocabulary


def settle_rows(
    columns: dict[str, pl.Series], words: Mapping[str, pl.Series], vocabulary: Vocabulary, height: int
) -> dict[int, tuple[UnrecognizedText, ...]]:
    """Settle the rows of typed columns, in place; `words` are the low, normal and high in them, by finding.

    Returns what of a row (by its place) was not understood.
    """
    rows, told = _compute_plain(columns, words, vocabulary, height)
    if not rows:
        return told
    names = _names(words, vocabulary)
    # Plain lists of the few rows: to take one cell at a time out of a column is slow.
    cells = {name: columns[name].gather(rows).to_list() for name in (*names, *map(at_most, names)) if name in columns}
    written = {name: words[name].gather(rows).to_list() for name in words}
    settled: dict[tuple[Any, ...], tuple[dict[str, Observed], tuple[UnrecognizedText, ...]]] = {}
    changes: dict[str, tuple[list[int], list[Any]]] = {}
    keys = zip(*cells.values(), *written.values(), strict=True)
    for place, (row, key) in enumerate(zip(rows, keys, strict=True)):
        if key not in settled:
            observed = {name: _observed(name, place, cells, written) for name in names}
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


def _compute_plain(
    columns: dict[str, pl.Series], words: Mapping[str, pl.Series], vocabulary: Vocabulary, height: int
) -> tuple[list[int], dict[int, tuple[UnrecognizedText, ...]]]:
    """Add what is computed from plain figures, on whole columns and in place.

    Returns the rows that have words or numbers known in part, which are left as they are, and what of the others was not
    understood.
    """
    nobody = pl.Series([False], dtype=pl.Boolean).new_from_index(0, height)
    special = reduce(or_, [written.is_not_null() for written in words.values()], nobody)
    added: dict[str, tuple[pl.Series, pl.Series]] = {}
    doubts: dict[int, list[UnrecognizedText]] = {}
    known = dict(columns)
    for finding in vocabulary.derived:
        derivation = finding.derived
        if derivation is None or not all(name in known for name in derivation.inputs):
            continue
        told = reduce(and_, [known[name].is_not_null() for name in derivation.inputs])
        ends = [(known[name], known[at_most(name)]) for name in (*derivation.inputs, finding.id) if at_most(name) in known]
        in_part = reduce(or_, [(least != greatest).fill_null(False) for least, greatest in ends], nobody)
        special |= told & in_part
        figure = _figures(derivation, known).round_sig_figs(ROUGHLY)
        plausible = figure.is_between(finding.range[0], finding.range[1]).fill_null(False)
        nothing = pl.Series(finding.id, [None], dtype=pl.Float64).new_from_index(0, height)
        given = known.get(finding.id, nothing)
        apart = figure.abs() * derivation.agrees_within
        agreed = given.is_null() | ((given - apart <= figure) & (figure - apart <= given))
        for row, doubt in _doubts(
            finding, (told & ~special & ~(plausible & agreed)).arg_true(), figure, plausible, known, vocabulary
        ):
            doubts.setdefault(row, []).append(doubt)
        new = told & plausible & given.is_null()
        added[finding.id] = (new, figure)
        known[finding.id] = figure.zip_with(new, given)
    for name, (new, figure) in added.items():
        new &= ~special
        if new.any():
            nothing = pl.Series(name, [None], dtype=pl.Float64).new_from_index(0, height)
            columns[name] = figure.zip_with(new, columns.get(name, nothing)).alias(name)
            if at_most(name) in columns:
                columns[at_most(name)] = figure.zip_with(new, columns[at_most(name)])
    rows = special.arg_true().to_list()
    for row in rows:
        doubts.pop(row, None)
    return rows, {row: tuple(several) for row, several in doubts.items()}


def _doubts(
    finding: QuantityFinding,
    rows: pl.Series,
    figure: pl.Series,
    plausible: pl.Series,
    known: Mapping[str, pl.Series],
    vocabulary: Vocabulary,
) -> Iterator[tuple[int, UnrecognizedText]]:
    if finding.derived is None or not len(rows):
        return
    names = finding.derived.inputs
    inputs = zip(*(known[name].gather(rows).to_list() for name in names), strict=True)
    computed = figure.zip_with(plausible, pl.Series([None], dtype=pl.Float64).new_from_index(0, len(figure))).gather(rows)
    given = known[finding.id].gather(rows).to_list() if finding.id in known else [None] * len(rows)
    for row, values, found, own in zip(rows.to_list(), inputs, computed.to_list(), given, strict=True):
        doubt = doubt_of_computed(vocabulary, finding, dict(zip(names, values, strict=True)), found, own)
        if doubt is not None:
            yield row, doubt


def _figures(derivation: Derivation, columns: Mapping[str, pl.Series]) -> pl.Series:
    """Carry a formula out as `derived_findings.compute` does, term by term in the same order."""
    if derivation.product:
        powers = (columns[name] if power == 1 else 1 / columns[name] for name, power in derivation.product.items())
        return reduce(mul, powers)
    return reduce(add, [columns[name] * coefficient for name, coefficient in derivation.terms.items()]) + derivation.constant


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


def _observed(
    name: str, place: int, cells: Mapping[str, list[Any]], written: Mapping[str, list[str | None]]
) -> Observed | None:
    value: Value | None = cells[name][place] if name in cells else None
    if value is None:
        return None
    greatest = cells[at_most(name)][place] if at_most(name) in cells else None
    if greatest is not None and isinstance(value, float):
        value = between(value, greatest)
    return Observed(value, (written[name][place] or "") if name in written else "")


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
