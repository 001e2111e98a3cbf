"""Rows of CSV and NDJSON files: none is lost inside another one, whatever quotes and line ends a file has."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from facts.intake.tables import csv_rows
from facts.intake.tables.csv_rows import (
    BETWEEN_QUOTES,
    CARRIAGE_RETURN,
    OPEN_QUOTE,
    Row,
    cut,
    find_layout,
    read_rows,
    split_cells,
)
from facts.intake.tables.ndjson_rows import find_lines, read_objects
from facts.problems import CharleyError, Problem

CUT = {
    "a quoted cell on two lines": (b'a,"one\ntwo",3\nb,c,4\n', [(b'a,"one\ntwo",3', ""), (b"b,c,4", "")]),
    "a quoted cell with blank lines": (b'a,"one\r\n\r\n\r\ntwo, too",3\n', [(b'a,"one\r\n\r\n\r\ntwo, too",3', "")]),
    "a sign for inches": (b'a,7" scar,3\nb,c,4\n', [(b'a,7" scar,3', ""), (b"b,c,4", "")]),
    "a quote that is never closed": (
        b'a,"scar,3\nb,c,4\nd,e,5\n',
        [(b'a,"scar,3', OPEN_QUOTE), (b"b,c,4", ""), (b"d,e,5", "")],
    ),
    "a quote that closes within the cell": (b'a,"7" scar,3\nb,c,4\n', [(b'a,"7" scar,3', OPEN_QUOTE), (b"b,c,4", "")]),
    "two stray quotes that look like one cell": (
        b'a,"scar,3\nb,c,4\nd,scar",5\ne,f,6\n',
        [(b'a,"scar,3', BETWEEN_QUOTES), (b"b,c,4", BETWEEN_QUOTES), (b'd,scar",5', BETWEEN_QUOTES), (b"e,f,6", "")],
    ),
    "a quote written twice": (b'a,"7"" scar",3\n', [(b'a,"7"" scar",3', "")]),
    "a lone CR": (b"a,b,3\rc,d,4\ne,f,5\n", [(b"a,b,3\rc,d,4", CARRIAGE_RETURN), (b"e,f,5", "")]),
    "blank lines": (b"\na,b,3\n\n  \nc,d,4", [(b"a,b,3", ""), (b"c,d,4", "")]),
}


@pytest.mark.parametrize("name", CUT)
def test_a_line_is_a_row_unless_a_cell_in_quotes_goes_on(name: str) -> None:
    data, wanted = CUT[name]
    rows, used = cut(data, b",", 3, last=True)
    assert [(row.content, row.fault) for row in rows] == wanted
    assert used == len(data)


CELL = st.text(st.sampled_from('ab1" ,;\n'), max_size=6).filter(lambda cell: not cell or cell.strip() == cell)


@given(table=st.lists(st.tuples(CELL, CELL, CELL, CELL, CELL), min_size=1, max_size=8), ends=st.sampled_from(["\n", "\r\n"]))
def test_what_is_quoted_as_it_should_be_reads_back_or_is_refused_with_all_its_lines(
    table: list[tuple[str, ...]], ends: str
) -> None:
    lines = [",".join(f'"{cell.replace(chr(34), chr(34) * 2)}"' for cell in cells) for cells in table]
    data = ends.join(lines).encode()
    rows, _ = cut(data, b",", 5, last=True)
    whole = [split_cells(row, ",") for row in rows if not row.fault]
    faulty = b"\n".join(row.content for row in rows if row.fault).decode()
    for cells, line in zip(table, lines, strict=True):
        assert [*cells] in whole or all(part.strip() in faulty for part in line.split("\n"))


@given(data=st.text(st.sampled_from('a1",\n\r'), max_size=60))
def test_every_line_belongs_to_exactly_one_row_whatever_is_written(data: str) -> None:
    rows, used = cut(data.encode(), b",", 3, last=True)
    assert used == len(data)
    assert sum(len([line for line in row.content.split(b"\n") if line.strip()]) for row in rows) == len(
        [line for line in data.split("\n") if line.strip()]
    )


@given(data=st.text(st.sampled_from('ab",\n'), min_size=1, max_size=200), block=st.integers(8, 40))
def test_the_blocks_in_which_a_file_is_read_do_not_matter(
    data: str, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("csv") / "table.csv"
    file.write_bytes(b"h,i,j\n" + data.encode() + b"\nlast,1,2\n")
    whole = find_layout(file)
    rows = list(read_rows(file, whole, 0, whole.rows))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_rows, "_BLOCK", block)
        layout = find_layout(file)
        assert list(read_rows(file, layout, 0, layout.rows)) == rows
        for first in range(layout.rows):
            assert list(read_rows(file, layout, first, 2)) == rows[first : first + 2]


REFUSED = {
    "nothing": (b"", "the file is empty"),
    "a header alone": (b"case,age\n", "no row under it"),
    "a header alone, and blank lines": (b"case,age\r\n\r\n \r\n", "no row under it"),
    "lines that end with CR alone": (b"case,age\ra,50\rb,60\r", "CR alone"),
    "UTF-16": ("case,age\na,50\n".encode("utf-16"), "not UTF-8"),
    "a quote in the header": (b'case,"age\na,50\n', "in the header"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_without_rows_is_refused(name: str, tmp_path: Path) -> None:
    content, told = REFUSED[name]
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(CharleyError, match=told):
        find_layout(tmp_path / "table.csv")


@pytest.mark.parametrize(("header", "separator"), [("case,age", ","), ("case;age", ";"), ("case\tage", "\t"), ("case", ",")])
def test_the_header_tells_what_separates_cells(header: str, separator: str, tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text(f"{header}\n1\n", encoding="utf-8-sig")
    layout = find_layout(tmp_path / "table.csv")
    assert (layout.separator, layout.header[0], layout.rows) == (separator, "case", 1)


def test_a_line_that_is_no_object_is_refused_by_itself(tmp_path: Path) -> None:
    lines = [
        '{"case": "a", "age": 1.50}',
        "",
        '{"case": "b", "age": 3, "age": 4}',
        "[1]",
        '{"case": "\\ud800"}',
        '{"case": "c", "ag',
    ]
    (tmp_path / "table.ndjson").write_text("\n".join(lines), encoding="utf-8")
    found = find_lines(tmp_path / "table.ndjson")
    assert (found.rows, found.keys) == (5, ("case", "age"))
    rows = list(read_objects(tmp_path / "table.ndjson", found, 0, 5))
    assert rows[0] == {"case": "a", "age": "1.50"}
    told = [row for row in rows[1:] if isinstance(row, Problem)]
    assert [problem.place.line for problem in told] == [3, 4, 5, 6]
    assert ["stands twice" in told[0].message, "expected a JSON object" in told[1].message] == [True, True]
    assert "not UTF-8" in told[2].message and "not JSON" in told[3].message
    assert list(read_objects(tmp_path / "table.ndjson", found, 3, 1)) == [told[2]]


def test_a_row_is_frozen_data() -> None:
    assert Row(b"a") == Row(b"a", 1, "") and json.dumps(split_cells(Row(b'a,"b ""c"""'), ",")) == '["a", "b \\"c\\""]'
