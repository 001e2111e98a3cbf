"""The cells of a table read by the column: each distinct text once, plain numbers in bulk, refusals by row."""

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Any

import polars as pl

from facts.answers import AnswerError, read_answer
from facts.intake.table_quantities import settle_rows
from facts.intake.tables import (
    BETWEEN,
    CASE,
    EXPECTED,
    LONGEST_NAME,
    LONGEST_PLAIN,
    MEDICINES,
    PLAIN,
    REFUSED,
    ROW,
    SIGNIFICANT_DIGITS,
    STOPPED,
    TOO_MANY,
    Heading,
    Table,
    fix_for,
    plain_reason,
    read_stop,
    split_list,
)
from facts.measurements import with_unit
from facts.medicines import Derived, MedicineDictionary, findings_of_current, findings_of_stopped
from facts.problems import CharleyError, Place, Problem
from facts.quantities import Interval, at_most, bounds
from facts.reference_intervals import WORDS
from facts.requirements import DeniedRequirement, ancestors
from facts.units import converter
from facts.vocabulary import Finding, QuantityFinding, Vocabulary, YesNoFinding


@dataclass(frozen=True)
class Part:
    """Some rows of a table: those that are cases, typed, with a column for each finding known of any; and the refusals."""

    cases: pl.DataFrame
    refused: pl.DataFrame
    read: int


def read_part(
    table: Table, first: int, count: int, vocabulary: Vocabulary, dictionary: MedicineDictionary, twice: frozenset[int]
) -> Part:
    """Read rows of a table, from `first` on; `twice` are the rows whose name another row had before. Raises CharleyError."""
    try:
        raw, broken = table.collect(lambda lazy: lazy.slice(first, count).with_row_index(ROW, offset=first + 1))
    except (pl.exceptions.PolarsError, OSError) as error:
        where = f"rows {first + 1} to {first + count}"
        raise CharleyError(
            [Problem(Place(str(table.path)), f"{where} cannot be read: {plain_reason(error)}", fix_for(table.path))]
        ) from None
    return _Reading(table, raw, vocabulary, dictionary, twice).part(broken)


class _Reading:
    """Some rows on their way to cases."""

    def __init__(
        self, table: Table, raw: pl.DataFrame, vocabulary: Vocabulary, dictionary: MedicineDictionary, twice: frozenset[int]
    ) -> None:
        self.table, self.raw, self.vocabulary, self.dictionary = table, raw, vocabulary, dictionary
        self.refusals: list[pl.DataFrame] = []
        self.columns: dict[str, pl.Series] = {}
        self.greatest: dict[str, pl.Series] = {}
        self.words: dict[str, pl.Series] = {}
        self.places: dict[str, list[str]] = {}
        self.twice = twice
        self.recognize = lru_cache(maxsize=None)(dictionary.recognize)

    def part(self, broken: bool) -> Part:
        headings = {heading.name: heading for heading in self.table.headings}
        self.names(headings[CASE])
        if TOO_MANY in self.raw.columns:
            more = self.raw[TOO_MANY]
            self.refuse_where(more.is_not_null(), "", more, "the row has more cells than the header")
        if broken:
            self.not_text()
        for name, finding in self.vocabulary.findings.items():
            if name in headings and self.raw[headings[name].column].dtype != pl.Null:
                self.columns[name] = self.answers(headings[name], finding)
                self.places[name] = [headings[name].column]
        for key, derive in ((MEDICINES, self.current), (STOPPED, self.stopped)):
            if key in headings:
                self.lists(headings[key], derive)
        self.settle()
        self.requirements()
        frame = pl.DataFrame(
            {CASE: self.raw[headings[CASE].column].cast(pl.String).str.strip_chars(), ROW: self.raw[ROW].cast(pl.Int64)}
        )
        names = [end for name in self.vocabulary.findings for end in (name, at_most(name))]
        known = {name: series for name in names if (series := self.columns.get(name)) is not None}
        labels = {key: self.raw[headings[key].column].cast(pl.String) for key in EXPECTED if key in headings}
        frame = frame.with_columns(pl.lit(str(self.table.path)).alias("file"), **known, **labels)
        refused = pl.concat([pl.DataFrame(schema=REFUSED), *self.refusals]).sort("row", "column", maintain_order=True)
        bad = refused["row"].unique()
        if frame.columns and len(bad):
            frame = frame.filter(~pl.col(ROW).is_in(bad.implode()))
        return Part(frame, refused, self.raw.height)

    def not_text(self) -> None:
        """Refuse the rows of a CSV with bytes that are no text."""
        for name, column in self.raw.select(pl.selectors.string()).to_dict().items():
            if (wrong := column.str.contains("\ufffd", literal=True).fill_null(False)).any():
                self.refuse_where(wrong, name, column, "the cell is not UTF-8 text; save the table as UTF-8")

    def refuse(self, rows: pl.Series, column: str, values: pl.Series, reasons: pl.Series | str) -> None:
        """Note refusals, one for each of these rows."""
        if not len(rows):
            return
        case = next(heading.column for heading in self.table.headings if heading.name == CASE)
        names = self.raw[case].cast(pl.String).gather(rows - self.raw[ROW][0])
        told = (
            pl.Series("reason", [reasons], dtype=pl.String).new_from_index(0, len(rows))
            if isinstance(reasons, str)
            else reasons
        )
        self.refusals.append(
            pl.DataFrame(
                {
                    "file": pl.Series([str(self.table.path)], dtype=pl.String).new_from_index(0, len(rows)),
                    "row": rows.cast(pl.Int64),
                    "case": names,
                    "column": pl.Series([column], dtype=pl.String).new_from_index(0, len(rows)),
                    "value": values.cast(pl.String),
                    "reason": told.cast(pl.String),
                },
                schema=REFUSED,
            )
        )

    def refuse_where(self, mask: pl.Series, column: str, values: pl.Series, reason: str) -> None:
        self.refuse(self.raw[ROW].filter(mask), column, values.filter(mask), reason)

    def names(self, heading: Heading) -> None:
        names = self.raw[heading.column].cast(pl.String).str.strip_chars()
        self.refuse_where(names.fill_null("") == "", heading.column, names, "the case has no name")
        self.refuse_where(
            names.str.len_chars().fill_null(0) > LONGEST_NAME, heading.column, names.str.head(50), "the name is too long"
        )
        again = self.raw[ROW].is_in(pl.Series(sorted(self.twice), dtype=pl.UInt32).implode())
        self.refuse_where(again, heading.column, names, "another row has this name already; rename one")

    # Answers

    def answers(self, heading: Heading, finding: Finding) -> pl.Series:
        """Read one column of answers as the finding holds them; what cannot be read is refused."""
        series = self.raw[heading.column]
        if isinstance(finding, QuantityFinding):
            return self.quantities(heading, finding, series)
        if isinstance(finding, YesNoFinding) and series.dtype == pl.Boolean:
            return series
        dtype = pl.Boolean if isinstance(finding, YesNoFinding) else pl.String
        if series.dtype in (pl.String, pl.Categorical, pl.Enum):
            return self.texts(heading, finding, series.cast(pl.String), dtype)
        expected = "yes or no" if isinstance(finding, YesNoFinding) else " or ".join(finding.choices)
        reason = f"found a column of {series.dtype}, expected {expected}"
        self.refuse_where(series.is_not_null(), heading.column, series, reason)
        return pl.Series(heading.name, [None], dtype=dtype).new_from_index(0, len(series))

    def texts(self, heading: Heading, finding: Finding, series: pl.Series, dtype: Any) -> pl.Series:
        """Read each distinct text once, as a case file would be read."""
        read: dict[str, Any] = {}
        wrong: dict[str, str] = {}
        greatest: dict[str, float] = {}
        words: dict[str, str] = {}
        for text in series.unique().drop_nulls().sort().to_list():
            if not text.strip():
                continue
            written = text
            if heading.unit is not None and isinstance(finding, QuantityFinding):
                written = with_unit(text, heading.unit, finding)
            try:
                observed = read_answer(finding, written)
            except AnswerError as error:
                wrong[text] = str(error)
                continue
            if observed is not None:
                read[text] = observed.value
            if observed is not None and isinstance(observed.value, Interval):
                read[text], greatest[text] = bounds(observed.value)
                if observed.given in WORDS:
                    words[text] = observed.given
        if wrong:
            mask = series.is_in(pl.Series(list(wrong), dtype=pl.String).implode()).fill_null(False)
            rows, values = self.raw[ROW].filter(mask), series.filter(mask)
            self.refuse(
                rows, heading.column, values, values.replace_strict(list(wrong), list(wrong.values()), return_dtype=pl.String)
            )
        if not read:
            return pl.Series(heading.name, [None], dtype=dtype).new_from_index(0, len(series))
        values = series.replace_strict(list(read), list(read.values()), default=None, return_dtype=dtype).alias(heading.name)
        if greatest:
            ends = read | greatest
            self.greatest[heading.name] = series.replace_strict(
                list(ends), list(ends.values()), default=None, return_dtype=dtype
            )
        if words:
            self.words[heading.name] = series.replace_strict(
                list(words), list(words.values()), default=None, return_dtype=pl.String
            )
        return values

    def quantities(self, heading: Heading, finding: QuantityFinding, series: pl.Series) -> pl.Series:
        """Read numbers in bulk, and other texts ("3.1 mmol/l") one distinct text at a time."""
        if series.dtype == pl.Boolean:
            self.refuse_where(series.is_not_null(), heading.column, series, f"expected a number in {finding.unit}")
            return pl.Series(heading.name, [None], dtype=pl.Float64).new_from_index(0, len(series))
        if series.dtype in (pl.String, pl.Categorical, pl.Enum):
            stripped = series.cast(pl.String).str.strip_chars()
            plain = (stripped.str.contains(PLAIN) & (stripped.str.len_chars() <= LONGEST_PLAIN)).fill_null(False)
            numbers = stripped.zip_with(plain, pl.Series([None], dtype=pl.String).new_from_index(0, len(series)))
            others = stripped.zip_with(~plain, pl.Series([None], dtype=pl.String).new_from_index(0, len(series)))
            values = self.converted(numbers.cast(pl.Float64), heading, finding)
            if others.null_count() < len(others):
                values = values.zip_with(plain, self.texts(heading, finding, others, pl.Float64))
        else:
            values = self.converted(series.cast(pl.Float64), heading, finding)
        low, high = finding.range
        # A number that is none compares as neither inside nor outside.
        outside = (~values.is_between(low, high) | values.is_nan()).fill_null(False)
        if outside.any():
            reason = f"outside the plausible range {low:g} to {high:g} {finding.unit}; check the figure and its unit"
            self.refuse_where(outside, heading.column, series, reason)
        if heading.name in self.greatest:
            # Where the number is known exactly, both ends are the same.
            self.columns[at_most(heading.name)] = self.greatest.pop(heading.name).fill_null(values)
        return values.alias(heading.name)

    def converted(self, values: pl.Series, heading: Heading, finding: QuantityFinding) -> pl.Series:
        if heading.unit is not None and heading.unit != finding.unit:
            convert = converter(finding, heading.unit)
            at_zero, at_one = float(convert(Decimal(0))), float(convert(Decimal(1)))
            values = values * (at_one - at_zero) + at_zero
        return values.round_sig_figs(SIGNIFICANT_DIGITS)

    # Medicines

    def lists(self, heading: Heading, derive: Callable[[list[str]], Derived]) -> None:
        """Read lists of medicines: each distinct list once, and each distinct medicine text once in its dictionary."""
        series = self.raw[heading.column]
        if isinstance(series.dtype, pl.List):
            keys = series.cast(pl.List(pl.String)).list.join(BETWEEN, ignore_nulls=True)
        elif series.dtype in (pl.String, pl.Categorical):
            keys = series.cast(pl.String).str.strip_chars().replace("", None)
        else:
            self.refuse_where(series.is_not_null(), heading.column, series, "expected a list of medicines")
            return
        names = tuple(self.dictionary.current_findings if heading.name == MEDICINES else self.dictionary.stopped_findings)
        derived: dict[str, list[bool | None]] = {}
        for key in keys.unique().drop_nulls().sort().to_list():
            try:
                decided = derive(split_list(key if series.dtype == pl.String else key.split(BETWEEN)))
            except ValueError as error:
                self.refuse_where((keys == key).fill_null(False), heading.column, keys, str(error))
                continue
            derived[key] = [decided[name][0] if name in decided else None for name in names]
        if not derived:
            return
        told = pl.DataFrame({"key": list(derived)}).with_columns(
            pl.Series(name, [values[place] for values in derived.values()], dtype=pl.Boolean)
            for place, name in enumerate(names)
        )
        joined = pl.DataFrame({"key": keys}).join(told, on="key", how="left", maintain_order="left")
        for name in names:
            self.add_from_list(name, joined[name], heading)

    def add_from_list(self, name: str, listed: pl.Series, heading: Heading) -> None:
        answered = self.columns.get(name)
        self.places.setdefault(name, []).append(heading.column)
        if answered is None:
            self.columns[name] = listed
            return
        differ = (answered != listed).fill_null(False)
        self.refuse_where(differ, name, answered, f"the answer to {name} contradicts the column {heading.column}")
        self.columns[name] = answered.zip_with(answered.is_not_null(), listed)

    def current(self, texts: list[str]) -> Derived:
        return findings_of_current(self.dictionary, [self.recognize(text) for text in texts])

    def stopped(self, texts: list[str]) -> Derived:
        return findings_of_stopped(self.dictionary, [(entry, self.recognize(entry.name)) for entry in map(read_stop, texts)])

    # What hangs on other cells

    def settle(self) -> None:
        """Give words the meaning that they have for each row's patient, and add what is computed."""
        for row, told in settle_rows(self.columns, self.words, self.vocabulary, self.raw.height).items():
            rows = self.raw[ROW][row : row + 1]
            for entry in told:
                self.refuse(rows, "", pl.Series([entry.text]), entry.reason)

    # What an answer requires

    def requirements(self) -> None:
        """Let a value imply what it requires, and refuse the row where that is denied."""
        answered = dict(self.columns)
        for name, series in answered.items():
            if name not in self.vocabulary.findings:
                continue
            implies = series.fill_null(False) if series.dtype == pl.Boolean else series.is_not_null()
            for above in ancestors(name, self.vocabulary.findings):
                if above in answered:
                    denied = implies & (answered[above] == False).fill_null(False)  # noqa: E712 - three-valued
                    self.refuse_denied(denied, name, series, above)
                    implies &= ~denied
                required = self.columns.get(above)
                if required is None:
                    required = pl.Series(above, [None], dtype=pl.Boolean).new_from_index(0, len(series))
                yes = pl.Series([True]).new_from_index(0, len(series))
                self.columns[above] = required.zip_with(~implies | required.is_not_null(), yes)

    def refuse_denied(self, mask: pl.Series, name: str, series: pl.Series, above: str) -> None:
        """Refuse the rows in which a finding has a value and what it requires is denied, with both columns."""
        places = {each: f"column {' or '.join(self.places[each])}" for each in (name, above)}
        reasons = [
            f"the answers contradict each other: {DeniedRequirement(name, value, above).tell(places)}; correct one of them"
            for value in series.filter(mask)
        ]
        self.refuse(self.raw[ROW].filter(mask), self.places[name][0], series.filter(mask), pl.Series(reasons, dtype=pl.String))
