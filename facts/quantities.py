"""Numbers that are known in part: an interval in the place of a figure ("< 1.5", "2.4 to 2.6", "low")."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf, nextafter
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Interval:
    """Where a quantity lies, in the finding's own unit: from `low` to `high`, an end itself only where it is included.

    Both ends are numbers: where nothing was said of an end, it is that of the finding's plausible range. An interval compares
    with a number as an interval order does: `interval < 3` when all of it lies below 3. So neither `interval < 3` nor
    `interval >= 3` holds where the number lies inside it, and what neither holds is unknown.
    """

    low: float
    high: float
    low_included: bool = True
    high_included: bool = True

    @property
    def least(self) -> float:
        """The least number in it: no number that a computer can hold lies between an open end and its neighbor."""
        return self.low if self.low_included else nextafter(self.low, inf)

    @property
    def greatest(self) -> float:
        """The greatest number in it."""
        return self.high if self.high_included else nextafter(self.high, -inf)

    def __lt__(self, number: float) -> bool:
        return self.greatest < number

    def __le__(self, number: float) -> bool:
        return self.greatest <= number

    def __gt__(self, number: float) -> bool:
        return self.least > number

    def __ge__(self, number: float) -> bool:
        return self.least >= number


Quantity: TypeAlias = float | Interval
"""What is known of a quantity: its figure, or where it lies."""


def bounds(quantity: Quantity) -> tuple[float, float]:
    """Return the least and the greatest number that a quantity can be; the same twice for a figure."""
    return (quantity.least, quantity.greatest) if isinstance(quantity, Interval) else (quantity, quantity)


def between(low: float, high: float, *, low_included: bool = True, high_included: bool = True) -> Quantity:
    """Return what lies between two ends; a figure where only one number does. Raises ValueError where none does."""
    if low == high and low_included and high_included:
        return low
    if low >= high:
        raise ValueError("no number lies there")
    return Interval(low, high, low_included, high_included)


def within(quantity: Quantity, other: Quantity) -> bool:
    """Return whether everything that a quantity can be is what another can be."""
    (low, high), (least, greatest) = bounds(quantity), bounds(other)
    return least <= low and high <= greatest


def narrow(first: Quantity, second: Quantity) -> Quantity:
    """Return where a quantity lies when both are true of it. Raises ValueError when they cannot both be."""
    one, other = _as_interval(first), _as_interval(second)
    low = max(one, other, key=lambda interval: interval.least)
    high = min(one, other, key=lambda interval: interval.greatest)
    return between(low.low, high.high, low_included=low.low_included, high_included=high.high_included)


def _as_interval(quantity: Quantity) -> Interval:
    return quantity if isinstance(quantity, Interval) else Interval(quantity, quantity)


def quantity_words(
    quantity: Quantity, plausible: Sequence[float], write: Callable[[float], str], say: Callable[[str], str] = str
) -> str:
    """Say where a quantity lies, as the reader of answers reads it: "3.1", "below 1.5", "2.4 to 2.6".

    `say` says the words in another language, which nobody reads again as an answer. An end that is the end of the plausible
    range is one of which nothing is known, and goes without saying.
    """
    if not isinstance(quantity, Interval):
        return write(quantity)
    low = "" if (quantity.low, quantity.low_included) == (plausible[0], True) else write(quantity.low)
    high = "" if (quantity.high, quantity.high_included) == (plausible[1], True) else write(quantity.high)
    if quantity.low_included and quantity.high_included and bool(low) is bool(high):
        return f"{low or write(quantity.low)} {say('to')} {high or write(quantity.high)}"
    parts = [f"{say('at least' if quantity.low_included else 'above')} {low}"] if low else []
    parts += [f"{say('at most' if quantity.high_included else 'below')} {high}"] if high else []
    return f" {say('and')} ".join(parts)


def at_most(name: str) -> str:
    """Return the name of the column beside a finding's own that holds the greatest that a number can be.

    A finding's own column then holds the least. No finding has a space in its name.
    """
    return f"{name} at most"
