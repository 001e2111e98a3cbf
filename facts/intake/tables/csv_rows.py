"""A CSV taken apart into its rows by its bytes, line ends and quotes, so that no row can be lost inside another one.

A parser that meets a stray quote takes everything up to the next quote for one cell, and hides the rows between. So rows are
cut here first: a line is a row, unless a cell of it begins with a quote that a later line closes where a cell may end. A quote
that does not close so belongs to its line alone, and that row is refused; the next line is a row again. Every line that is not
blank belongs to exactly one row, which is checked.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from facts.problems import CharleyError, Place, Problem

_BLOCK = 4 * 1024 * 1024
_LONGEST_CELL_LINES, _LONGEST_CELL = 100, 32 * 1024
"""How many lines, and bytes, a quoted cell may go on for; more than a clinical note, and far less than a file."""
_SEPARATORS = (b",", b";", b"\t", b"|")
_BLANKS = (b"\n", b"\r", b" ", b"\t", b"\f", b"\v")
"""How a line may begin that is blank, or is not plain at any rate."""
_BOM = b"\xef\xbb\xbf"

OPEN_QUOTE = 'a quote (") opens a cell and does not close at the end of one; remove it, or write it twice ("") inside quotes'
BETWEEN_QUOTES = 'the row stands between two stray quotes ("); remove them, or write each twice ("") inside quotes'
CARRIAGE_RETURN = "the row holds a line end of another kind (CR); save the table with one kind of line ends"
NOT_TEXT = "the cell is not UTF-8 text; save the table as UTF-8"


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its bytes without the line end, how many lines it takes, and why it cannot be read ("" when it can)."""

    content: bytes
    lines: int = 1
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file: which, from 0, and where they stand."""

    first: int
    rows: int
    begin: int
    end: int
    plain: bool
    """Whether each of its lines is a row: there is no quote in it, no line end of another kind and no blank line."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How a CSV is cut: what separates its cells, its header, and its rows by blocks."""

    separator: str
    header: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def rows(self) -> int:
        """Return how many rows there are under the header."""
        return sum(block.rows for block in self.blocks)


def find_layout(path: Path) -> Layout:
    """Cut a CSV into rows without reading their cells. Raises CharleyError when there is no row in it, and OSError."""
    with path.open("rb") as stream:
        first = stream.readline(_BLOCK)
        header = first.removeprefix(_BOM).rstrip(b"\r\n")
        _require_text(path, first)
        separator = max(_SEPARATORS, key=lambda sign: (_unquoted(header).count(sign), -_SEPARATORS.index(sign)))
        if not _grammar(separator).row.fullmatch(header):
            raise CharleyError([Problem(Place(str(path), 1), f"in the header, {OPEN_QUOTE}", "")])
        try:
            cells = split_cells(Row(header), separator.decode())
        except UnicodeDecodeError:
            raise CharleyError([Problem(Place(str(path)), "its header is not UTF-8 text", "save the table as UTF-8")]) from None
        blocks: list[Block] = []
        begin, rows, rest = len(first), 0, b""
        while True:
            read = stream.read(_BLOCK)
            data = rest + read
            whole = data if not read else data[: data.rfind(b"\n") + 1]
            if whole and _is_plain(whole):
                found, used, plain = whole.count(b"\n") + (not whole.endswith(b"\n")), len(whole), True
            else:
                taken, used = cut(data, separator, len(cells), last=not read)
                found, plain = len(taken), False
            if found:
                blocks.append(Block(rows, found, begin, begin + used, plain))
            rows += found
            begin, rest = begin + used, data[used:]
            if not read:
                break
    if not rows:
        raise CharleyError([Problem(Place(str(path)), "there is a header and no row under it", "write a row for each case")])
    return Layout(separator.decode(), tuple(cells), tuple(blocks))


def blocks_of(path: Path, layout: Layout, first: int, count: int) -> Iterator[tuple[Block, bytes]]:
    """Return the blocks that hold some rows, from `first` (from 0) on, with what is written in them. Raises OSError."""
    with path.open("rb") as stream:
        for block in layout.blocks:
            if block.first < first + count and block.first + block.rows > first:
                stream.seek(block.begin)
                yield block, stream.read(block.end - block.begin)


def read_rows(path: Path, layout: Layout, first: int, count: int) -> Iterator[Row]:
    """Return some rows of a CSV, from `first` (from 0) on. Raises OSError."""
    for block, data in blocks_of(path, layout, first, count):
        found, _ = cut(data, layout.separator.encode(), len(layout.header), last=True)
        yield from found[max(0, first - block.first) : first + count - block.first]


def _is_plain(data: bytes) -> bool:
    if b'"' in data or data.count(b"\r") != data.count(b"\r\n"):
        return False
    return not data.startswith(_BLANKS) and not any(b"\n" + blank in data for blank in _BLANKS)


def cut(data: bytes, separator: bytes, cells: int, *, last: bool) -> tuple[list[Row], int]:
    """Cut bytes into rows of so many cells; tells how many bytes they take. What may go on in the next bytes is left there."""
    lines = data.split(b"\n")
    # After the last line end stands nothing, or a row that is not whole yet.
    left = b"" if last else lines.pop()
    rows: list[Row] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        if b'"' not in line:
            content = line.removesuffix(b"\r")
            if content.strip():
                rows.append(Row(content, 1, CARRIAGE_RETURN if b"\r" in content else ""))
            at += 1
            continue
        taken = _quoted(lines[at : at + _LONGEST_CELL_LINES], separator, cells, last=last)
        if taken is None:
            left = b"\n".join([*lines[at:], left])
            break
        rows.extend(taken)
        at += sum(row.lines for row in taken)
    used = len(data) - len(left)
    written, taken_up = _not_blank(lines[:at]), sum(_not_blank(row.content.split(b"\n")) for row in rows)
    if written != taken_up:
        raise AssertionError(f"{written} lines are written, but the rows take up {taken_up}")
    return rows, used


def _not_blank(lines: list[bytes]) -> int:
    return sum(1 for line in lines if line.strip())


def _quoted(lines: list[bytes], separator: bytes, cells: int, *, last: bool) -> list[Row] | None:
    """Return the row that begins with the first of these lines, which has quotes; None where more lines are needed to tell."""
    grammar, text = _grammar(separator), b""
    for count, line in enumerate(lines, 1):
        text = line if count == 1 else text + b"\n" + line
        if len(text) > _LONGEST_CELL and count > 1:
            break
        if count > 1 and b'"' not in line:
            continue
        content = text.removesuffix(b"\r")
        if grammar.row.fullmatch(content):
            if count == 1:
                return [Row(content, 1, CARRIAGE_RETURN if b"\r" in content else "")]
            if len(grammar.cell.findall(content)) != cells:
                break
            rows_alike = sum(part.count(separator) >= cells - 1 for part in lines[:count])
            if rows_alike * 2 > count:
                return [Row(part.removesuffix(b"\r"), 1, BETWEEN_QUOTES) for part in lines[:count] if part.strip()]
            return [Row(content, count)]
        if not grammar.open.fullmatch(content):
            break
    else:
        if not last and len(lines) < _LONGEST_CELL_LINES:
            return None
    return [Row(lines[0].removesuffix(b"\r"), 1, OPEN_QUOTE)]


def split_cells(row: Row, separator: str) -> list[str]:
    """Return the cells of a row that has no fault, each without its quotes. Raises UnicodeDecodeError."""
    text = row.content.decode("utf-8")
    if '"' not in text:
        return text.split(separator)
    cells = [cell.decode() for cell in _grammar(separator.encode()).cell.findall(row.content)]
    return [
        stripped[1:-1].replace('""', '"') if len(stripped := cell.rstrip(" ")) > 1 and stripped[0] == '"' else cell
        for cell in cells
    ]


@dataclass(frozen=True, slots=True)
class _Grammar:
    row: re.Pattern[bytes]
    open: re.Pattern[bytes]
    cell: re.Pattern[bytes]


@lru_cache(maxsize=8)
def _grammar(separator: bytes) -> _Grammar:
    sign = re.escape(separator)
    # A quote counts only where a cell begins; inside a plain cell it is a sign like any other ("5" scar").
    cell = rb'(?:"(?:[^"]|"")*+" *|(?!")[^' + sign + rb"\n]*+)"
    return _Grammar(
        re.compile(cell + rb"(?:" + sign + cell + rb")*+"),
        re.compile(rb"(?:" + cell + sign + rb')*+"(?:[^"]|"")*+'),
        re.compile(rb"(?:^|(?<=" + sign + rb"))" + cell + rb"(?=" + sign + rb"|\Z)"),
    )


def _unquoted(header: bytes) -> bytes:
    return re.sub(rb'"(?:[^"]|"")*"', b"", header)


def _require_text(path: Path, first: bytes) -> None:
    place = Place(str(path))
    if not first.removeprefix(_BOM).strip():
        raise CharleyError([Problem(place, "the file is empty", "write a header and a row for each case")])
    if b"\0" in first:
        raise CharleyError([Problem(place, "it is not UTF-8 text", "save the table as UTF-8")])
    if b"\r" in first.removesuffix(b"\n").removesuffix(b"\r"):
        message = "its lines end with CR alone, as on old systems, so that it reads as one line"
        raise CharleyError([Problem(place, message, "save it with LF or CRLF line ends")])
    if len(first) >= _BLOCK:
        raise CharleyError([Problem(place, "its first line never ends", "write a header and a row for each case")])
