"""Frozen data as JSON and back, quickly: for a knowledge base that was built before.

Objects that are alike are packed as columns, one for each field, so that a whole column is unpacked by one call. What an
object refers to is packed before it, and equal things once. Only the classes that are listed can come out, and only from
what their fields are: nothing in a file names any code.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import Field, fields
from itertools import groupby
from types import MappingProxyType
from typing import Any, Literal, NamedTuple, TypeAlias, get_args

from facts import vocabulary
from facts.declaring.declared_quantities import Derivation, Reference, ReferenceInterval
from facts.declaring.declared_units import UnitOfSystem
from facts.medicines import Medicine, MedicineClass, MedicineDictionary
from facts.problems import Place
from knowledge_base import declarations, model
from knowledge_base.conditions import expression
from knowledge_base.grading import Grading
from knowledge_base.interview import Interview, Screen
from knowledge_base.invariants import Invariants
from knowledge_base.leaflet import Leaflet

_CLASSES: Mapping[str, type[Any]] = {
    kept.__name__: kept
    for kept in (
        *(Place, vocabulary.Code, vocabulary.YesNoFinding, vocabulary.QuantityFinding, vocabulary.ChoiceFinding),
        *(vocabulary.Vocabulary, UnitOfSystem, ReferenceInterval, Reference, Derivation),
        *(MedicineClass, Medicine, MedicineDictionary),
        *get_args(expression.Expression),
        *(model.Definition, model.Rule, model.Cause, model.WarningSign, model.NextStep, model.Topic, model.PlanShape),
        *(model.ContradictionRule, model.ComplaintShown, model.OrderAdvice, model.DecisionSupport, model.KnowledgeBase),
        *(declarations.Complaint, declarations.Level, declarations.Source, declarations.ServiceEntry),
        *(declarations.CertificateFile, declarations.CertificateCount, declarations.LeafletVerdict),
        *(Grading, Interview, Screen, Invariants, Leaflet),
    )
}
_Column: TypeAlias = Literal["plain", "scalars", "one", "many"]
"""What the cells of a column are: JSON as it is, tuples of that, the number of an object, or tuples of such numbers."""
_CONTAINERS = ("plain", "tuple", "list", "dict", "read-only dict", "frozenset")


class Unpackable(ValueError):
    """What cannot be packed, or is no pack; the text says why."""


def pack(thing: object) -> list[Any]:
    """Return an object as plain data for JSON. Raises Unpackable for what is not among the classes that are kept."""
    packing = _Packing()
    packing.survey(thing)
    packing.refer(thing)
    return packing.batches()


def unpack(packed: Sequence[Any]) -> Any:
    """Return the object that was packed. Raises Unpackable, or what broken data brings about where they are used."""
    pool: list[Any] = []
    for kind, columns in packed:
        read = [_read_column(how, cells, pool) for how, cells in columns]
        if kind in _CONTAINERS:
            pool.extend(_contain(kind, read))
        elif kind in _CLASSES:
            pool.extend(_make(_CLASSES[kind], read))
        else:
            raise Unpackable(f"{kind!r} is not kept")
    return pool[-1]


def kept_fields(cls: type[Any]) -> tuple["Field[Any]", ...]:
    """Return the fields of a class that are packed; what does not count when two are compared is made anew."""
    return tuple(one for one in fields(cls) if one.compare)


def _read_column(how: str, cells: list[Any], pool: list[Any]) -> Iterable[Any]:
    match how:
        case "plain":
            return cells
        case "scalars":
            return map(tuple, cells)
        case "one":
            return map(pool.__getitem__, cells)
        case "many":
            return [tuple([pool[number] for number in numbers]) for numbers in cells]
        case _:
            raise Unpackable(f"{how!r} is no kind of column")


def _contain(kind: str, columns: list[Iterable[Any]]) -> Iterable[Any]:
    """Return containers from their rows; of mappings the first column has the keys."""
    match kind:
        case "list":
            return map(list, columns[0])
        case "frozenset":
            return map(frozenset, columns[0])
        case "dict":
            return [dict(zip(*row, strict=True)) for row in zip(*columns, strict=True)]
        case "read-only dict":
            return [MappingProxyType(dict(zip(*row, strict=True))) for row in zip(*columns, strict=True)]
        case _:
            return columns[0]


def _make(cls: type[Any], columns: list[Iterable[Any]]) -> Iterable[Any]:
    if "__slots__" in cls.__dict__:
        return map(cls, *columns)
    names = [one.name for one in kept_fields(cls)]
    anew = [one.name for one in fields(cls) if one.name not in names]
    return [_made(cls, dict(zip(names, row, strict=True)), anew) for row in zip(*columns, strict=True)]


def _made(cls: type[Any], values: dict[str, Any], anew: Iterable[str]) -> Any:
    # Without the checks of the class, which passed before it was packed.
    made = object.__new__(cls)
    made.__dict__.update(values)
    for name in anew:
        made.__dict__[name] = cls.__dataclass_fields__[name].default_factory()
    return made


class _Entry(NamedTuple):
    depth: int
    kind: str
    cells: tuple[Any, ...]
    columns: tuple[_Column, ...]


class _Packing:
    """Objects on their way into batches: each is an entry, whose cells refer to entries of less depth."""

    def __init__(self) -> None:
        self.entries: list[_Entry] = []
        self.numbers: dict[str, int] = {}
        self.surveyed: dict[int, object] = {}
        self.seen: dict[tuple[str, str], set[_Column]] = {}

    def survey(self, thing: object) -> None:
        """Find out which columns every field needs: all cells of one are alike."""
        if isinstance(thing, str | int | float | None) or id(thing) in self.surveyed:
            return
        self.surveyed[id(thing)] = thing
        if isinstance(thing, Mapping):
            inner: Iterable[object] = thing.values()
        elif isinstance(thing, tuple | list | frozenset):
            inner = thing
        else:
            values = {one.name: getattr(thing, one.name) for one in kept_fields(_kept_class(thing))}
            inner = values.values()
            for name, value in values.items():
                self.seen.setdefault((type(thing).__name__, name), set()).add(_column(value))
        for part in inner:
            self.survey(part)

    def refer(self, thing: object) -> int:
        """Return the number of the entry for an object."""
        if _is_plain(thing):
            return self.enter("plain", ("plain",), (thing,))
        if isinstance(thing, Mapping):
            kind = "read-only dict" if isinstance(thing, MappingProxyType) else "dict"
            values = [self.refer(value) for value in thing.values()]
            return self.enter(kind, ("plain", "many"), (list(thing), values))
        if isinstance(thing, frozenset):
            return self.enter("frozenset", ("plain",), (sorted(thing),))
        if isinstance(thing, tuple | list):
            return self.enter(type(thing).__name__, ("many",), ([self.refer(part) for part in thing],))
        name = _kept_class(thing).__name__
        columns = []
        cells: list[Any] = []
        for one in kept_fields(type(thing)):
            value, column = getattr(thing, one.name), _widest(self.seen[name, one.name])
            columns.append(column)
            match column:
                case "plain":
                    cells.append(value)
                case "scalars":
                    cells.append(list(value))
                case "many":
                    cells.append([self.refer(part) for part in value])
                case "one":
                    cells.append(self.refer(value))
        return self.enter(name, tuple(columns), tuple(cells))

    def enter(self, kind: str, columns: tuple[_Column, ...], cells: tuple[Any, ...]) -> int:
        key = json.dumps([kind, cells])
        if key not in self.numbers:
            below = [self.entries[number].depth for number in _referred(columns, cells)]
            self.numbers[key] = len(self.entries)
            self.entries.append(_Entry(max(below, default=-1) + 1, kind, cells, columns))
        return self.numbers[key]

    def batches(self) -> list[Any]:
        """Return all entries, those of less depth first, as one batch for each depth and kind."""
        order = sorted(range(len(self.entries)), key=lambda number: (self.entries[number].depth, self.entries[number].kind))
        place = {number: new for new, number in enumerate(order)}
        batches = []
        for (_, kind), numbers in groupby(order, key=lambda number: self.entries[number][:2]):
            entries = [self.entries[number] for number in numbers]
            columns = []
            for position, how in enumerate(entries[0].columns):
                cells = [entry.cells[position] for entry in entries]
                if how == "one":
                    cells = [place[number] for number in cells]
                elif how == "many":
                    cells = [[place[number] for number in numbers] for numbers in cells]
                columns.append([how, cells])
            batches.append([kind, columns])
        return batches


def _kept_class(thing: object) -> type[Any]:
    cls = type(thing)
    if _CLASSES.get(cls.__name__) is not cls:
        raise Unpackable(f"{cls.__qualname__} is not kept")
    return cls


def _is_scalar(value: object) -> bool:
    return value is None or type(value) in (str, int, float, bool)


def _is_plain(value: object) -> bool:
    """Return whether JSON gives back the very same."""
    if type(value) is list:
        return all(map(_is_plain, value))
    if type(value) is dict:
        return all(type(key) is str for key in value) and all(map(_is_plain, value.values()))
    return _is_scalar(value)


def _column(value: object) -> _Column:
    if _is_plain(value):
        return "plain"
    if type(value) is tuple:
        return "scalars" if all(map(_is_scalar, value)) else "many"
    return "one"


def _widest(seen: Set[_Column]) -> _Column:
    """Return the column that can hold all that was seen."""
    if seen == {"scalars", "many"}:
        return "many"
    return next(iter(seen)) if len(seen) == 1 else "one"


def _referred(columns: Iterable[_Column], cells: Iterable[Any]) -> Iterator[int]:
    for how, cell in zip(columns, cells, strict=True):
        if how == "one":
            yield cell
        elif how == "many":
            yield from cell
