"""Tables of cases (CSV, Parquet, NDJSON) read by the column: a row is a case, a column a finding, `medicines` a list.

The same answers are read as in a case file, by the same reader: each distinct text once, and plain numbers in bulk. A unit
stands in the column's name: `serum_magnesium [mg/dL]`. What cannot be read is refused by its row, column and value, and
the other rows go on; a column that nobody knows refuses the table, because nobody can tell what it would have said.
"""

import csv
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import polars as pl

from facts.answers import AnswerError, read_answer
from facts.case import Case
from facts.intake.case_files import Refusal, read_case
from facts.intake.entries import Entry
from facts.medicines import Derived, MedicineDictionary, Stopped, findings_of_current, findings_of_stopped
from facts.problems import CharleyError, Place, Problem, did_you_mean, quoted
from facts.units import converter, match_unit
from facts.vocabulary import Finding, QuantityFinding, Vocabulary, YesNoFinding

CASE, MEDICINES, STOPPED, NOTE = "case", "medicines", "stopped_medicines", "note"
EXPECTED = ("expected_urgency", "expected_causes")
ENDINGS = (".csv", ".parquet", ".ndjson", ".jsonl")
_HEADER = re.compile(r"^\s*([^\[\]]+?)\s*(?:\[\s*([^\[\]]+?)\s*\])?\s*$")
_PLAIN = r"^[-+]?(\d+\.?\d*|\.\d+)$"
_LONGEST_PLAIN = 10
"""A text that is longer may need rounding, which the reader of answers knows how to do."""
_SIGNIFICANT_DIGITS = 10
_LONGEST_NAME = 200
_ROW = "row"
_TOO_MANY, _AGAIN, _BETWEEN = "\x1fmore", "\x1fagain", "\x1f"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: what it is called in the file, the finding it holds (or a key like `case`), and the unit of its numbers."""

    column: str
    name: str
    unit: str | None = None


@dataclass(frozen=True)
class Table:
    """A file of rows, its columns understood. `rows` is how many it has."""

    path: Path
    headings: tuple[Heading, ...]
    rows: int

    def scan(self) -> pl.LazyFrame:
        """Give the file as it is; CSV cells are text."""
        return _scan(self.path)

    def collect(self, chosen: Callable[[pl.LazyFrame], pl.LazyFrame]) -> tuple[pl.DataFrame, bool]:
        """Read something of the file; and tell whether it had bytes that are no text, which then stand as U+FFFD."""
        try:
            return chosen(_scan(self.path)).collect(), False
        except pl.exceptions.ComputeError:
            if self.path.suffix != ".csv":
                raise
            return chosen(_scan(self.path, "utf8-lossy")).collect(), True


@dataclass(frozen=True)
class Part:
    """Some rows of a table: those that are cases, typed, with a column for each finding known of any; and the refusals."""

    cases: pl.DataFrame
    refused: pl.DataFrame
    read: int


REFUSED = {"file": pl.String, "row": pl.Int64, "case": pl.String, "column": pl.String, "value": pl.String, "reason": pl.String}


def _scan(path: Path, encoding: Literal["utf8", "utf8-lossy"] = "utf8") -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    if path.suffix == ".csv":
        # The header is read here, so that a row with too many cells shows in a column of its own.
        schema = dict.fromkeys([*_csv_header(path), _TOO_MANY], pl.String)
        return pl.scan_csv(
            path,
            has_header=False,
            skip_rows=1,
            schema=schema,
            truncate_ragged_lines=True,
            missing_columns="insert",
            encoding=encoding,
        )
    return pl.scan_ndjson(path, infer_schema_length=None)


def _csv_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        cells = next(csv.reader(stream), [])
    # Two columns of one name must both be seen, to be refused.
    return [cell if cells.index(cell) == place else f"{cell}{_AGAIN}{place}" for place, cell in enumerate(cells)]


def open_table(path: Path, vocabulary: Vocabulary) -> Table:
    """Read a table's columns and count its rows. Raises CharleyError with every problem of the header, or of the file."""
    try:
        names = _scan(path).collect_schema().names()
        rows = int(_scan(path).select(pl.len()).collect().item()) if names else 0
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, csv.Error) as error:
        raise CharleyError(
            [Problem(Place(str(path)), f"cannot be read as {path.suffix[1:]}: {_plain(error)}", _mend(path))]
        ) from None
    names = [name for name in names if name != _TOO_MANY]
    if not names:
        raise CharleyError([Problem(Place(str(path)), "the file is empty", "write a header and a row for each case")])
    problems: list[Problem] = []
    headings = [heading for column in names if (heading := _heading(column, path, vocabulary, problems))]
    taken: dict[str, str] = {}
    for heading in headings:
        first = taken.setdefault(heading.name, heading.column)
        if first != heading.column:
            message = f"the columns {quoted(first)} and {quoted(heading.column)} are both {heading.name}"
            problems.append(Problem(Place(str(path)), message, "keep one"))
    if CASE not in taken and not problems:
        problems.append(Problem(Place(str(path)), "there is no column case", "name each row in a column called case"))
    if problems:
        raise CharleyError(problems)
    return Table(path, tuple(headings), rows)


def _heading(column: str, path: Path, vocabulary: Vocabulary, problems: list[Problem]) -> Heading | None:
    match = _HEADER.match(column.split(_AGAIN, maxsplit=1)[0])
    name, unit = (match[1], match[2]) if match else (column, None)
    keys = (CASE, MEDICINES, STOPPED, NOTE, *EXPECTED)
    if name in keys and unit is None:
        return Heading(column, name)
    finding = vocabulary.findings.get(name)
    place = Place(str(path))
    if finding is None:
        mend = did_you_mean(name, [*vocabulary.findings, *keys]) or "`charley schema case` lists the findings"
        problems.append(Problem(place, f"the column {quoted(column)} is no finding", mend))
        return None
    if unit is None:
        return Heading(column, name)
    known = match_unit(unit, finding) if isinstance(finding, QuantityFinding) else None
    if known is None:
        takes = " or ".join((finding.unit, *finding.accepts)) if isinstance(finding, QuantityFinding) else "no unit"
        problems.append(Problem(place, f"the column {quoted(column)}: {name} takes {takes}", "correct the unit"))
        return None
    return Heading(column, name, known)


def read_part(
    table: Table, first: int, count: int, vocabulary: Vocabulary, dictionary: MedicineDictionary, twice: frozenset[int]
) -> Part:
    """Read rows of a table, from `first` on; `twice` are the rows whose name another row had before. Raises CharleyError."""
    try:
        raw, broken = table.collect(lambda lazy: lazy.slice(first, count).with_row_index(_ROW, offset=first + 1))
    except (pl.exceptions.PolarsError, OSError) as error:
        where = f"rows {first + 1} to {first + count}"
        raise CharleyError(
            [Problem(Place(str(table.path)), f"{where} cannot be read: {_plain(error)}", _mend(table.path))]
        ) from None
    return _Reading(table, raw, vocabulary, dictionary, twice).part(broken)


def rows_named_twice(table: Table) -> frozenset[int]:
    """Give the rows (from 1) whose case name an earlier row has already."""
    column = next(heading.column for heading in table.headings if heading.name == CASE)
    again = pl.col(column).is_not_null() & ~pl.col(column).is_first_distinct()
    try:
        rows, _ = table.collect(
            lambda lazy: lazy.select(pl.col(column).cast(pl.String)).with_row_index(_ROW, offset=1).filter(again).select(_ROW)
        )
    except (pl.exceptions.PolarsError, OSError):
        # The file is broken somewhere; its parts are refused when they are read.
        return frozenset()
    return frozenset(rows[_ROW].to_list())


class _Reading:
    """Some rows on their way to cases."""

    def __init__(
        self, table: Table, raw: pl.DataFrame, vocabulary: Vocabulary, dictionary: MedicineDictionary, twice: frozenset[int]
    ) -> None:
        self.table, self.raw, self.vocabulary, self.dictionary = table, raw, vocabulary, dictionary
        self.refusals: list[pl.DataFrame] = []
        self.columns: dict[str, pl.Series] = {}
        self.twice = twice
        self.recognize = lru_cache(maxsize=None)(dictionary.recognize)

    def part(self, broken: bool) -> Part:
        headings = {heading.name: heading for heading in self.table.headings}
        self.names(headings[CASE])
        if _TOO_MANY in self.raw.columns:
            more = self.raw[_TOO_MANY]
            self.refuse_where(more.is_not_null(), "", more, "the row has more cells than the header")
        if broken:
            self.not_text()
        for name, finding in self.vocabulary.findings.items():
            if name in headings and self.raw[headings[name].column].dtype != pl.Null:
                self.columns[name] = self.answers(headings[name], finding)
        for key, derive in ((MEDICINES, self.current), (STOPPED, self.stopped)):
            if key in headings:
                self.lists(headings[key], derive)
        self.requirements()
        frame = pl.DataFrame(
            {CASE: self.raw[headings[CASE].column].cast(pl.String).str.strip_chars(), _ROW: self.raw[_ROW].cast(pl.Int64)}
        )
        known = {name: series for name in self.vocabulary.findings if (series := self.columns.get(name)) is not None}
        labels = {key: self.raw[headings[key].column].cast(pl.String) for key in EXPECTED if key in headings}
        frame = frame.with_columns(pl.lit(str(self.table.path)).alias("file"), **known, **labels)
        refused = pl.concat([pl.DataFrame(schema=REFUSED), *self.refusals]).sort("row", "column", maintain_order=True)
        bad = refused["row"].unique()
        if frame.columns and len(bad):
            frame = frame.filter(~pl.col(_ROW).is_in(bad.implode()))
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
        names = self.raw[case].cast(pl.String).gather(rows - self.raw[_ROW][0])
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
        self.refuse(self.raw[_ROW].filter(mask), column, values.filter(mask), reason)

    def names(self, heading: Heading) -> None:
        names = self.raw[heading.column].cast(pl.String).str.strip_chars()
        self.refuse_where(names.fill_null("") == "", heading.column, names, "the case has no name")
        self.refuse_where(
            names.str.len_chars().fill_null(0) > _LONGEST_NAME, heading.column, names.str.head(50), "the name is too long"
        )
        again = self.raw[_ROW].is_in(pl.Series(sorted(self.twice), dtype=pl.UInt32).implode())
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
        for text in series.unique().drop_nulls().sort().to_list():
            if not text.strip():
                continue
            written = text if heading.unit is None or not _is_number(text) else f"{text} {heading.unit}"
            try:
                observed = read_answer(finding, written)
            except AnswerError as error:
                wrong[text] = str(error)
                continue
            if observed is not None:
                read[text] = observed.value
        if wrong:
            mask = series.is_in(pl.Series(list(wrong), dtype=pl.String).implode()).fill_null(False)
            rows, values = self.raw[_ROW].filter(mask), series.filter(mask)
            self.refuse(
                rows, heading.column, values, values.replace_strict(list(wrong), list(wrong.values()), return_dtype=pl.String)
            )
        if not read:
            return pl.Series(heading.name, [None], dtype=dtype).new_from_index(0, len(series))
        return series.replace_strict(list(read), list(read.values()), default=None, return_dtype=dtype).alias(heading.name)

    def quantities(self, heading: Heading, finding: QuantityFinding, series: pl.Series) -> pl.Series:
        """Read numbers in bulk, and other texts ("3.1 mmol/l") one distinct text at a time."""
        if series.dtype == pl.Boolean:
            self.refuse_where(series.is_not_null(), heading.column, series, f"expected a number in {finding.unit}")
            return pl.Series(heading.name, [None], dtype=pl.Float64).new_from_index(0, len(series))
        if series.dtype in (pl.String, pl.Categorical, pl.Enum):
            stripped = series.cast(pl.String).str.strip_chars()
            plain = (stripped.str.contains(_PLAIN) & (stripped.str.len_chars() <= _LONGEST_PLAIN)).fill_null(False)
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
        return values.alias(heading.name)

    def converted(self, values: pl.Series, heading: Heading, finding: QuantityFinding) -> pl.Series:
        if heading.unit is not None and heading.unit != finding.unit:
            convert = converter(finding, heading.unit)
            at_zero, at_one = float(convert(Decimal(0))), float(convert(Decimal(1)))
            values = values * (at_one - at_zero) + at_zero
        return values.round_sig_figs(_SIGNIFICANT_DIGITS)

    # Medicines

    def lists(self, heading: Heading, derive: Callable[[list[str]], Derived]) -> None:
        """Read lists of medicines: each distinct list once, and each distinct medicine text once in its dictionary."""
        series = self.raw[heading.column]
        if isinstance(series.dtype, pl.List):
            keys = series.cast(pl.List(pl.String)).list.join(_BETWEEN, ignore_nulls=True)
        elif series.dtype in (pl.String, pl.Categorical):
            keys = series.cast(pl.String).str.strip_chars().replace("", None)
        else:
            self.refuse_where(series.is_not_null(), heading.column, series, "expected a list of medicines")
            return
        names = tuple(self.dictionary.current_findings if heading.name == MEDICINES else self.dictionary.stopped_findings)
        derived: dict[str, list[bool | None]] = {}
        for key in keys.unique().drop_nulls().sort().to_list():
            try:
                decided = derive(_split(key if series.dtype == pl.String else key.split(_BETWEEN)))
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

    # What an answer requires

    def requirements(self) -> None:
        """Let a value imply what it requires, and refuse the row where that is denied."""
        findings = self.vocabulary.findings
        for name in sorted(self.columns, key=lambda name: -_depth(name, findings)):
            needed = findings[name].requires
            if needed is None:
                continue
            series = self.columns[name]
            holds = series.is_not_null() if series.dtype != pl.Boolean else series.fill_null(False)
            parent = self.columns.get(needed)
            if parent is None:
                parent = pl.Series(needed, [None], dtype=pl.Boolean).new_from_index(0, len(series))
            denied = (holds & (parent == False)).fill_null(False)  # noqa: E712 - three-valued
            self.refuse_where(denied, name, series, f"{needed} is no, but {name} is told")
            self.columns[needed] = parent.zip_with(
                ~holds | parent.is_not_null(), pl.Series([True]).new_from_index(0, len(series))
            )


def read_stop(text: str) -> Stopped:
    """Read a stopped medicine as a table has it: "NAME, 3 days ago, after 26 weeks". Raises ValueError."""
    days = re.search(r",\s*(\d+(?:\.\d+)?)\s*days? ago\b", text)
    weeks = re.search(r",\s*after\s+(\d+(?:\.\d+)?)\s*weeks?\b", text)
    name = text
    for found in (days, weeks):
        name = name.replace(found[0], "") if found else name
    if not name.strip(" ,"):
        raise ValueError(f"{quoted(text)} names no medicine")
    return Stopped(name.strip(" ,"), float(days[1]) if days else None, float(weeks[1]) if weeks else None)


def polars_type(finding: Finding) -> Any:
    """Give the type of a column that holds a finding's values."""
    if isinstance(finding, QuantityFinding):
        return pl.Float64
    return pl.Boolean if isinstance(finding, YesNoFinding) else pl.String


def _depth(name: str, findings: Mapping[str, Finding]) -> int:
    needed = findings[name].requires
    return 0 if needed is None else 1 + _depth(needed, findings)


def _is_number(text: str) -> bool:
    return re.match(_PLAIN, text.strip()) is not None


def _plain(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def _mend(path: Path) -> str:
    return (
        "check that it is whole; each row needs as many cells as the header"
        if path.suffix == ".csv"
        else "check that it is whole"
    )


def case_of_row(table: Table, row: int, vocabulary: Vocabulary, dictionary: MedicineDictionary) -> Case | Refusal:
    """Read one row (from 1) as the reader of case files reads a case, with what was written kept for its report."""
    cells = table.scan().slice(row - 1, 1).collect().row(0, named=True)
    value: dict[str, Any] = {"findings": {}}
    for heading in table.headings:
        cell = cells[heading.column]
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        if heading.name == MEDICINES:
            value[MEDICINES] = _split(cell)
        elif heading.name == STOPPED:
            value[STOPPED] = [_stopped_entry(text) for text in _split(cell)]
        elif heading.name in vocabulary.findings:
            plain = not isinstance(cell, bool) and heading.unit is not None and _is_number(str(cell))
            value["findings"][heading.name] = f"{cell} {heading.unit}" if plain else cell
        elif heading.name in (CASE, NOTE):
            value[heading.name] = str(cell).strip()
    place = Place(str(table.path), row)
    return read_case(Entry(value, lambda path, of_key: place, ()), vocabulary, dictionary, {})


def _split(cell: Any) -> list[str]:
    if isinstance(cell, str):
        return [] if cell.strip().casefold() == NONE else [text.strip() for text in cell.split(";") if text.strip()]
    return [str(text).strip() for text in cell if text is not None and str(text).strip()]


def _stopped_entry(text: str) -> dict[str, str]:
    stop = read_stop(text)
    times = {"days_ago": stop.days_ago, "after_weeks": stop.after_weeks}
    return {"name": stop.name, **{key: str(time) for key, time in times.items() if time is not None}}
