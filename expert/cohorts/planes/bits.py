"""Bits of planes as bytes: a byte for each row."""

from collections.abc import Sequence
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from expert.cohorts.planes.assembly import Words

_PLANES_AT_ONCE = 64
"""Planes that are counted at once: the counts of their words then stay in the processor's cache."""
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
    # numpy looks through truths many times as fast as through bytes.
    some = np.flatnonzero(packed != 0)
    if some.size > packed.size // 3:
        return np.flatnonzero(np.unpackbits(packed, count=height, bitorder="little").view(np.bool_))
    # Most rules fire in few rows, and only the bytes that have a bit are taken apart.
    bits = np.flatnonzero(np.unpackbits(packed[some], bitorder="little").view(np.bool_))
    rows: NDArray[np.int64] = (some[bits >> 3] << 3) + (bits & 7)
    return rows[: np.searchsorted(rows, height)]


def count_rows(planes: Words, height: int) -> NDArray[np.int64]:
    """Return by each of some planes in how many rows its bit is set."""
    blocks = [planes[first : first + _PLANES_AT_ONCE] for first in range(0, len(planes), _PLANES_AT_ONCE)]
    counts = [np.bitwise_count(block).sum(axis=1, dtype=np.int64) for block in blocks]
    total: NDArray[np.int64] = np.concatenate([np.zeros(0, np.int64), *counts])
    # The last word may have more bits than there are rows left.
    beyond = -height % 64
    if beyond:
        total -= np.bitwise_count(planes[:, -1] >> np.uint64(64 - beyond))
    return total


def where_equal(digits: Sequence[Words], number: int) -> Words:
    """Return where the number with these binary digits (the lowest first) is a constant."""
    where = [digit if number >> place & 1 else ~digit for place, digit in enumerate(digits)]
    return reduce(np.bitwise_and, where)
