"""Tables of cases (CSV, Parquet, NDJSON) read by the column: a row is a case, a column a finding, `medicines` a list.

The same answers are read as in a case file, by the same reader: each distinct text once, and plain numbers in bulk. A unit
stands in the column's name: `serum_magnesium [mg/dL]`. What cannot be read is refused by its row, column and value, and
the other rows go on; a column that nobody knows refuses the table, because nobody can tell what it would have said.
"""

import csv
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import polars as pl

from facts.medicines import Stopped
from facts.problems import CharleyError, Place, Problem, did_you_mean, quoted
from facts.units import match_unit
from facts.vocabulary import Finding, QuantityFinding, Vocabulary, YesNoFinding

CASE, MEDICINES, STOPPED, NOTE = "case", "medicines", "stopped_medicines", "note"
EXPECTED = ("expected_urgency", "expected_causes")
ENDINGS = (".csv", ".parquet", ".ndjson", ".jsonl")
_HEADER = re.compile(r"^\s*([^\[\]]+?)\s*(?:\[\s*([^\[\]]+?)\s*\])?\s*$")
PLAIN = r"^[-+]?(\d+\.?\d*|\.\d+)$"
LONGEST_PLAIN = 10
"""A text that is longer may need rounding, which the reader of answers knows how to do."""
SIGNIFICANT_DIGITS = 10
LONGEST_NAME = 200
ROW = "row"
TOO_MANY, AGAIN, BETWEEN = "\x1fmore", "\x1fagain", "\x1f"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: what it is called in the file, the finding it holds (or a key like `case`), and the unit of its numbers."""

    column: str
    name: str
    unit: str | None = None


@dataclass(frozen=True)
class Table:
    """A file of rows, its columns understood. `rows` is how many it has, `schema` what it was found to hold.

    The types of NDJSON come from reading all of it, so they are found once.
    """

    path: Path
    headings: tuple[Heading, ...]
    rows: int
    schema: pl.Schema

    def scan(self) -> pl.LazyFrame:
        """Return the file as it is; CSV cells are text."""
        return _scan(self.path, schema=self.schema)

    def collect(self, chosen: Callable[[pl.LazyFrame], pl.LazyFrame]) -> tuple[pl.DataFrame, bool]:
        """Read something of the file; and tell whether it had bytes that are no text, which then stand as U+FFFD."""
        try:
            return chosen(self.scan()).collect(), False
        except pl.exceptions.ComputeError:
            if self.path.suffix != ".csv":
                raise
            return chosen(_scan(self.path, "utf8-lossy")).collect(), True


REFUSED = {"file": pl.String, "row": pl.Int64, "case": pl.String, "column": pl.String, "value": pl.String, "reason": pl.String}


def _scan(path: Path, encoding: Literal["utf8", "utf8-lossy"] = "utf8", schema: pl.Schema | None = None) -> pl.LazyFrame:
    if path.suffix == ".parquet":
        return pl.scan_parquet(path)
    if path.suffix == ".csv":
        # The header is read here, so that a row with too many cells shows in a column of its own.
        texts = dict.fromkeys([*_csv_header(path), TOO_MANY], pl.String)
        return pl.scan_csv(
            path,
            has_header=False,
            skip_rows=1,
            schema=texts,
            truncate_ragged_lines=True,
            missing_columns="insert",
            encoding=encoding,
        )
    return pl.scan_ndjson(path, schema=schema, infer_schema_length=None)


def _csv_header(path: Path) -> list[str]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        cells = next(csv.reader(stream), [])
    # Two columns of one name must both be seen, to be refused.
    return [cell if cells.index(cell) == place else f"{cell}{AGAIN}{place}" for place, cell in enumerate(cells)]


def open_table(path: Path, vocabulary: Vocabulary) -> Table:
    """Read a table's columns and count its rows. Raises CharleyError with every problem of the header, or of the file."""
    try:
        schema = _scan(path).collect_schema()
        names = schema.names()
        rows = int(_scan(path, schema=schema).select(pl.len()).collect().item()) if names else 0
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError, csv.Error) as error:
        raise CharleyError(
            [Problem(Place(str(path)), f"cannot be read as {path.suffix[1:]}: {plain_reason(error)}", fix_for(path))]
        ) from None
    names = [name for name in names if name != TOO_MANY]
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
    return Table(path, tuple(headings), rows, schema)


def _heading(column: str, path: Path, vocabulary: Vocabulary, problems: list[Problem]) -> Heading | None:
    match = _HEADER.match(column.split(AGAIN, maxsplit=1)[0])
    name, unit = (match[1], match[2]) if match else (column, None)
    keys = (CASE, MEDICINES, STOPPED, NOTE, *EXPECTED)
    if name in keys and unit is None:
        return Heading(column, name)
    finding = vocabulary.findings.get(name)
    place = Place(str(path))
    if finding is None:
        fix = did_you_mean(name, [*vocabulary.findings, *keys]) or "`charley schema case` lists the findings"
        problems.append(Problem(place, f"the column {quoted(column)} is no finding", fix))
        return None
    if unit is None:
        return Heading(column, name)
    known = match_unit(unit, finding) if isinstance(finding, QuantityFinding) else None
    if known is None:
        takes = " or ".join((finding.unit, *finding.accepts)) if isinstance(finding, QuantityFinding) else "no unit"
        problems.append(Problem(place, f"the column {quoted(column)}: {name} takes {takes}", "correct the unit"))
        return None
    return Heading(column, name, known)


def rows_named_twice(table: Table) -> frozenset[int]:
    """Return the rows (from 1) whose case name an earlier row has already."""
    column = next(heading.column for heading in table.headings if heading.name == CASE)
    again = pl.col(column).is_not_null() & ~pl.col(column).is_first_distinct()
    try:
        rows, _ = table.collect(
            lambda lazy: lazy.select(pl.col(column).cast(pl.String)).with_row_index(ROW, offset=1).filter(again).select(ROW)
        )
    except (pl.exceptions.PolarsError, OSError):
        # The file is broken somewhere; its parts are refused when they are read.
        return frozenset()
    return frozenset(rows[ROW].to_list())


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
    """Return the type of a column that holds a finding's values."""
    if isinstance(finding, QuantityFinding):
        return pl.Float64
    return pl.Boolean if isinstance(finding, YesNoFinding) else pl.String


def plain_reason(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def fix_for(path: Path) -> str:
    return (
        "check that it is whole; each row needs as many cells as the header"
        if path.suffix == ".csv"
        else "check that it is whole"
    )


def split_list(cell: Any) -> list[str]:
    if isinstance(cell, str):
        return [] if cell.strip().casefold() == NONE else [text.strip() for text in cell.split(";") if text.strip()]
    return [str(text).strip() for text in cell if text is not None and str(text).strip()]
