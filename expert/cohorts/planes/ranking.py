"""Which causes are listed first, for the rows in which some are at least considered; those rows are few for each cause."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from expert.cohorts.planes.assembly import Words
from expert.cohorts.planes.bits import rows_set
from knowledge_base.ranking import Ranking

Cause: TypeAlias = tuple[Words, Sequence[Words], Mapping[str, Sequence[Words]]]
"""Where a cause takes part, the digits of its standing, and those of its counts by kind."""
_BIT = np.left_shift(1, np.arange(8)).astype(np.uint8)


def rank_first(
    ranking: Ranking, causes: Sequence[Cause], count: int, height: int
) -> list[tuple[NDArray[np.int64], NDArray[np.bool_]]]:
    """Return which of the ranking's causes are listed first, second and so on, and in which rows there is one."""
    none = np.iinfo(np.int64).max
    first = np.full((count, height), none, np.int64)
    for name, (taking_part, standing, counts) in zip(ranking.causes, causes, strict=True):
        rows = rows_set(taking_part, height)
        if not rows.size:
            continue
        digits = _Digits(rows)
        places = ranking.combine(name, digits.number(standing), lambda kind: digits.number(counts[kind]))  # noqa: B023 - called at once
        for best in first:
            before = best[rows]
            best[rows] = np.minimum(before, places)
            places = np.maximum(before, places)
    return [(ranking.cause_at(best), best != none) for best in first]


class _Digits:
    """Reads planes at some rows only."""

    def __init__(self, rows: NDArray[np.int64]) -> None:
        self.bytes, self.bits = rows >> 3, _BIT[rows & 7]

    def number(self, digits: Sequence[Words]) -> NDArray[np.int64]:
        total = np.zeros(len(self.bytes), np.int64)
        for place, digit in enumerate(digits):
            total += ((digit.view(np.uint8)[self.bytes] & self.bits) != 0).astype(np.int64) << place
        return total
