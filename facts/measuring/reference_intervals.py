"""What "low", "normal" and "high" mean of a quantity: the reference interval of its finding, for this patient."""

from collections.abc import Mapping
from typing import Literal, TypeAlias

from facts.declaring.declared_quantities import ReferenceInterval
from facts.quantities import Interval, Quantity, between, bounds
from facts.vocabulary import QuantityFinding, Value

Word: TypeAlias = Literal["low", "normal", "high"]
WORDS: tuple[Word, ...] = ("low", "normal", "high")


class NoReference(ValueError):
    """No reference interval tells what a word means of this finding and this patient; the text says what to do."""


def quantity_of_word(finding: QuantityFinding, word: Word, known: Mapping[str, Value]) -> Quantity:
    """Return where a quantity lies that is called low, normal or high, of a patient of whom this much is known.

    Which interval applies may depend on what is not known (the sex, the age): then the result holds whatever applies, so "low"
    is below the highest of the lower limits. Raises NoReference.
    """
    low, high = finding.range
    applying = [entry for entry in _entries(finding) if _can_apply(entry, known)]
    lows = [entry.low for entry in applying if entry.low is not None]
    highs = [entry.high for entry in applying if entry.high is not None]
    if word == "low" and lows:
        return between(low, max(lows), high_included=False)
    if word == "high" and highs:
        return between(min(highs), high, low_included=False)
    if word == "normal" and applying:
        # Where one of the intervals has no limit, there is none.
        least = min(lows) if len(lows) == len(applying) else low
        greatest = max(highs) if len(highs) == len(applying) else high
        return between(least, greatest)
    raise NoReference(f"no reference interval tells what {word} is of {finding.id}; give the figure")


def _entries(finding: QuantityFinding) -> list[ReferenceInterval]:
    return [] if finding.reference is None else finding.reference.intervals


def _can_apply(entry: ReferenceInterval, known: Mapping[str, Value]) -> bool:
    return all(name not in known or _can_be(known[name], wanted) for name, wanted in entry.where.items())


def _can_be(value: Value, wanted: str | list[float]) -> bool:
    if isinstance(wanted, str):
        return value == wanted
    least, greatest = bounds(value) if isinstance(value, Interval) else (float(value), float(value))
    return greatest >= wanted[0] and least < wanted[1]
