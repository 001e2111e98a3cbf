"""Counting on bit planes: how many of several planes are set in each row, as binary numbers whose digits are planes."""

from collections.abc import Iterable, Sequence

from expert.cohorts.planes.assembly import ALL, NONE, Assembly, Plane


def count_set(assembly: Assembly, planes: Iterable[Plane]) -> tuple[Plane, ...]:
    """Return the digits (the lowest first) of how many planes are set, by full and half adders."""
    waiting = [[plane for plane in planes if plane != NONE]]
    digits = []
    while waiting:
        column = waiting.pop(0)
        carried: list[Plane] = []
        while len(column) > 1:
            first, second, *rest = column
            half = assembly.differ(first, second)
            carry = assembly.both(first, second)
            if rest:
                third, *rest = rest
                carry = assembly.either(carry, assembly.both(third, half))
                half = assembly.differ(half, third)
            carried.append(carry)
            column = [*rest, half]
        digits.append(column[0] if column else NONE)
        if carried:
            waiting.append(carried)
    return tuple(digits)


def is_at_least(assembly: Assembly, digits: Sequence[Plane], least: int) -> Plane:
    """Return where a number is at least a constant."""
    if least <= 0:
        return ALL
    if least >> len(digits):
        return NONE
    reached = ALL
    for place, digit in enumerate(digits):
        reached = assembly.both(digit, reached) if least >> place & 1 else assembly.either(digit, reached)
    return reached


def at_least(assembly: Assembly, least: int, planes: Sequence[Plane]) -> Plane:
    """Return where at least so many planes are set."""
    if least == 1:
        return assembly.any(planes)
    if least == len(planes):
        return assembly.every(planes)
    return is_at_least(assembly, count_set(assembly, planes), least)
