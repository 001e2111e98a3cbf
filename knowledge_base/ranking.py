"""The order in which causes are listed: by standing, then by the weight of their arguments, then by id.

A cause's place is one whole number, smaller for a cause that is listed before another. Whoever lists causes takes its place
from here: for one patient it is made of whole numbers, for a cohort of columns, for every possible patient of z3's terms,
and always by the same arithmetic. It is a number of mixed radix, whose digits are as wide as this knowledge base needs.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from operator import add
from typing import Any, TypeAlias

from knowledge_base.grading import Grading, Tally

Number: TypeAlias = Any
"""What can be added and multiplied: a whole number, a column of them, or a term that stands for one."""

WEIGHT = (("confirms", "excludes"), ("supports_strong", "opposes_strong"), ("supports_weak", "opposes_weak"))
"""What orders causes of one standing, most important first: the arguments of one kind for a cause, less those against it."""

_NO_ARGUMENTS = Tally()


@dataclass(frozen=True)
class Ranking:
    """The order of the causes of one knowledge base.

    `causes` are all ids, ascending; `most` is the greatest number of arguments of each kind that any of them has.
    """

    grading: Grading
    causes: tuple[str, ...]
    most: Tally

    def combine(self, cause: str, standing: Number, count: Callable[[str], Number]) -> Number:
        """Return a cause's place, given its standing as a number of `grading.order` and the count of each kind that fired."""
        place = standing
        for more, less, most_for, radix in self._digits:
            place = place * radix + (most_for - count(more) + count(less))
        return place * len(self.causes) + self._position[cause]

    def place(self, cause: str, standing: str, fired: Tally) -> int:
        """Return the place of a cause in which these arguments fired."""
        return int(self.combine(cause, self.grading.order[standing], lambda kind: getattr(fired, kind)))

    def best(self, cause: str, fired: Tally, open_: Tally) -> int:
        """Return a place that the cause cannot rise above, whichever of the `open_` arguments fire; sound."""
        helping = _NO_ARGUMENTS._replace(**{more: getattr(open_, more) for more, _ in WEIGHT})
        return self.place(cause, self.grading.reachable(fired, open_)[0], _sum(fired, helping))

    def worst(self, cause: str, fired: Tally, open_: Tally) -> int:
        """Return a place that the cause cannot fall behind, whichever of the `open_` arguments fire; sound."""
        hurting = _NO_ARGUMENTS._replace(**{less: getattr(open_, less) for _, less in WEIGHT})
        return self.place(cause, self.grading.reachable(fired, open_)[-1], _sum(fired, hurting))

    def end(self, standing: str) -> int:
        """Return the first place that lies behind every cause of this standing."""
        end = self.grading.order[standing] + 1
        for _, _, _, radix in self._digits:
            end *= radix
        return end * len(self.causes)

    def cause_at(self, place: Number) -> Number:
        """Return which of `causes` has a place, as its position among them."""
        return place % len(self.causes)

    def leader(self, places: Iterable[int]) -> str | None:
        """Return the cause that is listed first and at least likely, given the places of causes; None where there is none."""
        end = self.end(self.grading.likely)
        first = min(places, default=end)
        return self.causes[self.cause_at(first)] if first < end else None

    @cached_property
    def _digits(self) -> tuple[tuple[str, str, int, int], ...]:
        """Two kinds of arguments for each digit, how many of the first there can be, and how many values the digit has."""
        most = self.most._asdict()
        return tuple((more, less, most[more], most[more] + most[less] + 1) for more, less in WEIGHT)

    @cached_property
    def _position(self) -> Mapping[str, int]:
        return {cause: position for position, cause in enumerate(self.causes)}


def rank_causes(grading: Grading, arguments: Mapping[str, Tally]) -> Ranking:
    """Make the order of causes, of which each has so many arguments of each kind."""
    most = Tally(*(max(counts, default=0) for counts in zip(_NO_ARGUMENTS, *arguments.values(), strict=True)))
    return Ranking(grading, tuple(sorted(arguments)), most)


def _sum(first: Tally, second: Tally) -> Tally:
    return Tally(*map(add, first, second))
