"""What people write of a quantity that they do not know exactly: "< 1.5", "2.4 to 2.6 mg/dL", "low", "2.4 L"."""

import re
from functools import partial
from typing import NamedTuple

from facts.measuring.reference_intervals import NoReference, Word, quantity_of_word
from facts.measuring.units import NUMBER, UnitError, check_commas, convert, match_unit, read_quantity
from facts.quantities import Quantity, between, narrow, quantity_words
from facts.vocabulary import QuantityFinding


class Implausible(UnitError):
    """A number outside the plausible range; the text goes on from what was found."""


RELATIONS = {
    **dict.fromkeys(("<", "below", "under", "less than"), ("high", False)),
    **dict.fromkeys(("<=", "=<", "≤", "⩽", "at most"), ("high", True)),
    **dict.fromkeys((">", "above", "over", "more than", "greater than"), ("low", False)),
    **dict.fromkeys((">=", "=>", "≥", "⩾", "at least"), ("low", True)),
}
"""A relation to what follows it: which end of the interval that is, and whether it is within."""
_RELATION = "|".join(re.escape(relation) for relation in sorted(RELATIONS, key=len, reverse=True))
_LIMIT = re.compile(rf"({_RELATION})\s*({NUMBER})\s*(.*)", re.DOTALL | re.IGNORECASE)
_LIMITS = re.compile(rf"\s+and\s+(?={_RELATION})", re.IGNORECASE)
_RANGE = re.compile(
    rf"(?:between\s+)?({NUMBER})\s*([^0-9]*?)\s*(?:-|–|—|\bto\b|\band\b)\s*({NUMBER})\s*(.*)", re.DOTALL | re.IGNORECASE
)
_FLAGGED = re.compile(r"(.*\S)\s*(?:\s|(?=[(\[]))[(\[]?([a-z]+)[)\]]?", re.DOTALL | re.IGNORECASE)

# What laboratories print beside or instead of a figure; a critically low value is a low one.
WORDS: dict[str, Word] = {
    **dict.fromkeys(("low", "l", "ll", "decreased", "reduced"), "low"),
    **dict.fromkeys(("normal", "n", "within normal limits", "wnl", "in range"), "normal"),
    **dict.fromkeys(("high", "h", "hh", "raised", "elevated", "increased"), "high"),
}


def read_measurement(text: str, finding: QuantityFinding) -> tuple[Quantity, str]:
    """Read a figure, a limit, a range, or one of the words of a laboratory, with a unit or without.

    Returns the quantity in the finding's own unit, and what was written when that was in another unit or a word (else "").
    A word means what the finding's reference interval says, whoever the patient is. An open end is that of the plausible
    range. Raises UnitError.
    """
    try:
        value, given = read_quantity(text, finding)
    except UnitError as error:
        in_part = _read_in_part(" ".join(text.split()), finding)
        if in_part is None:
            raise UnitError(str(error)) from None
        return in_part
    check_plausible(value, given, finding)
    return value, given


def _read_in_part(text: str, finding: QuantityFinding) -> tuple[Quantity, str] | None:
    word = WORDS.get(text.casefold())
    if word is not None:
        return _of_word(word, finding), word
    if len(text) > 60:
        return None
    check_commas(text, finding)
    flag = _FLAGGED.fullmatch(text)
    # "2-3 h" is in hours.
    if flag is not None and (word := WORDS.get(flag[2].casefold())) is not None and match_unit(flag[2], finding) is None:
        return _flagged(flag[1], word, finding)
    limits = [_LIMIT.fullmatch(part) for part in _LIMITS.split(text)]
    if len(limits) <= 2 and (first := limits[0]) and (last := limits[-1]):
        return _limits([first] if first is last else [first, last], finding)
    found = _RANGE.fullmatch(text)
    if found is not None:
        unit = found[4] or found[2]
        return _between(_End(found[1], found[2] or unit, True), _End(found[3], unit, True), finding)
    return None


class _End(NamedTuple):
    """An end of an interval as it was written, and whether it is within."""

    number: str
    unit: str
    within: bool


def _limits(found: list[re.Match[str]], finding: QuantityFinding) -> tuple[Quantity, str]:
    ends: dict[str, _End] = {}
    unit = found[-1][3]
    for match in found:
        end, within = RELATIONS[match[1].casefold()]
        if end in ends:
            raise UnitError("two limits on one side were found; give one, or one for each side")
        ends[end] = _End(match[2], match[3] or unit, within)
    return _between(ends.get("low"), ends.get("high"), finding)


def _between(low: _End | None, high: _End | None, finding: QuantityFinding) -> tuple[Quantity, str]:
    """Return what lies between two ends; every unit ascends with every other, so an end stays the end that it is."""
    least, greatest = finding.range
    shown: list[str] = []
    elsewhere = False
    for end, sign in ((low, ">"), (high, "<")):
        if end is None:
            continue
        value, given = convert(end.number, end.unit, finding)
        check_plausible(value, given, finding)
        least, greatest = (value, greatest) if end is low else (least, value)
        elsewhere = elsewhere or bool(given)
        shown.append(f"{sign}{'=' if end.within else ''} {given or f'{value:.10g} {finding.unit}'}")
    try:
        quantity = between(least, greatest, low_included=low is None or low.within, high_included=high is None or high.within)
    except ValueError:
        raise UnitError("no plausible number lies there; write the smaller number first, and check the unit") from None
    return quantity, " and ".join(shown) if elsewhere else ""


def _of_word(word: Word, finding: QuantityFinding) -> Quantity:
    try:
        return quantity_of_word(finding, word, {})
    except NoReference as error:
        raise UnitError(str(error)) from None


def _flagged(text: str, word: Word, finding: QuantityFinding) -> tuple[Quantity, str]:
    """Read what a laboratory flagged. The flag must fit, and says no more than the figure."""
    quantity, given = read_measurement(text, finding)
    called = _of_word(word, finding)
    try:
        return narrow(quantity, called), given
    except ValueError:
        write = partial(quantity_words, plausible=finding.range, write="{:g}".format)
        raise UnitError(
            f"{write(quantity)} is not {word}, which is {write(called)} {finding.unit}; if the figure is right, give it alone"
        ) from None


def check_plausible(value: float, given: str, finding: QuantityFinding) -> None:
    """Raise Implausible for a number outside the finding's plausible range."""
    low, high = finding.range
    if not low <= value <= high:
        converted = f" ({value:g} {finding.unit})" if given else ""
        raise Implausible(
            f"{converted}, which is outside the plausible range {low:g} to {high:g} {finding.unit}; "
            "check the figure and its unit"
        )
