"""Bits of planes as bytes: a byte for each row."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from expert.cohorts.planes.assembly import Words

_SPREAD = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little").view(np.uint64)[:, 0]
"""By each byte of bits the eight bytes, each 0 or 1, that stand for them in one word."""


def spread(words: Words) -> Words:
    """Return the bits of a plane as bytes, eight in each word."""
    spread_: Words = _SPREAD[words.view(np.uint8)]
    return spread_


def number_of(digits: Sequence[Words], height: int) -> NDArray[np.uint8]:
    """Return the numbers whose binary digits (the lowest first, at most eight) are planes."""
    total = spread(digits[0])
    for place, digit in enumerate(digits[1:], 1):
        total |= spread(digit) << np.uint64(place)
    return total.view(np.uint8)[:height]


def rows_set(words: Words, height: int) -> NDArray[np.int64]:
    """Return the rows whose bits are set, ascending."""
    packed = words.view(np.uint8)
    some = np.flatnonzero(packed)
    if some.size > packed.size // 3:
        return np.flatnonzero(np.unpackbits(packed, count=height, bitorder="little").view(np.bool_))
    # Most rules fire in few rows, and only the bytes that have a bit are taken apart.
    bits = np.flatnonzero(np.unpackbits(packed[some], bitorder="little").view(np.bool_))
    rows: NDArray[np.int64] = (some[bits >> 3] << 3) + (bits & 7)
    return rows[: np.searchsorted(rows, height)]


def where_equal(digits: Sequence[Words], number: int) -> Words:
    """Return where the number with these binary digits (the lowest first) is a constant."""
    where = [digit if number >> place & 1 else ~digit for place, digit in enumerate(digits)]
    return reduce(np.bitwise_and, where)
