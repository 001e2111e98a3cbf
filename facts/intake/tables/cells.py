"""The rows of a table as they are written: text cells as text, typed ones with their types, and the rows that lack cells."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import polars as pl

from facts.intake.tables.csv_rows import NOT_TEXT, Layout, Row, blocks_of, cut, split_cells
from facts.intake.tables.ndjson_rows import Lines, read_objects
from facts.intake.tables.opening import CASE, EXPECTED, MEDICINES, REFUSED, ROW, STOPPED, Table, plain_reason
from facts.problems import CharleyError, Place, Problem

LIST = ""
"""The key under which a list of medicines stands in its JSON text, by which equal lists are told."""
_UNIT_SEPARATOR = "\x1f"
_ROWS_AT_ONCE = 1_000_000
_LISTS = (MEDICINES, STOPPED)


@dataclass(frozen=True)
class Rows:
    """Some rows of a table: the cells of those that have all of theirs, and refusals of the others."""

    cells: pl.DataFrame
    refused: pl.DataFrame


def read_cells(table: Table, first: int, count: int, names: Sequence[str] = ()) -> Rows:
    """Read some rows, from `first` (from 0) on, whole or only the columns of some names. Lists of medicines come as JSON text.

    Raises CharleyError when the file cannot be read, or does not have as many rows there as were counted.
    """
    expected = min(count, max(0, table.rows - first))
    try:
        if isinstance(table.cut, Layout):
            rows = _csv_cells(table, table.cut, first, expected, names)
        elif isinstance(table.cut, Lines):
            rows = _ndjson_cells(table, table.cut, first, expected, names)
        else:
            rows = _parquet_cells(table, first, expected, names)
    except (pl.exceptions.PolarsError, OSError) as error:
        where = f"rows {first + 1} to {first + expected}"
        problem = Problem(Place(str(table.path)), f"{where} cannot be read: {plain_reason(error)}", "check that it is whole")
        raise CharleyError([problem]) from None
    read = rows.cells.height + rows.refused.height
    if read != expected:
        message = f"{expected:,} rows were counted from row {first + 1:,} on, but {read:,} were read"
        raise CharleyError([Problem(Place(str(table.path)), message, "check that nothing writes to it, and start again")])
    return rows


def cells_of_frame(table: Table, frame: pl.DataFrame) -> Rows:
    """Take the cells of a frame in memory, whose columns the table has."""
    chosen = frame.select(heading.column for heading in table.headings)
    numbered = chosen.with_row_index(ROW, offset=1).with_columns(pl.col(ROW).cast(pl.Int64))
    return Rows(_with_lists(numbered, table), _refusals([]))


def rows_named_twice(table: Table) -> frozenset[int]:
    """Return the rows (from 1) whose case name an earlier row has already."""
    hashes = [cases[CASE].hash() for cases in _names(table)]
    # Where all hashes differ, all names do; that is what most files are like, and the names of millions need not be kept.
    if not hashes or pl.concat(hashes).n_unique() == sum(map(len, hashes)):
        return frozenset()
    return again_named(pl.concat(_names(table)))


def _names(table: Table) -> Iterator[pl.DataFrame]:
    """Read the rows and the names of the cases in them, so many at a time."""
    column = table.heading(CASE).column
    # Where the file is broken somewhere, its parts are refused when they are read.
    with suppress(CharleyError):
        for first in range(0, table.rows, _ROWS_AT_ONCE):
            cells = read_cells(table, first, _ROWS_AT_ONCE, (CASE,)).cells
            yield cells.select(pl.col(ROW).cast(pl.Int64), pl.col(column).cast(pl.String).str.strip_chars().alias(CASE))


def again_named(cases: pl.DataFrame) -> frozenset[int]:
    """Return the rows whose case name an earlier row has already."""
    # Where all hashes differ, all names do; to find that out takes an eighth of the time, and it is what most files are like.
    if cases[CASE].hash().n_unique() == cases.height:
        return frozenset()
    named = cases.filter(pl.col(CASE).fill_null("") != "")
    return frozenset(named.filter(~pl.col(CASE).is_first_distinct())[ROW].to_list())


# CSV


def _csv_cells(table: Table, layout: Layout, first: int, count: int, names: Sequence[str]) -> Rows:
    headings = [heading for heading in table.headings if not names or heading.name in names]
    # A line with too many cells shows only when all of them are read; without them, nothing is refused by this reading.
    wanted = [layout.header.index(heading.column) for heading in headings] if names else range(len(layout.header))
    frames: list[pl.DataFrame] = []
    refused: list[tuple[Any, ...]] = []
    for block, data in blocks_of(table.path, layout, first, count):
        skip = max(0, first - block.first)
        rows = min(block.rows, first + count - block.first) - skip
        frame = _plain_cells(data, layout, block.rows, wanted) if block.plain else None
        if frame is not None:
            frame = frame.slice(skip, rows).with_row_index(ROW, offset=block.first + skip + 1)
        else:
            found, _ = cut(data, layout.separator.encode(), len(layout.header), last=True)
            frame = _cells_of(table, layout, found[skip : skip + rows], block.first + skip + 1, refused)
        chosen = [pl.col(str(layout.header.index(heading.column))).alias(heading.column) for heading in headings]
        frames.append(frame.select(pl.col(ROW).cast(pl.Int64), *chosen))
    cells = pl.concat(frames)
    return Rows(cells if names else _with_lists(cells, table), _refusals(refused))


def _plain_cells(data: bytes, layout: Layout, rows: int, wanted: Sequence[int]) -> pl.DataFrame | None:
    """Read the cells of plain lines in bulk; None where some line has not as many as the header, or is no text."""
    width = len(layout.header)
    if data.count(layout.separator.encode()) != rows * (width - 1):
        return None
    try:
        frame = pl.read_csv(
            data.replace(b"\r\n", b"\n"),
            has_header=False,
            separator=layout.separator,
            quote_char=None,
            schema={str(place): pl.String for place in range(width)},
            columns=sorted(wanted),
        )
    except pl.exceptions.PolarsError:
        # A line with too many cells, or bytes that are no text: each line is looked at by itself.
        return None
    return frame if frame.height == rows else None


def _cells_of(table: Table, layout: Layout, rows: Sequence[Row], number: int, refused: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Read the cells of rows one by one, and note those that have not as many as the header."""
    separator, width = layout.separator, len(layout.header)
    case = layout.header.index(table.heading(CASE).column)
    numbers: list[int] = []
    lines: list[str] = []
    for place, row in enumerate(rows, number):
        line, fault = _one_line(row, separator, width)
        if fault:
            written = row.content.decode("utf-8", "replace")
            name = (written.split(separator)[case : case + 1] or [""])[0].strip(' "')
            refused.append((str(table.path), place, name or None, "", written[:200], fault))
        else:
            numbers.append(place)
            lines.append(line)
    cells = pl.Series(lines, dtype=pl.String).str.split_exact(_UNIT_SEPARATOR, width - 1).struct
    frame = cells.rename_fields([str(place) for place in range(width)]).struct.unnest()
    return frame.with_columns(pl.all().replace("", None)).insert_column(0, pl.Series(ROW, numbers, dtype=pl.Int64))


def _one_line(row: Row, separator: str, width: int) -> tuple[str, str]:
    """Return a row with its cells apart by a sign that no cell has; or why it is refused."""
    if row.fault:
        return "", row.fault
    try:
        text = row.content.decode("utf-8")
    except UnicodeDecodeError:
        return "", NOT_TEXT
    if _UNIT_SEPARATOR in text:
        return "", "the row holds a control character (0x1F); remove it"
    if '"' in text:
        cells = split_cells(row, separator)
        found, line = len(cells), _UNIT_SEPARATOR.join(cells)
    else:
        found, line = text.count(separator) + 1, text.replace(separator, _UNIT_SEPARATOR)
    if found > width:
        return "", f"the row has more cells than the header ({found} for {width}); quote a cell that holds a {separator!r}"
    if found < width:
        return "", f"the row has fewer cells than the header ({found} for {width}); it may be cut off: write them all"
    return line, ""


# NDJSON


def _ndjson_cells(table: Table, lines: Lines, first: int, count: int, names: Sequence[str]) -> Rows:
    headings = [heading for heading in table.headings if not names or heading.name in names]
    numbers: list[int] = []
    columns: dict[str, list[str | None]] = {heading.column: [] for heading in headings}
    refused: list[tuple[Any, ...]] = []
    case = table.heading(CASE).column
    # Most values are texts already, as they are written.
    as_they_are = {heading.column: heading.name not in _LISTS for heading in headings}
    named = {heading.column: heading.name for heading in headings}
    for number, value in enumerate(read_objects(table.path, lines, first, count), first + 1):
        if isinstance(value, Problem):
            refused.append((str(table.path), number, None, "", None, str(value)))
            continue
        cells = [
            cell if as_they_are[column] and type(cell) is str else _as_text(named[column], cell)
            for column, cell in zip(columns, map(value.get, columns), strict=True)
        ]
        nested = [column for column, cell in zip(columns, cells, strict=True) if isinstance(cell, list | dict)]
        if nested:
            name = value.get(case)
            shown = json.dumps(value[nested[0]], ensure_ascii=False)[:200]
            reason = (
                f"{nested[0]}: one answer was expected, found {'several' if value[nested[0]] else 'none'}; write it plainly"
            )
            refused.append((str(table.path), number, name if isinstance(name, str) else None, nested[0], shown, reason))
            continue
        numbers.append(number)
        for column, cell in zip(columns.values(), cells, strict=True):
            column.append(cell)
    frame = pl.DataFrame({ROW: numbers, **columns}, schema={ROW: pl.Int64, **dict.fromkeys(columns, pl.String)})
    return Rows(frame, _refusals(refused))


def _as_text(name: str, value: Any) -> Any:
    """Return a value as text, as a case file keeps it; what is nested stays, but for what may be a list."""
    if name in _LISTS:
        return None if value is None else json.dumps({LIST: value}, ensure_ascii=False)
    if name == EXPECTED[1] and isinstance(value, list) and all(isinstance(cause, str) for cause in value):
        return ";".join(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


# Parquet


def _parquet_cells(table: Table, first: int, count: int, names: Sequence[str]) -> Rows:
    chosen = [heading.column for heading in table.headings if not names or heading.name in names]
    lazy = pl.scan_parquet(table.path).select(chosen).slice(first, count)
    frame = lazy.with_row_index(ROW, offset=first + 1).with_columns(pl.col(ROW).cast(pl.Int64)).collect()
    return Rows(frame if names else _with_lists(frame, table), _refusals([]))


def _with_lists(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Write the lists of medicines as JSON text, whatever they are: text, lists, lists of structs."""
    for heading in table.headings:
        if heading.name in _LISTS:
            series = frame[heading.column]
            if series.dtype == pl.Categorical or isinstance(series.dtype, pl.Enum):
                series = series.cast(pl.String)
            # What JSON has no form for, bytes and days, becomes what no list may hold.
            written = [
                None
                if value is None
                else json.dumps({LIST: value}, ensure_ascii=False, default=lambda other: {"found": str(other)})
                for value in series.to_list()
            ]
            frame = frame.with_columns(pl.Series(heading.column, written, dtype=pl.String))
    return frame


def _refusals(rows: Sequence[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=REFUSED, orient="row")
