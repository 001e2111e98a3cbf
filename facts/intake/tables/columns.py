"""The cells of a table read by the column: each distinct text once, plain numbers in bulk, refusals by row.

Longer than other modules: every reading of a column notes its refusals, and all columns meet in what a row requires.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from facts.answers import AnswerError, read_answer
from facts.intake.tables.cells import Rows, again_named, cells_of_frame, read_cells
from facts.intake.tables.lists import KEY, read_lists
from facts.intake.tables.mapping import PLAIN_NUMBER, TableMapping
from facts.intake.tables.opening import (
    CASE,
    EXPECTED,
    LONGEST_NAME,
    MEDICINES,
    REFUSED,
    ROW,
    STOPPED,
    TEXTS,
    Heading,
    Table,
    as_written,
    open_frame,
    polars_type,
)
from facts.intake.tables.quantities import settle_rows
from facts.intake.tables.whole_columns import (
    SIGNIFICANT_DIGITS,
    Numbers,
    are_short,
    distinct_texts,
    find_denied,
    implies,
    imply_required,
    in_own_unit,
    plain_numbers,
    plain_truths,
)
from facts.measuring.reference_intervals import WORDS
from facts.measuring.unit_systems import other_readings, unit_in
from facts.medicines import MedicineDictionary
from facts.quantities import Interval, at_most, bounds
from facts.requirements import DeniedRequirement, ancestors
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Vocabulary, YesNoFinding

_PLAIN = r"^[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)$"
_LONGEST_PLAIN = 10
"""A text that is longer may need rounding, which the reader of answers knows how to do."""
_USUAL = ("yes", "no", "true", "false")
UNRECOGNIZED = {"file": pl.String, "row": pl.Int64, "case": pl.String, "text": pl.String, "reason": pl.String}


@dataclass(frozen=True)
class Part:
    """Some rows of a table: those that are cases, typed, with a column for each finding known of any; and the refusals.

    `unrecognized` lists what was written in a case, and was not or not wholly understood.
    """

    cases: pl.DataFrame
    refused: pl.DataFrame
    read: int
    unrecognized: pl.DataFrame


def read_part(
    table: Table, first: int, count: int, vocabulary: Vocabulary, dictionary: MedicineDictionary, twice: frozenset[int]
) -> Part:
    """Read rows of a table, from `first` on; `twice` are the rows whose name another row had before. Raises CharleyError."""
    rows = read_cells(table, first, count)
    return _Reading(table, rows, vocabulary, dictionary, twice).part()


def read_frame(frame: pl.DataFrame, vocabulary: Vocabulary, dictionary: MedicineDictionary, mapping: TableMapping) -> Part:
    """Read a frame in memory as a table of a file is read. Raises CharleyError for columns that nobody knows."""
    table = open_frame(frame, vocabulary, mapping)
    rows = cells_of_frame(table, frame)
    names = rows.cells.select(ROW, pl.col(table.heading(CASE).column).cast(pl.String).str.strip_chars().alias(CASE))
    return _Reading(table, rows, vocabulary, dictionary, again_named(names)).part()


class _Reading:
    """Some rows on their way to cases."""

    def __init__(
        self, table: Table, rows: Rows, vocabulary: Vocabulary, dictionary: MedicineDictionary, twice: frozenset[int]
    ) -> None:
        self.table, self.raw, self.vocabulary, self.dictionary = table, rows.cells, vocabulary, dictionary
        self.refusals: list[pl.DataFrame] = [rows.refused]
        self.read = rows.cells.height + rows.refused.height
        self.columns: dict[str, pl.Series] = {}
        self.words: dict[str, pl.Series] = {}
        self.doubtful: list[pl.DataFrame] = []
        self.places: dict[str, list[str]] = {}
        self.twice = twice

    def part(self) -> Part:
        headings = {heading.name: heading for heading in self.table.headings}
        cases = self.names(headings[CASE])
        plain = self.plain_numbers(headings) | self.plain_answers(headings)
        for name, finding in self.vocabulary.findings.items():
            if name in headings and self.raw[headings[name].column].dtype != pl.Null:
                self.columns[name] = plain[name] if name in plain else self.answers(headings[name], finding)
                self.places[name] = [headings[name].column]
        for key in (MEDICINES, STOPPED):
            if key in headings:
                self.lists(headings[key])
        self.settle()
        self.requirements()
        frame = pl.DataFrame({CASE: cases, ROW: self.raw[ROW]})
        names = [end for name in self.vocabulary.findings for end in (name, at_most(name))]
        known = {name: series for name in names if (series := self.columns.get(name)) is not None}
        labels = {key: self.label(headings[key]) for key in EXPECTED if key in headings}
        frame = frame.with_columns(pl.lit(str(self.table.path)).alias("file"), **known, **labels)
        refused = pl.concat([pl.DataFrame(schema=REFUSED), *self.refusals]).sort("row", "column", maintain_order=True)
        bad = refused["row"].unique()
        unrecognized = pl.concat([pl.DataFrame(schema=UNRECOGNIZED), *self.doubtful]).sort("row", maintain_order=True)
        if len(bad):
            frame = frame.filter(~pl.col(ROW).is_in(bad.implode()))
            unrecognized = unrecognized.filter(~pl.col(ROW).is_in(bad.implode()))
        return Part(frame, refused, self.read, unrecognized)

    def label(self, heading: Heading) -> pl.Series:
        series = self.raw[heading.column]
        if isinstance(series.dtype, pl.List):
            return series.list.join(";")
        return series.cast(pl.String)

    def refuse_where(self, mask: pl.Series, column: str, values: pl.Series, reason: str | pl.Series) -> None:
        """Note refusals, one for each row of the mask; a column of reasons has one for each of those rows."""
        if not mask.any():
            return
        rows = self.raw.filter(mask)
        told = pl.lit(reason) if isinstance(reason, str) else reason
        self.refusals.append(
            rows.select(
                file=pl.lit(str(self.table.path)),
                row=pl.col(ROW),
                case=pl.col(self.table.heading(CASE).column).cast(pl.String),
                column=pl.lit(column),
                value=_shown(values.filter(mask)),
                reason=told,
            )
        )

    def names(self, heading: Heading) -> pl.Series:
        """Return the names of the cases; those are refused that are none, are too long, or were there before."""
        names = self.raw[heading.column].cast(pl.String).str.strip_chars()
        lengths = names.str.len_chars().fill_null(0)
        self.refuse_where(lengths == 0, heading.column, names, "the case has no name")
        self.refuse_where(lengths > LONGEST_NAME, heading.column, names.str.head(50), "the name is too long")
        if self.twice:
            again = self.raw[ROW].is_in(pl.Series(sorted(self.twice), dtype=pl.Int64).implode())
            self.refuse_where(again, heading.column, names, "another row has this name already; rename one")
        return names

    # Answers

    def plain_answers(self, headings: Mapping[str, Heading]) -> dict[str, pl.Series]:
        """Read the columns of yes and no that have few texts, each of which can be read; each other is looked at by itself."""
        texts = {
            heading.column: (heading, finding)
            for name, heading in headings.items()
            if isinstance(finding := self.vocabulary.findings.get(name), YesNoFinding)
            and self.raw[heading.column].dtype == pl.String
        }
        read: dict[str, pl.Series] = {}
        found = distinct_texts(self.raw, list(texts))
        # What is rare may not be among the first.
        for more in ((), _USUAL):
            meanings: dict[str, dict[str, bool | None]] = {}
            for column in [column for column in found if column not in read]:
                with suppress(AnswerError):
                    meanings[column] = {text: self.truth(*texts[column], text) for text in [*found[column], *more]}
            read |= plain_truths(self.raw, meanings)
        return {texts[column][0].name: series for column, series in read.items()}

    def truth(self, heading: Heading, finding: YesNoFinding, text: str) -> bool | None:
        observed = read_answer(finding, as_written(self.table, heading, text)) if text.strip() else None
        return observed.value is True if observed is not None else None

    def plain_numbers(self, headings: Mapping[str, Heading]) -> dict[str, pl.Series]:
        """Read the columns of numbers in which nothing is refused, rounded or doubtful; each other is looked at by itself."""
        wanted = {}
        for name, heading in headings.items():
            finding = self.vocabulary.findings.get(name)
            if isinstance(finding, QuantityFinding) and self.raw[heading.column].dtype.is_numeric():
                unit = self.unit_of(heading, finding)
                if unit is not None or not finding.systems:
                    wanted[name] = Numbers(heading.column, finding, unit)
        return plain_numbers(self.raw, wanted)

    def answers(self, heading: Heading, finding: Finding) -> pl.Series:
        """Read one column of answers as the finding holds them; what cannot be read is refused."""
        series = self.raw[heading.column]
        dtype = polars_type(finding)
        if series.dtype in TEXTS:
            series = series.cast(pl.String)
            return (
                self.quantities(heading, finding, series)
                if isinstance(finding, QuantityFinding)
                else self.texts(heading, finding, series)
            )
        if isinstance(finding, QuantityFinding) and series.dtype.is_numeric():
            return self.checked(heading, finding, series, series.cast(pl.Float64))
        if isinstance(finding, YesNoFinding) and series.dtype == pl.Boolean:
            return series
        if heading.values and series.dtype.is_numeric():
            return self.texts(heading, finding, series.cast(pl.String))
        self.refuse_where(series.is_not_null(), heading.column, series, _unfit(finding, series.dtype))
        return self.nothing(dtype)

    def nothing(self, dtype: Any) -> pl.Series:
        return pl.Series([None], dtype=dtype).new_from_index(0, self.raw.height)

    def texts(self, heading: Heading, finding: Finding, series: pl.Series) -> pl.Series:
        """Read each distinct text once, as a case file would be read."""
        read: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        greatest: dict[str, float] = {}
        words: dict[str, str] = {}
        for text in series.unique().drop_nulls().sort().to_list():
            if not text.strip():
                continue
            try:
                observed = read_answer(finding, as_written(self.table, heading, text), self.table.mapping.system)
            except AnswerError as error:
                number = isinstance(finding, YesNoFinding) and PLAIN_NUMBER.fullmatch(text.strip())
                wrong[text] = f"{error}; or declare what it means (--yes 1 --no 0, or --map)" if number else str(error)
                continue
            if observed is not None and isinstance(observed.value, Interval):
                read[text], greatest[text] = bounds(observed.value)
                if observed.given in WORDS:
                    words[text] = observed.given
            elif observed is not None:
                read[text] = observed.value
        if wrong:
            mask = series.is_in(pl.Series(list(wrong), dtype=pl.String).implode()).fill_null(False)
            reasons = series.filter(mask).replace_strict(list(wrong), list(wrong.values()), return_dtype=pl.String)
            self.refuse_where(mask, heading.column, series, reasons)
        dtype = pl.Enum(list(finding.choices)) if isinstance(finding, ChoiceFinding) else polars_type(finding)
        if not read:
            return self.nothing(dtype)
        if greatest:
            self.columns[at_most(finding.id)] = _replace(series, read | greatest, pl.Float64)
        if words:
            self.words[finding.id] = _replace(series, words, pl.String)
        return _replace(series, read, dtype)

    def quantities(self, heading: Heading, finding: QuantityFinding, series: pl.Series) -> pl.Series:
        """Read numbers in bulk, and other texts ("3.1 mmol/l") one distinct text at a time."""
        if heading.values or self.table.decimal_comma:
            return self.texts(heading, finding, series)
        stripped = series.str.strip_chars()
        plain = (stripped.str.contains(_PLAIN) & (stripped.str.len_chars() <= _LONGEST_PLAIN)).fill_null(False)
        none = self.nothing(pl.String)
        numbers, others = stripped.zip_with(plain, none), stripped.zip_with(~plain, none)
        values = self.checked(heading, finding, numbers, numbers.cast(pl.Float64))
        if others.null_count() == len(others):
            return values
        read = self.texts(heading, finding, others)
        if (greatest := self.columns.get(at_most(finding.id))) is not None:
            self.columns[at_most(finding.id)] = values.zip_with(plain, greatest)
        return values.zip_with(plain, read)

    def checked(self, heading: Heading, finding: QuantityFinding, written: pl.Series, numbers: pl.Series) -> pl.Series:
        """Bring numbers into the finding's unit; refuse those that are not plausible, or may be meant in another unit."""
        unit = self.unit_of(heading, finding)
        if unit is None and finding.systems:
            mask = pl.Series([False]).new_from_index(0, len(numbers))
            for other in finding.systems.values():
                if other.usual is not None:
                    mask |= numbers.is_between(other.usual[0], other.usual[1]).fill_null(False)
            if mask.any():
                reasons = [
                    f"{finding.id}: {other_readings(finding, f'{number:g}')}" for number in numbers.filter(mask).to_list()
                ]
                self.refuse_where(mask, heading.column, written, pl.Series(reasons, dtype=pl.String))
                numbers = numbers.zip_with(~mask, self.nothing(pl.Float64))
        if unit is not None:
            numbers = numbers.to_frame("").select(in_own_unit(pl.col(""), finding, unit)).to_series()
        values = numbers if are_short(numbers) else numbers.round_sig_figs(SIGNIFICANT_DIGITS)
        low, high = finding.range
        # A number that is none compares as neither inside nor outside.
        outside = (~values.is_between(low, high) | values.is_nan()).fill_null(False)
        if not outside.any():
            return values
        reason = f"outside the plausible range {low:g} to {high:g} {finding.unit}; check the figure and its unit"
        self.refuse_where(outside, heading.column, written, reason)
        return values

    def unit_of(self, heading: Heading, finding: QuantityFinding) -> str | None:
        if heading.unit is None and self.table.mapping.system is not None:
            return unit_in(finding, self.table.mapping.system)
        return heading.unit

    # Medicines

    def lists(self, heading: Heading) -> None:
        """Take what a column of lists decides, and note what in it was not recognized."""
        read = read_lists(self.raw[heading.column], heading.name, self.dictionary)
        for mask, shown, reason in read.refused:
            self.refuse_where(mask, heading.column, shown, reason)
        case = pl.col(self.table.heading(CASE).column).cast(pl.String).alias(CASE)
        rows = self.raw.select(pl.lit(str(self.table.path)).alias("file"), ROW, case, pl.col(heading.column).alias(KEY))
        self.doubtful.append(rows.join(read.doubtful, on=KEY, how="inner", maintain_order="left_right").drop(KEY))
        for name, listed in read.findings.items():
            self.add_from_list(name, listed, heading)

    def add_from_list(self, name: str, listed: pl.Series, heading: Heading) -> None:
        answered = self.columns.get(name)
        self.places.setdefault(name, []).append(heading.column)
        if answered is None:
            self.columns[name] = listed
            return
        differ = (answered != listed).fill_null(False)
        self.refuse_where(differ, name, answered, f"the answer to {name} contradicts the column {heading.column}")
        self.columns[name] = answered.zip_with(answered.is_not_null(), listed)

    # What hangs on other cells of a row

    def settle(self) -> None:
        """Give words the meaning that they have for each row's patient, and add what is computed."""
        told = settle_rows(self.columns, self.words, self.vocabulary, self.raw.height)
        places = [place for place, entries in told.items() for _ in entries]
        entries = [entry for several in told.values() for entry in several]
        self.doubtful.append(
            self.raw[places].select(
                file=pl.lit(str(self.table.path)),
                row=pl.col(ROW),
                case=pl.col(self.table.heading(CASE).column).cast(pl.String),
                text=pl.Series([entry.text for entry in entries], dtype=pl.String),
                reason=pl.Series([entry.reason for entry in entries], dtype=pl.String),
            )
        )

    # What an answer requires

    def requirements(self) -> None:
        """Let a value imply what it requires, and refuse the row where that is denied."""
        findings = self.vocabulary.findings
        answered = {name: series for name, series in self.columns.items() if name in findings}
        for name in find_denied(answered, findings):
            implying = answered[name].to_frame(name).select(implies(name, answered[name])).to_series()
            for above in ancestors(name, findings):
                if above in answered:
                    denied = implying & (answered[above] == False).fill_null(False)  # noqa: E712 - three-valued
                    self.refuse_denied(denied, name, answered[name], above)
                    implying &= ~denied
        self.columns |= imply_required(answered, findings)

    def refuse_denied(self, mask: pl.Series, name: str, series: pl.Series, above: str) -> None:
        """Refuse the rows in which a finding has a value and what it requires is denied, with both columns."""
        places = {each: f"column {' or '.join(self.places[each])}" for each in (name, above)}
        reasons = [
            f"the answers contradict each other: {DeniedRequirement(name, value, above).tell(places)}; correct one of them"
            for value in series.filter(mask)
        ]
        self.refuse_where(mask, self.places[name][0], series, pl.Series(reasons, dtype=pl.String))


def _replace(series: pl.Series, values: Mapping[str, Any], dtype: Any) -> pl.Series:
    return series.replace_strict(list(values), list(values.values()), default=None, return_dtype=dtype)


def _unfit(finding: Finding, dtype: Any) -> str:
    if isinstance(finding, QuantityFinding):
        return f"found a column of {dtype}, expected numbers in {finding.unit}; write them as numbers or as text"
    if isinstance(finding, YesNoFinding):
        way = "declare what they mean (--yes 1 --no 0)" if dtype.is_numeric() else "write yes and no"
        return f"found a column of {dtype}, expected yes or no; {way}, or write true and false (pandas: convert_dtypes())"
    return f"found a column of {dtype}, expected {' or '.join(finding.choices)}; write them as text"


def _shown(values: pl.Series) -> pl.Series:
    """Write values for people, whatever their type."""
    if not (values.dtype.is_numeric() or values.dtype in (*TEXTS, pl.Boolean, pl.Null)):
        return pl.Series([None if value is None else str(value)[:200] for value in values.to_list()], dtype=pl.String)
    return values.cast(pl.String)
