"""Columns of a table looked at all together: in most nothing is wrong, and to ask each by itself takes longer than the answer.

What is found here to need more is read by the column, with its refusals.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import NamedTuple

import polars as pl

from facts.measuring.units import converter
from facts.requirements import ancestors
from facts.vocabulary import Finding, QuantityFinding

SIGNIFICANT_DIGITS = 10
_SCALES = ((10_000.0, 1e6), (100.0, 1e8), (1.0, 1e10))
"""By what to multiply numbers below a limit, so that those with few digits become whole."""
_FIRST_ROWS, _FEW_TEXTS = 1_000, 8
"""By which rows the texts of a column are guessed, and how many it may have for that."""


class Numbers(NamedTuple):
    """A column of numbers, the finding that it holds, and the unit that they are in, where it is not the finding's own."""

    column: str
    finding: QuantityFinding
    unit: str | None


def in_own_unit(numbers: pl.Expr, finding: QuantityFinding, unit: str | None) -> pl.Expr:
    """Bring numbers in some unit into the finding's."""
    if unit is None or unit == finding.unit:
        return numbers
    convert = converter(finding, unit)
    at_zero, at_one = float(convert(Decimal(0))), float(convert(Decimal(1)))
    return numbers * (at_one - at_zero) + at_zero


def plain_numbers(cells: pl.DataFrame, wanted: Mapping[str, Numbers]) -> dict[str, pl.Series]:
    """Return, by finding, the columns in which every number is plausible and needs no rounding, in the finding's unit."""
    if not wanted:
        return {}
    values = cells.select(
        in_own_unit(pl.col(each.column).cast(pl.Float64), each.finding, each.unit).alias(name) for name, each in wanted.items()
    )
    least, greatest, undefined = (
        values.select(look).row(0) for look in (pl.all().min(), pl.all().max(), pl.all().is_nan().any())
    )
    scales = {}
    for (name, each), low, high, has_none in zip(wanted.items(), least, greatest, undefined, strict=True):
        within = low is None or (each.finding.range[0] <= low and high <= each.finding.range[1])
        if within and not has_none and (scale := _scale(low or 0.0, high or 0.0)) is not None:
            scales[name] = scale
    return {name: values[name] for name in short_columns(values, scales)}


def short_columns(values: pl.DataFrame, scales: Mapping[str, float]) -> list[str]:
    """Return the columns whose numbers have so few digits, at their scale, that to round them would change nothing."""
    # By a column, because Polars divides by one number as it multiplies, which is less exact.
    by = {scale: pl.lit(pl.repeat(scale, values.height, eager=True, dtype=pl.Float64)) for scale, _ in _SCALES}
    whole = [((pl.col(name) * scale).round() / by[scale] == pl.col(name)).all().alias(name) for name, scale in scales.items()]
    return [name for name, short in values.select(whole).row(0, named=True).items() if short] if whole else []


def are_short(numbers: pl.Series) -> bool:
    """Return whether numbers have so few digits that to round them would change nothing."""
    if numbers.is_nan().any():
        return False
    low, high = numbers.min(), numbers.max()
    scale = _scale(float(low or 0), float(high or 0))  # type: ignore[arg-type]
    return scale is not None and bool(short_columns(numbers.alias("").to_frame(), {"": scale}))


def _scale(low: float, high: float) -> float | None:
    return next((scale for scale, limit in _SCALES if max(-low, high) < limit), None)


def distinct_texts(cells: pl.DataFrame, columns: Sequence[str]) -> dict[str, list[str]]:
    """Return the texts that some columns have in their first rows; those with many are left out."""
    found = cells.head(_FIRST_ROWS).select(pl.col(column).drop_nulls().unique().implode() for column in columns)
    return {column: sorted(found[column][0]) for column in columns if len(found[column][0]) <= _FEW_TEXTS}


def plain_truths(cells: pl.DataFrame, meanings: Mapping[str, Mapping[str, bool | None]]) -> dict[str, pl.Series]:
    """Return the columns of which every cell is a text that has a meaning, as truths; null where that is None or no cell."""
    every = [
        (pl.col(column).is_null() | pl.any_horizontal([pl.col(column) == text for text in texts])).all().alias(column)
        for column, texts in meanings.items()
        if texts
    ]
    whole = [column for column, plain in cells.select(every).row(0, named=True).items() if plain] if every else []
    return dict(zip(whole, cells.select(_truth(column, meanings[column]) for column in whole), strict=True))


def _truth(column: str, meanings: Mapping[str, bool | None]) -> pl.Expr:
    true, false = (
        pl.any_horizontal([pl.col(column) == text for text, told in meanings.items() if told is value] or [pl.lit(False)])
        for value in (True, False)
    )
    return pl.when(true).then(True).when(false).then(False).alias(column)


def find_denied(answered: Mapping[str, pl.Series], findings: Mapping[str, Finding]) -> tuple[str, ...]:
    """Return the findings that have in some row a value that implies what is denied there."""
    denied = {
        (name, above): implies(name, series) & ~pl.col(above).fill_null(True)
        for name, series in answered.items()
        for above in ancestors(name, findings)
        if above in answered
    }
    if not denied:
        return ()
    told = pl.DataFrame(answered).select(each.any().alias(f"{name} {above}") for (name, above), each in denied.items()).row(0)
    return tuple(dict.fromkeys(name for (name, _), some in zip(denied, told, strict=True) if some))


def imply_required(answered: Mapping[str, pl.Series], findings: Mapping[str, Finding]) -> dict[str, pl.Series]:
    """Return what findings require as it is known with them: true where it is implied, else as it was answered."""
    implying: dict[str, list[pl.Expr]] = {}
    for name, series in answered.items():
        for above in ancestors(name, findings):
            implying.setdefault(above, []).append(implies(name, series))
    # A denial beside it is told by `find_denied`, and its row refused.
    known = [
        ((pl.col(above) if above in answered else pl.lit(None, pl.Boolean)) | pl.any_horizontal(some)).alias(above)
        for above, some in implying.items()
    ]
    return dict(zip(implying, pl.DataFrame(answered).select(known), strict=True))


def implies(name: str, series: pl.Series) -> pl.Expr:
    """Return where a column's value implies what its finding requires: every one does but "no"."""
    return pl.col(name).fill_null(False) if series.dtype == pl.Boolean else pl.col(name).is_not_null()
