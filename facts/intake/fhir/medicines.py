"""What a record's medication resources say: what is taken now, and what was stopped and when, so that withdrawal is seen.

A record is no complete list of medicines: what is not in it stays unknown, and so does what its status leaves open.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.resources import AsOf, NotUsed, Resource
from facts.intake.fhir.values import (
    Timestamp,
    bare_code,
    codings_of,
    days_between,
    moment_of,
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
    """A medicine that is taken now, as its name is written, and where that stands."""

    text: str
    moment: Timestamp | None
    resource: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A medicine that is no longer taken."""

    stopped: Stopped
    moment: Timestamp | None
    resource: str


def medication(resource: Resource, index: CodeIndex, lookup: Lookup, as_of: AsOf) -> Taken | Ended | NotUsed | None:
    """Read a MedicationRequest, MedicationStatement or MedicationAdministration; None when it names no medicine at all."""
    value, kind = resource.value, resource.kind
    start, end = _period(value, kind)
    moment = start or moment_of(value.get("authoredOn")) or moment_of(value.get("dateAsserted"))
    text, doubt = _name(value, index, lookup)
    if not text:
        return (
            NotUsed("a medicine", doubt, resource, moment, "give a code, a text, or the Medication itself") if doubt else None
        )
    status = bare_code(value.get("status"))
    reason = doubt or _why_not_taken(value, kind, status)
    if reason:
        return NotUsed(text, reason, resource, moment)
    ended = status in _ENDED[kind]
    if as_of.before(end if ended else moment):
        return NotUsed(text, "it was only after the assessment", resource, moment)
    if not ended:
        if end is not None and as_of.day is not None and end.day is not None and end.day < as_of.day:
            return NotUsed(
                text, f"status active, but its time ended on {end.shown}: whether it is taken is open", resource, end
            )
        return Taken(text, moment, resource.name)
    return _ended(resource, index.dictionary.recognize(text), start, end, as_of, index)


def _why_not_taken(value: Mapping[str, Any], kind: str, status: str) -> str:
    if value.get("doNotPerform") is True:
        return "it is an order not to give it"
    intent = text_of(value.get("intent"))
    if kind == "MedicationRequest" and intent not in _ORDERS:
        return f"intent {quoted(intent)}: it is no order"
    if kind == "MedicationAdministration" and status == "completed":
        return "it was given; whether it is still taken is not recorded"
    if status not in _TAKEN[kind] | _ENDED[kind]:
        return f"status {quoted(status)}: whether it is taken is not recorded"
    return ""


def _period(value: Mapping[str, Any], kind: str) -> tuple[Timestamp | None, Timestamp | None]:
    if kind == "MedicationRequest":
        return order_period(value)
    period = object_of(value.get("effectivePeriod"))
    start = moment_of(period.get("start")) or moment_of(value.get("effectiveDateTime"))
    return start, moment_of(period.get("end"))


def order_period(value: Mapping[str, Any]) -> tuple[Timestamp | None, Timestamp | None]:
    """Return when an order began and ended by the bounds of its dosage; the date of its writing is neither."""
    bounds = [
        object_of(object_of(object_of(dosage.get("timing")).get("repeat")).get("boundsPeriod"))
        for dosage in objects_of(value.get("dosageInstruction"))
    ]
    starts = [start for bound in bounds if (start := moment_of(bound.get("start")))]
    ends = [moment_of(bound.get("end")) for bound in bounds]
    # One dosage without an end goes on.
    known = [end for end in ends if end is not None]
    return min(starts, default=None), max(known) if known and len(known) == len(ends) else None


def _ended(
    resource: Resource, found: Recognition, start: Timestamp | None, end: Timestamp | None, as_of: AsOf, index: CodeIndex
) -> Ended | NotUsed:
    days = None
    if end is not None and end.day is not None and as_of.day is not None:
        days = float(days_between(end.day, as_of.day))
    # A record may hold only the last of several orders, so its time is the least that the medicine was taken.
    weeks = None
    if days is not None and end is not None and end.day is not None and start is not None and start.day is not None:
        weeks = round(max(0, days_between(start.day, end.day)) / 7, 1)
    groups = [index.dictionary.classes[name] for name in _classes(found, index)]
    if days is None and any(group.stopped for group in groups):
        return NotUsed(found.text, "stopped, but when is not recorded", resource, start)
    source = resource.name if end is None else f"{resource.name}, {end.shown}"
    return Ended(Stopped(found.text, days, weeks, source), end, resource.name)


def _classes(found: Recognition, index: CodeIndex) -> Iterator[str]:
    for medicine in found.medicines:
        yield from index.dictionary.medicines[medicine].classes


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
    if concept := objects_of(value.get("medicationCodeableConcept")):
        return [*concept], ""
    reference = reference_of(value.get("medicationReference"))
    if not reference:
        shown = text_of(object_of(value.get("medicationReference")).get("display"))
        return [{"text": shown}] if shown else [], "it names no medicine"
    if reference.startswith("#"):
        contained = (one for one in objects_of(value.get("contained")) if f"#{text_of(one.get('id'))}" == reference)
        referred = next(contained, None)
    else:
        referred = lookup(reference)
    if referred is None:
        shown = text_of(object_of(value.get("medicationReference")).get("display"))
        return [{"text": shown}] if shown else [], f"{quoted(reference)} is not in the record"
    parts = [object_of(part.get("itemCodeableConcept")) for part in objects_of(referred.get("ingredient"))]
    own = objects_of(referred.get("code"))
    return ([*own] if own else parts), "the Medication has neither a code nor an ingredient"
