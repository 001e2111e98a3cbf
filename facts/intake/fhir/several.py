"""Several statements of one finding made into what is known of it: the newest counts, and what is in doubt decides nothing.

"Newest" is what no other statement is certainly later than: a date without a time may be any time of its day, and one that is
not dated at all any time. Where the newest differ, or the newest of them nobody has verified, the finding is known only as far
as all of them agree; each by itself may still warn.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from facts.case import Observed
from facts.intake.fhir.shapes.moments import Timestamp
from facts.intake.fhir.shapes.resources import StatedFinding
from facts.quantities import Interval, Quantity, between, narrow
from facts.vocabulary import Finding, QuantityFinding

_WINDOW = timedelta(hours=24)
_CONTRADICTED = "another result of that time contradicts it"
_SUPERSEDED = "a newer result is in doubt, so this one does not stand for it"
_UNREAD = "a newer result cannot be read, so this one does not stand for it"


@dataclass(frozen=True, slots=True)
class Settled:
    """What is known of a finding (`chosen`, None for nothing), and the statements that may only warn, each with its doubt."""

    chosen: StatedFinding | None
    doubted: tuple[StatedFinding, ...] = ()


def settle(finding: Finding, statements: Sequence[StatedFinding]) -> Settled:
    """Settle what several statements of a finding come to, whatever their order."""
    ordered = sorted(statements, key=by_moment)
    firm = [told for told in ordered if not told.doubt]
    if isinstance(finding, QuantityFinding):
        certain, rivals = _quantity(finding, firm)
    else:
        certain, rivals = _answer(firm)
    newest = _newest(firm)
    doubted = _newest([told for told in ordered if told.doubt and not any(_is_after(one, told) for one in newest)])
    if not doubted:
        return Settled(certain, tuple(rivals))
    standing = [certain] if certain is not None else [told for told in rivals if told.observed is not None]
    agreed = _agreed(finding, [*standing, *doubted]) if standing else None
    if certain is not None and agreed is not None and agreed.value == _value(certain):
        return Settled(certain, tuple(doubted))
    superseded = [replace(told, doubt=told.doubt or _SUPERSEDED) for told in standing]
    chosen = _spanning([*standing, *doubted], agreed) if standing and agreed is not None else None
    return Settled(chosen, (*superseded, *doubted))


def by_moment(told: StatedFinding) -> tuple[bool, str, str]:
    """Sort what is not dated first, then by time; of equal times the resource's name decides, so that order never does."""
    return (told.moment is not None, told.moment.instant.isoformat() if told.moment else "", told.resource)


def _is_after(one: StatedFinding, other: StatedFinding) -> bool:
    return one.moment is not None and other.moment is not None and one.moment.is_after(other.moment)


def _newest(statements: Sequence[StatedFinding]) -> list[StatedFinding]:
    return [told for told in statements if not any(_is_after(other, told) for other in statements)]


def _quantity(finding: QuantityFinding, firm: Sequence[StatedFinding]) -> tuple[StatedFinding | None, list[StatedFinding]]:
    """Return the reading that counts, and those that may only warn because another of that time stands against them."""
    # Who a patient is (the age by the date of birth) is no reading.
    given = [told for told in firm if told.resource.startswith("Patient/") and not told.is_reading]
    newest = given or _newest(firm)
    if not newest:
        return None, []
    read = [told for told in newest if told.observed is not None]
    if len(read) < len(newest):
        earlier = read or _newest([told for told in firm if told.observed is not None])
        return None, [replace(told, doubt=_UNREAD) for told in earlier]
    if finding.reduction != "latest":
        return _extreme(finding, firm, newest), []
    agreed = _agreed(finding, newest)
    if all(_value(told) == _value(newest[0]) for told in newest):
        return newest[-1], []
    narrowest = _narrowed(newest)
    if narrowest is not None:
        return narrowest, []
    chosen = _spanning(newest, agreed) if agreed is not None else None
    return chosen, [replace(told, doubt=_CONTRADICTED) for told in newest]


def _extreme(finding: QuantityFinding, firm: Sequence[StatedFinding], newest: Sequence[StatedFinding]) -> StatedFinding:
    """Return the highest or lowest of the readings within 24 hours of the newest."""
    latest = newest[-1].moment
    recent = [told for told in firm if told.observed is not None and (told in newest or _is_within(told.moment, latest))]
    index = 1 if finding.reduction == "highest" else 0
    pick = max if finding.reduction == "highest" else min
    return pick(reversed(recent), key=lambda told: _ends(told)[index])


def _is_within(moment: Timestamp | None, latest: Timestamp | None) -> bool:
    if moment is None or latest is None:
        return True
    return moment.instant >= latest.instant - _WINDOW


def _answer(firm: Sequence[StatedFinding]) -> tuple[StatedFinding | None, list[StatedFinding]]:
    """Return what yes/no answers and choices come to: what stands in the record now, and the newest observations of it."""
    standing = [told for told in firm if not told.is_reading]
    newest = _newest([told for told in firm if told.is_reading])
    if any(told.observed is None for told in newest):
        return (standing[-1], []) if standing else (None, [])
    both = [*standing, *newest]
    if len({_value(told) for told in both}) > 1:
        return None, [replace(told, doubt="the record says both, so neither counts") for told in both]
    return (newest[-1] if newest else standing[-1] if standing else None), []


def _spanning(statements: Sequence[StatedFinding], agreed: Observed) -> StatedFinding:
    """Return what several statements leave possible as one, which names the others."""
    others = dict.fromkeys(told.resource for told in statements[1:] if told.resource != statements[0].resource)
    remark = f"which {' and '.join(others)} contradict{'s' * (len(others) == 1)}" if others else ""
    return replace(statements[0], observed=agreed, remark=remark, doubt="")


def _value(told: StatedFinding) -> object:
    return None if told.observed is None else told.observed.value


def _ends(told: StatedFinding) -> tuple[float, float]:
    value = _quantity_of(told)
    return (value.least, value.greatest) if isinstance(value, Interval) else (value, value)


def _quantity_of(told: StatedFinding) -> Quantity:
    value = _value(told)
    if not isinstance(value, Interval | int | float):
        raise TypeError(f"{told.finding} is no quantity: {value!r}")
    return value


def _narrowed(statements: Sequence[StatedFinding]) -> StatedFinding | None:
    """Return the most exact of several readings that can all be true ("low" and 2.9); None where they cannot."""
    try:
        known = _quantity_of(statements[0])
        for told in statements[1:]:
            known = narrow(known, _quantity_of(told))
    except ValueError:
        return None
    return next((told for told in statements if _quantity_of(told) == known), None)


def _agreed(finding: Finding, statements: Sequence[StatedFinding]) -> Observed | None:
    """Return what all of these statements leave possible: an answer that they share, or the span of their figures."""
    first = statements[0].observed
    if first is None or any(told.observed is None for told in statements):
        return None
    if all(_value(told) == first.value for told in statements):
        return first
    if not isinstance(finding, QuantityFinding):
        return None
    low = min(_ends(told)[0] for told in statements)
    high = max(_ends(told)[1] for told in statements)
    return replace(first, value=between(low, high), given="")
