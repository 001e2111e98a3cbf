"""A table in NDJSON taken apart into its lines: one JSON object a row, and a line that is none refused by itself.

The decoder of case files reads the lines, so that a key that stands twice, a number and a nested value mean the same in both.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from facts.intake.entries import LARGEST_LINE, Entry, read_json_line
from facts.problems import CharleyError, Place, Problem, quoted

_BLOCK = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Block:
    """Some lines of a file: the number of the first row, from 0, of the first line, from 1, how many rows, and where."""

    first: int
    line: int
    rows: int
    begin: int
    end: int


@dataclass(frozen=True, slots=True)
class Lines:
    """How an NDJSON file is cut: its rows by blocks, and every key that some line has, in the order of appearance."""

    keys: tuple[str, ...]
    blocks: tuple[Block, ...]

    @property
    def rows(self) -> int:
        """Return how many lines hold something."""
        return sum(block.rows for block in self.blocks)


def find_lines(path: Path) -> Lines:
    """Count the lines of an NDJSON file and find its keys. Raises CharleyError when there is nothing in it, and OSError."""
    keys: dict[str, None] = {}
    blocks: list[Block] = []
    rows, line = 0, 1
    for begin, data in _blocks(path):
        lines = data.split(b"\n")
        written = [text for text in lines if text.strip()]
        for text in written:
            keys.update(dict.fromkeys(_keys(text)))
        if written:
            blocks.append(Block(rows, line, len(written), begin, begin + len(data)))
        rows, line = rows + len(written), line + data.count(b"\n")
    if not rows:
        raise CharleyError([Problem(Place(str(path)), "the file is empty", "write one case, as a JSON object, a line")])
    return Lines(tuple(keys), tuple(blocks))


def _blocks(path: Path) -> Iterator[tuple[int, bytes]]:
    """Return the file in blocks of whole lines, each with where it begins."""
    with path.open("rb") as stream:
        begin, rest = 0, b""
        while read := stream.read(_BLOCK):
            whole, end, rest_of_line = (rest + read).rpartition(b"\n")
            if end:
                yield begin, whole + end
                begin += len(whole) + 1
            rest = rest_of_line
        if rest:
            yield begin, rest


def _keys(text: bytes) -> Iterator[str]:
    try:
        value = json.loads(text) if len(text) <= LARGEST_LINE else None
    except (ValueError, RecursionError):
        # The line is refused when it is read.
        return
    if isinstance(value, dict):
        yield from value


def read_objects(path: Path, lines: Lines, first: int, count: int) -> Iterator[dict[str, Any] | Problem]:
    """Return some rows of an NDJSON file, from `first` (from 0) on: an object each, or why there is none. Raises OSError."""
    with path.open("rb") as stream:
        for block in lines.blocks:
            if block.first >= first + count or block.first + block.rows <= first:
                continue
            stream.seek(block.begin)
            row = block.first
            for number, text in enumerate(stream.read(block.end - block.begin).split(b"\n"), block.line):
                if text.strip():
                    if first <= row < first + count:
                        yield _object(text, str(path), number)
                    row += 1


def _object(text: bytes, shown: str, number: int) -> dict[str, Any] | Problem:
    if len(text) > LARGEST_LINE:
        return Problem(Place(shown, number), f"the line is longer than {LARGEST_LINE:,} bytes", "write one case a line")
    read = read_json_line(text, shown, number)
    if not isinstance(read, Entry):
        return read
    if read.problems:
        return read.problems[0]
    if not isinstance(read.value, dict):
        return Problem(Place(shown, number), f"found {quoted(read.value)}, expected a JSON object", "write one case a line")
    return dict(read.value)
