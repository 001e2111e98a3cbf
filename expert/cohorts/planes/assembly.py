"""Straight-line code on bit planes: what is to be computed is put together once, then run over any number of rows.

A plane has one bit for each row of a cohort, 64 in a machine word. Planes are named by numbers; an instruction makes one of
two others. What comes out the same way twice is computed once, and what is known beforehand (a finding that nobody has) is
not computed at all.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Plane: TypeAlias = int
Words: TypeAlias = NDArray[np.uint64]
Operation: TypeAlias = Literal["and", "or", "xor"]

NONE: Plane = 0
"""The plane in which no bit is set."""
ALL: Plane = 1
"""The plane in which every bit is set."""
BLOCK = 4_096
"""Words that are done at once: what is between the instructions then stays in the processor's cache."""
_UFUNC: Mapping[Operation, Callable[..., Any]] = {"and": np.bitwise_and, "or": np.bitwise_or, "xor": np.bitwise_xor}


class Assembly:
    """Planes and how each is made; the first two are `NONE` and `ALL`, the others inputs or results of instructions."""

    def __init__(self) -> None:
        self.inputs: list[Plane] = []
        self.made: dict[Plane, tuple[Operation, Plane, Plane]] = {}
        self._known: dict[tuple[Operation, Plane, Plane], Plane] = {}
        self._inverse: dict[Plane, Plane] = {NONE: ALL, ALL: NONE}
        self._next = 2

    def input(self) -> Plane:
        """Return a new plane that is given from outside."""
        plane = self._new()
        self.inputs.append(plane)
        return plane

    def both(self, first: Plane, second: Plane) -> Plane:
        """Return where both are set."""
        if first == second or second == ALL:
            return first
        if first == ALL:
            return second
        if NONE in (first, second) or self._inverse.get(first) == second:
            return NONE
        return self._make("and", first, second)

    def either(self, first: Plane, second: Plane) -> Plane:
        """Return where at least one is set."""
        if first == second or second == NONE:
            return first
        if first == NONE:
            return second
        if ALL in (first, second) or self._inverse.get(first) == second:
            return ALL
        return self._make("or", first, second)

    def differ(self, first: Plane, second: Plane) -> Plane:
        """Return where one is set and the other is not."""
        if first == second:
            return NONE
        if NONE in (first, second):
            return first + second
        if ALL in (first, second):
            return self.inverse(second if first == ALL else first)
        if self._inverse.get(first) == second:
            return ALL
        return self._make("xor", first, second)

    def inverse(self, plane: Plane) -> Plane:
        """Return where it is not set."""
        if plane not in self._inverse:
            other = self._make("xor", plane, ALL)
            self._inverse[plane], self._inverse[other] = other, plane
        return self._inverse[plane]

    def every(self, planes: Iterable[Plane]) -> Plane:
        """Return where all are set."""
        return reduce(self.both, planes, ALL)

    def any(self, planes: Iterable[Plane]) -> Plane:
        """Return where some are set."""
        return reduce(self.either, planes, NONE)

    def unless(self, plane: Plane, other: Plane) -> Plane:
        """Return where one is set and the other is not."""
        return self.both(plane, self.inverse(other))

    def _make(self, operation: Operation, first: Plane, second: Plane) -> Plane:
        key = (operation, min(first, second), max(first, second))
        if key not in self._known:
            plane = self._new()
            self._known[key], self.made[plane] = plane, key
        return self._known[key]

    def _new(self) -> Plane:
        self._next += 1
        return self._next - 1


Fill: TypeAlias = Callable[[Words, int, int], None]
"""Writes the inputs (rows) of a block, from a word of the cohort to another."""


@dataclass(frozen=True, slots=True)
class Code:
    """Instructions whose planes have places: constants first, then inputs, then what lies between, then what is wanted."""

    inputs: int
    between: int
    wanted: Mapping[Plane, int]
    instructions: tuple[tuple[Callable[..., Any], int, int, int], ...]

    @property
    def results(self) -> int:
        """How many rows the result has."""
        return 2 + len(set(self.wanted.values()) - {NONE, ALL})

    def run(self, fill: Fill, result: Words) -> None:
        """Compute what is wanted, block by block, into rows of `result`; its first two are the constants."""
        result[NONE], result[ALL] = 0, ~np.uint64(0)
        words = result.shape[1]
        scratch = np.empty((2 + self.inputs + self.between, min(BLOCK, words)), np.uint64)
        scratch[NONE], scratch[ALL] = 0, ~np.uint64(0)
        for start in range(0, words, BLOCK):
            end = min(start + BLOCK, words)
            own = scratch[:, : end - start]
            fill(own[2 : 2 + self.inputs], start, end)
            places = [*own, *result[2:, start:end]]
            for function, first, second, out in self.instructions:
                function(places[first], places[second], places[out])


def finish(assembly: Assembly, wanted: Iterable[Plane]) -> Code:
    """Give every plane that is needed for those `wanted` its place; a place between is used again when it is free.

    The rows of the result are in the order in which their planes are first `wanted`.
    """
    wanted = list(dict.fromkeys(wanted))
    order = _in_order_of_use(assembly, wanted)
    last_use = _last_uses(assembly, order, wanted)
    # An input that is wanted as it is gets a place in the result by an instruction that changes nothing.
    results = {plane: -1 - row for row, plane in enumerate(plane for plane in wanted if plane not in (NONE, ALL))}
    inputs = {plane: 2 + row for row, plane in enumerate(assembly.inputs)}
    first_between = 2 + len(inputs)
    places = {NONE: NONE, ALL: ALL, **results, **inputs}
    free: list[int] = []
    between = 0
    code = [(_UFUNC["and"], inputs[plane], ALL, results[plane]) for plane in inputs if plane in results]
    for plane in order:
        operation, first, second = assembly.made[plane]
        operands = places[first], places[second]
        free += {places[each] for each in (first, second) if last_use[each] == plane and places[each] >= first_between}
        if plane not in places:
            if not free:
                free.append(first_between + between)
                between += 1
            places[plane] = free.pop()
        code.append((_UFUNC[operation], *operands, places[plane]))
    # The places of the result, which were numbered backwards, lie behind all others.
    behind = first_between + between - 1

    def moved(place: int) -> int:
        return behind - place if place < 0 else place

    instructions = tuple((function, moved(first), moved(second), moved(out)) for function, first, second, out in code)
    rows = {plane: 1 - place for plane, place in results.items()}
    return Code(len(inputs), between, {plane: rows.get(plane, plane) for plane in wanted}, instructions)


def _in_order_of_use(assembly: Assembly, wanted: Sequence[Plane]) -> list[Plane]:
    """Return the planes to be made, each as late as it can be: what is made and used at once stays in the cache."""
    order: list[Plane] = []
    done = {NONE, ALL, *assembly.inputs}
    waiting = list(reversed(wanted))
    while waiting:
        plane = waiting[-1]
        if plane in done:
            waiting.pop()
            continue
        _, first, second = assembly.made[plane]
        needed = [each for each in (second, first) if each not in done]
        if needed:
            waiting += needed
        else:
            waiting.pop()
            done.add(plane)
            order.append(plane)
    return order


def _last_uses(assembly: Assembly, order: Sequence[Plane], wanted: Sequence[Plane]) -> dict[Plane, Plane]:
    """Return by each plane that is needed the last one that is made of it."""
    last = {plane: plane for plane in wanted}
    for plane in reversed(order):
        _, first, second = assembly.made[plane]
        last.setdefault(first, plane)
        last.setdefault(second, plane)
    return last
