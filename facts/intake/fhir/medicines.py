"""What a record's medication resources say: what is taken now, and what was stopped and when, so that withdrawal is seen.

A record is no complete list of medicines: what is not in it stays unknown, and so does what its status leaves open.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.shapes.modifiers import why_not_understood
from facts.intake.fhir.shapes.moments import Timestamp, days_between, moment_of, unreadable_date, when
from facts.intake.fhir.shapes.resources import DATED, AsOf, NotUsed, Resource
from facts.intake.fhir.shapes.systems import ABSENT_OR_UNKNOWN
from facts.intake.fhir.shapes.values import (
    bare_code,
    codings_of,
    names_of,
    object_of,
    objects_of,
    reference_of,
    text_of,
)
from facts.medicines import Recognition, Stopped
from facts.problems import quoted

Lookup: TypeAlias = Callable[[str], Mapping[str, Any] | None]
"""Finds a Medication by its reference, "Medication/id" or "urn:…"."""

_ORDERS = frozenset({"order", "original-order", "reflex-order", "filler-order", "instance-order"})
_DAYS_A_UNIT = {"d": 1, "day": 1, "days": 1, "wk": 7, "week": 7, "weeks": 7, "mo": 30, "month": 30, "months": 30}
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
    text, doubt = _name(value, index, lookup)
    if not text:
        return (
            NotUsed("a medicine", doubt, resource, moment, "give a code, a text, or the Medication itself") if doubt else None
        )
    if reason := why_not_understood(value):
        return NotUsed(text, reason, resource, moment)
    if any(coding.system == ABSENT_OR_UNKNOWN for concept in _concepts(value, lookup)[0] for coding in codings_of(concept)):
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
    ended = status in _ENDED[kind]
    if as_of.before(end if ended else moment):
        return NotUsed(text, "it was only after the assessment", resource, moment)
    if not ended:
        if end is not None and as_of.day is not None and end.last_day < as_of.day:
            return NotUsed(
                text, f"status active, but its time ended on {end.shown}: whether it is taken is open", resource, end
            )
        return Taken(text, moment, resource.name, "self-reported" if _is_reported(value) else "")
    return _ended(resource, index.dictionary.recognize(text), start, end, as_of, index)


def _why_not_taken(resource: Resource, status: str) -> str:
    value, kind = resource.value, resource.kind
    if value.get("doNotPerform") is True:
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
    bounds = [
        object_of(object_of(object_of(dosage.get("timing")).get("repeat")).get("boundsPeriod"))
        for dosage in objects_of(value.get("dosageInstruction"))
    ]
    starts = [start for bound in bounds if (start := moment_of(bound.get("start")))]
    ends = [moment_of(bound.get("end")) for bound in bounds]
    # One dosage without an end goes on.
    known = [end for end in ends if end is not None]
    end = max(known) if known and len(known) == len(ends) else None
    validity = object_of(object_of(value.get("dispenseRequest")).get("validityPeriod"))
    return min(starts, default=None), end or moment_of(validity.get("end"))


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


def _name(value: Mapping[str, Any], index: CodeIndex, lookup: Lookup) -> tuple[str, str]:
    """Return the name under which the dictionary knows a medicine best, and what is wrong with it ("" when nothing is)."""
    concepts, missing = _concepts(value, lookup)
    names = [name for concept in concepts for name in names_of(concept)]
    codings = [coding for concept in concepts for coding in codings_of(concept)]
    coded = {medicine for coding in codings if (medicine := index.medicines.get((coding.system, coding.code)))}
    found = [index.dictionary.recognize(name) for name in dict.fromkeys(names)]
    # Only "without doubt" is matched by itself; a name in part known is still the best that there is.
    best = next((one for one in found if not one.doubt), None) or next((one for one in found if one.medicines), None)
    if best is not None and best.medicines:
        if coded and not coded & set(best.medicines):
            return best.text, f"its code stands for {' and '.join(sorted(coded))}, its name for {', '.join(best.medicines)}"
        return best.text, ""
    if len(coded) == 1:
        return coded.pop(), ""
    if names:
        return names[0], ""
    if codings:
        return f"{codings[0].system} {codings[0].code}".strip(), ""
    return "", missing


def _concepts(value: Mapping[str, Any], lookup: Lookup) -> tuple[list[Any], str]:
    """Return the concepts that name the medicine: its own, or those of the Medication that it refers to."""
    # R5 has both in one element.
    both = object_of(value.get("medication"))
    if concept := objects_of(value.get("medicationCodeableConcept")) or objects_of(both.get("concept")):
        return [*concept], ""
    link = object_of(value.get("medicationReference") or both.get("reference"))
    shown = text_of(link.get("display"))
    reference = reference_of(link)
    if not reference:
        return [{"text": shown}] if shown else [], "it names no medicine"
    if reference.startswith("#"):
        contained = (one for one in objects_of(value.get("contained")) if f"#{text_of(one.get('id'))}" == reference)
        referred = next(contained, None)
    else:
        referred = lookup(reference)
    if referred is None:
        return [{"text": shown}] if shown else [], f"{quoted(reference)} is not in the record"
    if text_of(referred.get("status")) == "entered-in-error" or why_not_understood(referred):
        return [], f"{quoted(reference)} was entered in error, or is modified in a way that is not known here"
    parts = [object_of(part.get("itemCodeableConcept")) for part in objects_of(referred.get("ingredient"))]
    own = objects_of(referred.get("code"))
    return ([*own] if own else parts), "the Medication has neither a code nor an ingredient"
