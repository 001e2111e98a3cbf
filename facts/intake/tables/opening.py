"""Tables of cases (CSV, Parquet, NDJSON) and their columns: a row is a case, a column a finding, `medicines` a list.

The same answers are read as in a case file, by the same reader: each distinct text once, and plain numbers in bulk. A unit
stands in the column's name: `serum_magnesium [mg/dL]`. What cannot be read is refused by its row, column and value, and
the other rows go on; a column that nobody knows refuses the table, because nobody can tell what it would have said.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from facts.answers import AnswerError
from facts.intake.tables.csv_rows import Layout, find_layout
from facts.intake.tables.mapping import AS_WRITTEN, ColumnMapping, TableMapping, same_value
from facts.intake.tables.ndjson_rows import Lines, find_lines
from facts.measuring.measurements import RELATIONS
from facts.measuring.unit_systems import is_bare, write_with_unit
from facts.measuring.units import match_unit
from facts.problems import CharleyError, Place, Problem, did_you_mean, quoted
from facts.vocabulary import Finding, QuantityFinding, Vocabulary, YesNoFinding

CASE, MEDICINES, STOPPED, NOTE = "case", "medicines", "stopped_medicines", "note"
EXPECTED = ("expected_urgency", "expected_causes")
ENDINGS = (".csv", ".tsv", ".parquet", ".ndjson", ".jsonl")
_HEADER = re.compile(r"^\s*([^\[\]]+?)\s*(?:\[\s*([^\[\]]+?)\s*\])?\s*$")
LONGEST_NAME = 200
ROW = "row"
FRAME = "(frame)"
"""What messages call a table that has no file."""

TEXTS = (pl.String, pl.Categorical, pl.Enum)
REFUSED = {"file": pl.String, "row": pl.Int64, "case": pl.String, "column": pl.String, "value": pl.String, "reason": pl.String}


@dataclass(frozen=True, slots=True)
class Heading:
    """A column: what it is called in the file, the finding it holds (or a key like `case`), and how its cells are read.

    `unit` is that of its numbers, where the table says it; `values` are cells that stand for an answer.
    """

    column: str
    name: str
    unit: str | None = None
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """A file of rows, its columns understood. `rows` is how many it has; `cut` is how a text file is cut into them."""

    path: Path
    headings: tuple[Heading, ...]
    rows: int
    mapping: TableMapping = AS_WRITTEN
    cut: Layout | Lines | None = None

    def heading(self, name: str) -> Heading:
        """Return the column of a finding or key that the table has."""
        return next(heading for heading in self.headings if heading.name == name)

    @property
    def decimal_comma(self) -> bool:
        """Return whether its numbers have decimal commas: as it is declared, else where semicolons separate the cells."""
        if self.mapping.decimal_comma is not None:
            return self.mapping.decimal_comma
        return isinstance(self.cut, Layout) and self.cut.separator == ";"


def open_table(path: Path, vocabulary: Vocabulary, mapping: TableMapping = AS_WRITTEN) -> Table:
    """Read a table's columns and count its rows. Raises CharleyError with every problem of the header, or of the file."""
    cut: Layout | Lines | None = None
    schema: Mapping[str, Any] = {}
    try:
        if path.suffix.lower() == ".parquet":
            schema = pl.scan_parquet(path).collect_schema()
            names, rows = list(schema), int(pl.scan_parquet(path).select(pl.len()).collect().item())
        elif path.suffix.lower() in (".csv", ".tsv"):
            cut = find_layout(path)
            names, rows = list(cut.header), cut.rows
        else:
            cut = find_lines(path)
            names, rows = list(cut.keys), cut.rows
    except (pl.exceptions.PolarsError, OSError) as error:
        raise CharleyError(
            [Problem(Place(str(path)), f"cannot be read as {path.suffix[1:]}: {plain_reason(error)}", "check that it is whole")]
        ) from None
    if not rows:
        _headings(path, names, vocabulary, mapping)
        raise CharleyError([Problem(Place(str(path)), "there is no row in it", "write a row for each case")])
    return Table(path, _checked_headings(path, names, schema, vocabulary, mapping), rows, mapping, cut)


def open_frame(frame: pl.DataFrame, vocabulary: Vocabulary, mapping: TableMapping = AS_WRITTEN) -> Table:
    """Read the columns of a frame in memory as those of a file. Raises CharleyError with every problem of them."""
    path = Path(FRAME)
    headings = _checked_headings(path, frame.columns, frame.schema, vocabulary, mapping)
    return Table(path, headings, frame.height, mapping)


def _checked_headings(
    path: Path, names: list[str], schema: Mapping[str, Any], vocabulary: Vocabulary, mapping: TableMapping
) -> tuple[Heading, ...]:
    headings = _headings(path, names, vocabulary, mapping)
    keys = {heading.name: heading for heading in headings if heading.name in (CASE, NOTE, *EXPECTED)}
    problems = [
        Problem(Place(str(path)), f"the column {quoted(heading.column)} holds {dtype}, expected text", "write it as text")
        for name, heading in keys.items()
        if (dtype := schema.get(heading.column)) is not None and not _fits_key(name, dtype)
    ]
    if problems:
        raise CharleyError(problems)
    return headings


def _fits_key(name: str, dtype: Any) -> bool:
    if name == EXPECTED[1] and dtype == pl.List(pl.String):
        return True
    return dtype in (*TEXTS, pl.Null) or dtype.is_integer()


def _headings(path: Path, names: list[str], vocabulary: Vocabulary, mapping: TableMapping) -> tuple[Heading, ...]:
    place = Place(str(path))
    problems: list[Problem] = []
    headings: list[Heading] = []
    taken: dict[str, str] = {}
    for unknown in sorted({*mapping.columns, *mapping.ignored} - set(names)):
        # One mapping may serve several tables, of which not all have every column; a misspelled one is told by its column.
        if did_you_mean(unknown, names):
            problems.append(Problem(place, f"the mapping names {quoted(unknown)}", did_you_mean(unknown, names)))
    for column in names:
        if column in mapping.ignored:
            continue
        heading = _heading(column, place, vocabulary, mapping, problems)
        if heading is None:
            continue
        if heading.name in taken:
            message = f"the columns {quoted(taken[heading.name])} and {quoted(column)} are both {heading.name}"
            problems.append(Problem(place, message, "keep one"))
        taken.setdefault(heading.name, column)
        headings.append(heading)
    if CASE not in taken and not problems:
        problems.append(Problem(place, "there is no column case", "name each row in a column called case, or map one to it"))
    if problems:
        raise CharleyError(problems)
    return tuple(headings)


def _heading(
    column: str, place: Place, vocabulary: Vocabulary, mapping: TableMapping, problems: list[Problem]
) -> Heading | None:
    told = mapping.columns.get(column, ColumnMapping())
    match = _HEADER.match(column) if told.finding is None else None
    name, unit = (match[1], match[2]) if match else (told.finding or column, None)
    unit = told.unit or unit
    keys = (CASE, MEDICINES, STOPPED, NOTE, *EXPECTED)
    if name in keys and unit is None:
        return Heading(column, name, values=told.values or {})
    finding = vocabulary.findings.get(name)
    if finding is None:
        near = did_you_mean(name, [*vocabulary.findings, *keys])
        fix = near or "map it or ignore it (--map, --ignore); `charley schema case` lists the findings"
        problems.append(Problem(place, f"the column {quoted(column)} is no finding", fix))
        return None
    values = told.values or (mapping.values if isinstance(finding, YesNoFinding) else {})
    if unit is None:
        return Heading(column, name, values=values)
    known = match_unit(unit, finding) if isinstance(finding, QuantityFinding) else None
    if known is None:
        takes = " or ".join((finding.unit, *finding.accepts)) if isinstance(finding, QuantityFinding) else "no unit"
        problems.append(Problem(place, f"the column {quoted(column)}: {name} takes {takes}", "correct the unit"))
        return None
    return Heading(column, name, known, values)


def as_written(table: Table, heading: Heading, cell: str) -> str:
    """Return a cell as a case file would have it: what it stands for, with a decimal point and the column's unit.

    Raises AnswerError where a number may have a sign between its thousands.
    """
    if heading.values:
        told = heading.values.get(same_value(cell))
        if told is not None:
            return told
    text = cell.strip()
    if table.decimal_comma and _AMOUNT.match(text):
        text = _NUMBER_IN_COMMAS.sub(lambda number: _with_point(number[0], heading, text), text)
    return write_with_unit(text, heading.unit) if heading.unit is not None and is_bare(text) else text


def _with_point(number: str, heading: Heading, text: str) -> str:
    if _THOUSANDS.match(number):
        message = f"found {quoted(text)}, which may be thousands or a decimal fraction"
        raise AnswerError(f"{heading.name}: {message}; write it without a sign between thousands")
    return number.replace(",", ".")


_AMOUNT = re.compile(rf"(?:between|{'|'.join(map(re.escape, RELATIONS))})?\s*[-+]?[0-9]", re.IGNORECASE)
_NUMBER_IN_COMMAS = re.compile(r"(?<![0-9.,])[-+]?[0-9]+(?:[.,][0-9]+)*(?![0-9.,])")
_THOUSANDS = re.compile(r"[-+]?[1-9][0-9]{0,2}(?:[.,][0-9]{3})+(?:[.,][0-9]+)?$")


def polars_type(finding: Finding) -> Any:
    """Return the type of a column that holds a finding's values."""
    if isinstance(finding, QuantityFinding):
        return pl.Float64
    return pl.Boolean if isinstance(finding, YesNoFinding) else pl.String


def plain_reason(error: Exception) -> str:
    """Return what a library says of a file, on one line."""
    return " ".join(str(error).split())[:200]
