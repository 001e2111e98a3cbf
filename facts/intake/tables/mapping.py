"""How somebody else's table is to be read: which column is which finding, what its cells mean, what does not belong to us.

A mapping file (YAML) says it once, and the options of `charley evaluate` say the simple parts of it. Nothing of it is guessed:
a 0 may be "no" or a box that nobody ticked, and only who made the table knows.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from facts.declaring.yaml_reading import Document, read_document
from facts.measuring.unit_systems import UnitSystem, read_system
from facts.problems import CharleyError, Place, Problem, did_you_mean, quoted

YES, NO, UNKNOWN = "yes", "no", "unknown"
_LARGEST = 1024 * 1024
_KEYS = ("units", "decimal", YES, NO, UNKNOWN, "ignore", "columns")
_COLUMN_KEYS = ("finding", "unit", YES, NO, UNKNOWN, "values")
PLAIN_NUMBER = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)")


@dataclass(frozen=True, slots=True)
class ColumnMapping:
    """What one column is: its finding (or a key, like `case`), the unit of its numbers, and what some of its cells mean."""

    finding: str | None = None
    unit: str | None = None
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class TableMapping:
    """How a table is read. `values` holds for every yes/no column; without a declaration, all is read as it is written."""

    columns: Mapping[str, ColumnMapping]
    values: Mapping[str, str]
    ignored: tuple[str, ...] = ()
    system: UnitSystem | None = None
    decimal_comma: bool | None = None

    def plain(self) -> dict[str, Any]:
        """Return the mapping as plain data, which `of_plain` reads again."""
        return asdict(self)


AS_WRITTEN = TableMapping({}, {})


def of_plain(written: Mapping[str, Any]) -> TableMapping:
    """Make a mapping of what `plain` gave."""
    columns = {name: ColumnMapping(**column) for name, column in written["columns"].items()}
    return TableMapping(**{**written, "columns": columns, "ignored": tuple(written["ignored"])})


def same_value(cell: str) -> str:
    """Return a cell as it is compared with a declared value: 1, "1.0" and " 1 " are the same, and so are Yes and yes."""
    text = cell.strip()
    if PLAIN_NUMBER.fullmatch(text):
        number = Decimal(text)
        return f"{number.normalize():f}" if number else "0"
    return text.casefold()


def declare_values(yes: Iterable[str] = (), no: Iterable[str] = (), unknown: Iterable[str] = ()) -> dict[str, str]:
    """Gather what counts as yes, no and unknown. Raises ValueError where one value counts as two."""
    values: dict[str, str] = {}
    for answer, cells in ((YES, yes), (NO, no), (UNKNOWN, unknown)):
        for cell in cells:
            if values.setdefault(same_value(cell), answer) != answer:
                raise ValueError(f"{quoted(cell)} is declared both {values[same_value(cell)]} and {answer}; keep one")
    return values


def read_mapping(path: Path) -> TableMapping:
    """Read a mapping file. Raises CharleyError with everything that is wrong in it."""
    try:
        with path.open("rb") as stream:
            text = stream.read(_LARGEST + 1)
        document = read_document(text.decode("utf-8-sig"), str(path), typed=False)
    except OSError as error:
        reason = error.strerror or "it is not there"
        raise CharleyError([Problem(Place(str(path)), f"cannot be read: {reason}", "check the path")]) from None
    except UnicodeDecodeError:
        raise CharleyError([Problem(Place(str(path)), "this is not UTF-8 text", "save the file as UTF-8")]) from None
    return _MappingReader(document).mapping()


class _MappingReader:
    """A mapping file on its way to a mapping; gathers every problem."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems = [problem for _, problem in document.problems]

    def refuse(self, path: tuple[str | int, ...], message: str, fix: str, *, of_key: bool = False) -> None:
        self.problems.append(Problem(self.document.place(path, of_key=of_key), message, fix))

    def mapping(self) -> TableMapping:
        written = self.document.value
        if not isinstance(written, dict):
            self.refuse((), f"found {quoted(written)}, expected a mapping", f"write {', '.join(_KEYS)}")
            raise CharleyError(self.problems)
        self.keys((), written, _KEYS)
        system: UnitSystem | None = None
        try:
            system = read_system(written.get("units"))
        except ValueError as error:
            self.refuse(("units",), str(error), "")
        decimal = written.get("decimal")
        if decimal not in (None, "comma", "point"):
            self.refuse(("decimal",), f"decimal: found {quoted(decimal)}, expected comma or point", "write one of them")
        columns = written.get("columns") or {}
        if not isinstance(columns, dict):
            self.refuse(("columns",), f"columns: found {quoted(columns)}, expected column: finding", "name each column")
            columns = {}
        mapped = {name: self.column(name, column) for name, column in columns.items()}
        values = self.values((), written)
        ignored = tuple(self.texts(("ignore",), written.get("ignore")))
        if self.problems:
            raise CharleyError(sorted(self.problems))
        return TableMapping(mapped, values, ignored, system, None if decimal is None else decimal == "comma")

    def column(self, name: str, written: Any) -> ColumnMapping:
        path = ("columns", name)
        if isinstance(written, str):
            return ColumnMapping(written)
        if not isinstance(written, dict):
            self.refuse(
                path, f"{quoted(name)}: found {quoted(written)}, expected a finding", f"write {', '.join(_COLUMN_KEYS)}"
            )
            return ColumnMapping()
        self.keys(path, written, _COLUMN_KEYS)
        for key in ("finding", "unit"):
            if written.get(key) is not None and not isinstance(written[key], str):
                self.refuse((*path, key), f"{key}: found {quoted(written[key])}, expected a text", "write one")
        values = self.values(path, written)
        more = written.get("values") or {}
        if not isinstance(more, dict) or not all(isinstance(answer, str) for answer in more.values()):
            self.refuse((*path, "values"), f"values: found {quoted(more)}, expected cell: answer", "write 1: female, 2: male")
        else:
            values |= {same_value(cell): answer for cell, answer in more.items()}
        return ColumnMapping(written.get("finding"), written.get("unit"), values or None)

    def values(self, path: tuple[str | int, ...], written: Mapping[str, Any]) -> dict[str, str]:
        try:
            return declare_values(*(self.texts((*path, key), written.get(key)) for key in (YES, NO, UNKNOWN)))
        except ValueError as error:
            self.refuse(path, str(error), "")
            return {}

    def texts(self, path: tuple[str | int, ...], written: Any) -> list[str]:
        listed = written if isinstance(written, list) else [] if written is None else [written]
        if all(isinstance(text, str) for text in listed):
            return listed
        self.refuse(path, f"{path[-1]}: found {quoted(written)}, expected texts", "write a list, like [1, Checked]")
        return []

    def keys(self, path: tuple[str | int, ...], found: Mapping[str, Any], known: Iterable[str]) -> None:
        for key in found:
            if key not in known:
                fix = did_you_mean(key, known) or f"use {', '.join(known)}"
                self.refuse((*path, key), f"{quoted(key)} is not a key here", fix, of_key=True)
