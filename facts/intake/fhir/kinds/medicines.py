"""What a record's medication resources say: what is taken now, and what was stopped and when, so that withdrawal is seen.

A record is no complete list of medicines: what is not in it stays unknown, and so does what its status leaves open.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.kinds.medicine_names import Lookup, concepts_of, name_of
from facts.intake.fhir.shapes.modifiers import is_said, why_not_understood
from facts.intake.fhir.shapes.moments import Timestamp, days_between, is_open_end, moment_of, unreadable_date, when
from facts.intake.fhir.shapes.resources import DATED, AsOf, NotUsed, Resource
from facts.intake.fhir.shapes.systems import ABSENT_OR_UNKNOWN
from facts.intake.fhir.shapes.values import (
    bare_code,
    codings_of,
    described,
    object_of,
    objects_of,
    text_of,
)
from facts.medicines import Recognition, Stopped
from facts.problems import quoted

_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_LONGEST_COURSE_DAYS = 36525
_DAYS_A_UNIT = {
    "a": 365,
    "year": 365,
    "years": 365,
    "d": 1,
    "day": 1,
    "days": 1,
    "wk": 7,
    "week": 7,
    "weeks": 7,
    "mo": 30,
    "month": 30,
    "months": 30,
}
_TAKEN = {
    "MedicationRequest": frozenset({"active"}),
    "MedicationStatement": frozenset({"active"}),
    "MedicationAdministration": frozenset({"in-progress"}),
}
_ENDED = {
    "MedicationRequest": frozenset({"stopped", "completed"}),
    "MedicationStatement": frozenset({"stopped", "completed"}),
    "MedicationAdministration": frozenset({"stopped"}),
}


@dataclass(frozen=True, slots=True)
class Taken:
    """A medicine that is taken now, as its name is written, and where that stands; `remark` is what makes that less sure."""

    text: str
    moment: Timestamp | None
    resource: str
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Ended:
    """A medicine that is no longer taken."""

    stopped: Stopped
    moment: Timestamp | None
    resource: str


def medication(resource: Resource, index: CodeIndex, lookup: Lookup, as_of: AsOf) -> Taken | Ended | NotUsed | None:
    """Read an order, statement, administration or dispense of a medicine; None when it names no medicine at all."""
    value, kind = resource.value, resource.kind
    start, end = _period(value, kind)
    moment = start or when(value, *DATED[kind])
    text, doubt = name_of(value, index, lookup)
    if not text:
        return (
            NotUsed("a medicine", doubt, resource, moment, "give a code, a text, or the Medication itself") if doubt else None
        )
    if reason := why_not_understood(value):
        return NotUsed(text, reason, resource, moment)
    if any(coding.system == ABSENT_OR_UNKNOWN for coding in codings_of(concepts_of(value, lookup)[0])):
        reason = "it names no medicine; a record's list is never taken for complete, so none is absent for it"
        return NotUsed(text, reason, resource, moment)
    if kind == "MedicationDispense":
        return _dispensed(resource, text, doubt, as_of)
    status = bare_code(value.get("status"))
    reason = doubt or _why_not_taken(resource, status)
    if not reason and moment is None and (written := unreadable_date(value, *DATED[kind])):
        fix = "write it as YYYY-MM-DD"
        return NotUsed(text, f"its date {quoted(written)} cannot be read", resource, None, fix)
    if reason:
        return NotUsed(text, reason, resource, moment)
    if written := _unreadable_end(value):
        reason = f"its end {quoted(written)} cannot be read: whether it is taken is open"
        return NotUsed(text, reason, resource, moment, "write it as YYYY-MM-DD")
    ended = status in _ENDED[kind]
    if as_of.before(end if ended else moment):
        return NotUsed(text, "it was only after the assessment", resource, moment)
    if not ended:
        end = end or _planned_end(value, kind)
        if end is not None and as_of.day is not None and end.last_day < as_of.day:
            return NotUsed(
                text, f"status active, but its time ended on {end.shown}: whether it is taken is open", resource, end
            )
        return Taken(text, moment, resource.name, "self-reported" if _is_reported(value) else "")
    return _ended(resource, index.dictionary.recognize(text), start, end, as_of, index)


def _why_not_taken(resource: Resource, status: str) -> str:
    value, kind = resource.value, resource.kind
    if is_said(value.get("doNotPerform")):
        return "it is an order not to give it"
    intent = text_of(value.get("intent"))
    # What a patient reports to be taking is written down as a plan (US Core); and DSTU2 knew nothing but orders.
    is_order = intent in _ORDERS or (intent == "plan" and _is_reported(value)) or resource.name.startswith("MedicationOrder/")
    if kind == "MedicationRequest" and not is_order:
        return f"intent {quoted(intent)}: it is no order"
    if kind == "MedicationAdministration" and status == "completed":
        return "it was given; whether it is still taken is not recorded"
    if status not in _TAKEN[kind] | _ENDED[kind]:
        return f"status {quoted(status)}: whether it is taken is not recorded"
    return ""


def _is_reported(value: Mapping[str, Any]) -> bool:
    return value.get("reportedBoolean") is True or bool(object_of(value.get("reportedReference")))


def _dispensed(resource: Resource, text: str, doubt: str, as_of: AsOf) -> Taken | NotUsed:
    """Read what a pharmacy handed over: taken for as long as the supply lasts."""
    value = resource.value
    status = bare_code(value.get("status"))
    moment = when(value, *DATED["MedicationDispense"])
    if doubt or status != "completed":
        return NotUsed(text, doubt or f"status {quoted(status)}: whether it was handed over is not recorded", resource, moment)
    if moment is None and (written := unreadable_date(value, *DATED["MedicationDispense"])):
        return NotUsed(text, f"its date {quoted(written)} cannot be read", resource, None, "write it as YYYY-MM-DD")
    if moment is None or moment.day is None:
        return NotUsed(text, "when it was dispensed is not recorded", resource, moment)
    if as_of.before(moment):
        return NotUsed(text, "it was only after the assessment", resource, moment)
    days = _days_of_supply(object_of(value.get("daysSupply")))
    if days is None:
        reason = f"dispensed on {moment.shown}, for how long is not recorded: whether it is taken is open"
        return NotUsed(text, reason, resource, moment)
    if as_of.day is not None and days_between(moment.day, as_of.day) > days:
        reason = f"dispensed on {moment.shown} for {days:g} days, which have passed: whether it is taken is open"
        return NotUsed(text, reason, resource, moment)
    return Taken(text, moment, resource.name, f"dispensed for {days:g} days; whether it is taken is not recorded")


def _days_of_supply(supply: Mapping[str, Any]) -> float | None:
    unit = text_of(supply.get("code")) or text_of(supply.get("unit")) or "d"
    try:
        return float(supply["value"]) * _DAYS_A_UNIT[unit.lower()]
    except (KeyError, TypeError, ValueError):
        return None


def _period(value: Mapping[str, Any], kind: str) -> tuple[Timestamp | None, Timestamp | None]:
    if kind == "MedicationRequest":
        return order_period(value)
    for element in ("effectivePeriod", "effectiveTimePeriod"):
        if period := object_of(value.get(element)):
            return moment_of(period.get("start")), moment_of(period.get("end"))
    return moment_of(value.get("effectiveDateTime")) or moment_of(value.get("effectiveTimeDateTime")), None


def order_period(value: Mapping[str, Any]) -> tuple[Timestamp | None, Timestamp | None]:
    """Return when an order began and ended: by the bounds of its dosage, or by the time in which it may be dispensed.

    The date of its writing is neither.
    """
    bounds = [object_of(repeat.get("boundsPeriod")) for repeat in _repeats(value)]
    starts = [start for bound in bounds if (start := moment_of(bound.get("start")))]
    ends = [moment_of(bound.get("end")) for bound in bounds]
    # One dosage without an end goes on.
    known = [end for end in ends if end is not None]
    end = max(known) if known and len(known) == len(ends) else None
    validity = object_of(object_of(value.get("dispenseRequest")).get("validityPeriod"))
    # DSTU2 has the end of an order as an element of its own.
    return min(starts, default=None), end or moment_of(validity.get("end")) or moment_of(value.get("dateEnded"))


def _repeats(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        object_of(object_of(dosage.get("timing")).get("repeat"))
        for element in ("dosageInstruction", "dosage")
        for dosage in objects_of(value.get(element))
    ]


def _unreadable_end(value: Mapping[str, Any]) -> str:
    """Return an end that is no date: whatever it says, the medicine does not go on as if it had none."""
    periods = [object_of(repeat.get("boundsPeriod")) for repeat in _repeats(value)]
    periods.append(object_of(object_of(value.get("dispenseRequest")).get("validityPeriod")))
    periods += [object_of(value.get(element)) for element in ("effectivePeriod", "effectiveTimePeriod")]
    ends = [*(period.get("end") for period in periods), value.get("dateEnded")]
    unread = (end for end in ends if end not in (None, "") and moment_of(end) is None and not is_open_end(end))
    return next((end if isinstance(end, str) else described(end) for end in unread), "")


def _planned_end(value: Mapping[str, Any], kind: str) -> Timestamp | None:
    """Return when an order ends by the length of its dosages ("for 7 days"); None where one of them has none."""
    lasting = [repeat.get("boundsDuration") or object_of(repeat.get("boundsRange")).get("high") for repeat in _repeats(value)]
    days = [_days_of_supply(object_of(length)) for length in lasting]
    start = _period(value, kind)[0] or when(value, *DATED[kind])
    known = [length for length in days if length is not None]
    if start is None or not known or len(known) < len(days) or max(known) > _LONGEST_COURSE_DAYS:
        return None
    return moment_of((start.last_day + timedelta(days=max(known))).isoformat())


def _ended(
    resource: Resource, found: Recognition, start: Timestamp | None, end: Timestamp | None, as_of: AsOf, index: CodeIndex
) -> Ended | NotUsed:
    days = None
    if end is not None and end.day is not None and as_of.day is not None:
        days = float(days_between(end.day, as_of.day))
    # A record may hold only the last of several orders, so its time is the least that the medicine was taken.
    weeks: float | None = None
    if days is not None and end is not None and end.day is not None and start is not None and start.day is not None:
        weeks = round(max(0, days_between(start.day, end.day)) / 7, 1)
    groups = [index.dictionary.classes[name] for name in _classes(found, index)]
    if days is None and any(group.stopped for group in groups):
        return NotUsed(found.text, "stopped, but when is not recorded", resource, start)
    course = None if start is None or end is None else days_between(start.first_day, end.last_day)
    if course is not None and any(course < group.shortest_course_days for group in groups if group.stopped):
        reason = f"a course of {course} day{'s' * (course != 1)}, too short for its end to count as a stop"
        return NotUsed(found.text, reason, resource, end)
    source = resource.name if end is None else f"{resource.name}, {end.shown}"
    return Ended(Stopped(found.text, days, weeks, source), end, resource.name)


def _classes(found: Recognition, index: CodeIndex) -> Iterator[str]:
    for medicine in found.medicines:
        entry = index.dictionary.medicines[medicine]
        yield from (*entry.classes, *entry.possible)
