"""What is known of the patients of a frame, as planes: Arrow's own bits, and comparisons of numbers packed into bits.

A frame has a column for each finding that is known of anybody: booleans, numbers in the finding's own unit, choices as an
enumeration; null, or no column at all, is unknown. Where a number is known in part of anybody, its column holds the least that
it can be, and another (`NAME at most`) the greatest.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, assert_never

import nanoarrow
import numpy as np
import polars as pl
from numpy.typing import NDArray

from expert.cohorts.planes.assembly import NONE, Assembly, Plane, Words
from expert.cohorts.planes.truths import UNKNOWN, Truth
from facts.quantities import at_most
from facts.vocabulary import ChoiceFinding, QuantityFinding, Vocabulary
from knowledge_base.conditions.expression import Compared, Leaf, OneOf, Operator, Present

Bytes: TypeAlias = NDArray[np.uint8]
_ROWS_A_WORD = 64
_TYPES = {"g": np.float64, "C": np.uint8, "S": np.uint16, "I": np.uint32}
"""The types of numbers by Arrow's names for them."""


class UnfitFrame(TypeError):
    """A frame whose types would not keep unknown apart from false; the text says what to give instead."""


@dataclass(frozen=True, slots=True)
class Column:
    """The buffers of a column: a bit for each row of which it is known (None: of all), and its values, bits for booleans."""

    known: Bytes | None
    values: NDArray[Any]


_Filler: TypeAlias = Callable[[Mapping[str, Column], slice], Any]
"""Gives some rows' bits of an input: packed, or as booleans."""


class GivenAnswers:
    """The inputs that conditions ask for, and how each is filled from a frame that has these columns."""

    def __init__(self, assembly: Assembly, vocabulary: Vocabulary, columns: Iterable[str]) -> None:
        self.assembly, self.vocabulary, self.columns = assembly, vocabulary, frozenset(columns)
        self._planes: dict[object, Plane] = {}
        self._fillers: list[_Filler] = []

    def known(self, finding: str) -> Plane:
        """Return where something is known of the finding."""
        if finding not in self.columns:
            return NONE
        return self._input(("known", finding), lambda columns, rows: _bits(columns[finding].known, rows))

    def partly(self, finding: str) -> Plane:
        """Return where a number is known in part."""
        greatest = at_most(finding)
        if greatest not in self.columns:
            return NONE
        differ = self._input(
            ("partly", finding), lambda columns, rows: columns[finding].values[rows] != columns[greatest].values[rows]
        )
        return self.assembly.both(self.known(finding), differ)

    def truth(self, leaf: Leaf) -> Truth:
        """Return what one finding is worth against what the leaf asks of it."""
        finding = leaf.finding
        if finding not in self.columns:
            return UNKNOWN
        known = self.known(finding)
        match leaf:
            case Present():
                present = self._input(("present", finding), lambda columns, rows: _bits(columns[finding].values, rows))
                return self._split(known, present)
            case OneOf(_, choices):
                return self._split(known, self.assembly.any(self._choice(finding, choice) for choice in choices))
            case Compared(_, operator, threshold):
                return self._compare(known, finding, operator, threshold)
            case _:
                assert_never(leaf)

    def _split(self, known: Plane, holds: Plane) -> Truth:
        true = self.assembly.both(known, holds)
        return Truth(true, self.assembly.differ(known, true))

    def _choice(self, finding: str, choice: str) -> Plane:
        declared = self.vocabulary.findings[finding]
        if not isinstance(declared, ChoiceFinding):
            raise AssertionError(f"{finding} has no choices")
        code = list(declared.choices).index(choice)
        return self._input((finding, choice), lambda columns, rows: columns[finding].values[rows] == code)

    def _compare(self, known: Plane, finding: str, operator: Operator, threshold: float) -> Truth:
        # `x >= 3` is true where `x < 3` is false, so two comparisons serve all four.
        less: Operator = "<" if operator in ("<", ">=") else "<="
        least = self._less(finding, less, threshold)
        if at_most(finding) in self.columns:
            surely = self.assembly.both(known, self._less(at_most(finding), less, threshold))
            surely_not = self.assembly.unless(known, least)
        else:
            surely, surely_not = self._split(known, least)
        return Truth(surely, surely_not) if operator == less else Truth(surely_not, surely)

    def _less(self, column: str, operator: Operator, threshold: float) -> Plane:
        compare = np.less if operator == "<" else np.less_equal
        return self._input(
            (column, operator, threshold), lambda columns, rows: compare(columns[column].values[rows], threshold)
        )

    def _input(self, key: object, filler: _Filler) -> Plane:
        if key not in self._planes:
            self._planes[key] = self.assembly.input()
            self._fillers.append(filler)
        return self._planes[key]

    def fill(self, columns: Mapping[str, Column], height: int, given: Words, start: int, end: int) -> None:
        """Write the inputs of the rows in some words; bits behind the last row are not set."""
        rows = slice(start * _ROWS_A_WORD, min(end * _ROWS_A_WORD, height))
        written = given.view(np.uint8)
        used = -(-(rows.stop - rows.start) // 8)
        written[:, used:] = 0
        for target, filler in zip(written, self._fillers, strict=True):
            bits = filler(columns, rows)
            if bits is None:
                bits = _ALL_KNOWN
            elif bits.dtype == np.bool_:
                bits = np.packbits(bits, bitorder="little")
            target[:used] = bits
        beyond = -(rows.stop - rows.start) % 8
        if beyond:
            written[:, used - 1] &= 0xFF >> beyond


_ALL_KNOWN = np.uint8(0xFF)


def _bits(packed: Bytes | None, rows: slice) -> Bytes | None:
    """Return the bytes that hold some rows' bits; the first row begins one."""
    return None if packed is None else packed[rows.start // 8 : -(-rows.stop // 8)]


def columns_of(frame: pl.DataFrame, vocabulary: Vocabulary) -> dict[str, Column]:
    """Return the buffers of the columns that hold findings, without copying what needs no change. Raises UnfitFrame."""
    held = []
    for name in frame.columns:
        own = name.removesuffix(at_most(""))
        finding = vocabulary.findings.get(own)
        if finding is None:
            continue
        series, dtype = frame[name], frame[name].dtype
        if isinstance(finding, QuantityFinding):
            fits, series = dtype in (pl.Float64, pl.Float32), series.cast(pl.Float64) if dtype == pl.Float32 else series
            if name != own and own in frame.columns and series.null_count() > frame[own].null_count():
                # A figure is the greatest that it can be, too.
                series = series.fill_null(frame[own])
        elif isinstance(finding, ChoiceFinding):
            fits = dtype == pl.String or dtype == pl.Categorical or isinstance(dtype, pl.Enum)
            series = _as_choices(series, finding) if fits else series
        else:
            fits = dtype == pl.Boolean
        if not fits:
            raise UnfitFrame(f"the column {name} holds {dtype}, which is not how a {finding.kind} finding is held")
        held.append(series)
    if not held or not frame.height:
        return {series.name: Column(None, np.zeros(0)) for series in held}
    whole = next(iter(nanoarrow.c_array_stream(pl.DataFrame(held).rechunk())))
    return {series.name: _column(child) for series, child in zip(held, whole.children, strict=True)}


def _as_choices(series: pl.Series, finding: ChoiceFinding) -> pl.Series:
    try:
        return series.cast(pl.Enum(list(finding.choices)))
    except pl.exceptions.PolarsError:
        wrong = next(value for value in series.cast(pl.String).drop_nulls() if value not in finding.choices)
        raise UnfitFrame(f"the column {series.name} holds {wrong[:50]!r}; expected {' or '.join(finding.choices)}") from None


def _column(array: Any) -> Column:
    view, offset, length = array.view(), array.offset, array.length
    known = _aligned(np.frombuffer(view.buffer(0), np.uint8), offset, length) if array.null_count else None
    if array.schema.format == "b":
        return Column(known, _aligned(np.frombuffer(view.buffer(1), np.uint8), offset, length))
    return Column(known, np.frombuffer(view.buffer(1), _TYPES[array.schema.format])[offset : offset + length])


def _aligned(packed: Bytes, offset: int, length: int) -> Bytes:
    """Return bits so that the first row's is the lowest of its byte."""
    first = offset // 8
    if offset % 8 == 0:
        return packed[first : first + -(-length // 8)]
    bits = np.unpackbits(packed[first:], bitorder="little", count=offset % 8 + length)
    return np.packbits(bits[offset % 8 :], bitorder="little")
