"""The day at which a record is judged: the newest day on which something in it has happened, never one that was planned."""

from collections.abc import Iterator, Sequence
from datetime import date

from facts.intake.fhir.kinds.medicines import order_period
from facts.intake.fhir.shapes.moments import Timestamp, moment_of, moments_in
from facts.intake.fhir.shapes.resources import DATED, Resource
from facts.intake.fhir.shapes.values import object_of, statuses_of, text_of

# What is void, planned, or only asked for: its dates say nothing of what has happened.
_NOTHING_HAPPENED = {
    "Observation": {"registered", "cancelled", "entered-in-error"},
    "Condition": {"entered-in-error"},
    "Procedure": {"preparation", "not-done", "on-hold", "entered-in-error"},
    "Encounter": {"planned", "cancelled", "entered-in-error"},
    "MedicationRequest": {"draft", "cancelled", "entered-in-error"},
    "MedicationStatement": {"intended", "not-taken", "entered-in-error", "draft"},
    "MedicationAdministration": {"not-done", "entered-in-error"},
    "MedicationDispense": {"preparation", "cancelled", "declined", "on-hold", "entered-in-error"},
    "QuestionnaireResponse": {"entered-in-error"},
    "DiagnosticReport": {"registered", "cancelled", "entered-in-error"},
}
_IS_OVER = {
    "Observation": None,
    "DiagnosticReport": None,
    "Procedure": {"completed", "stopped"},
    "Encounter": {"finished"},
    "MedicationStatement": {"completed", "stopped"},
    "MedicationAdministration": {"completed", "stopped"},
}
"""When the end of a period has come, and is no plan: always (None), or by these statuses."""
_PAST = frozenset({"inactive", "remission", "resolved"})


def newest_day(resources: Sequence[Resource]) -> date | None:
    """Return the newest whole date on which something in the record happened.

    The beginning of an order's dosage dates a record that has no other date, or that was changed on a later day: then it is no
    plan.
    """
    happened = [moment for resource in resources for moment in _happened(resource) if moment is not None]
    firm = max((moment.day for moment in happened if moment.day is not None), default=None)
    if firm is not None:
        # What is dated by its month alone happened on its first day or later.
        firm = max(firm, *(moment.first_day for moment in happened))
    changed = max((day for resource in resources for day in _days(_changed(resource))), default=None)
    begun = [
        day
        for resource in resources
        for day in _days(_begun(resource))
        if firm is None or (changed is not None and day <= changed)
    ]
    return max([*begun, *([firm] if firm else [])], default=None)


def _days(moments: Iterator[Timestamp | None]) -> Iterator[date]:
    return (moment.day for moment in moments if moment is not None and moment.day is not None)


def _happened(resource: Resource) -> Iterator[Timestamp | None]:
    value, kind = resource.value, resource.kind
    statuses = statuses_of(value.get("verificationStatus" if kind == "Condition" else "status"))
    if kind not in DATED or statuses & _NOTHING_HAPPENED[kind]:
        return
    over = kind in _IS_OVER and ((ended := _IS_OVER[kind]) is None or bool(statuses & ended))
    for element in DATED[kind]:
        written = value.get(element)
        if isinstance(written, dict) and "event" not in written:
            yield moment_of(written.get("start"))
            if over:
                yield moment_of(written.get("end"))
        else:
            yield from moments_in(written)
    if kind == "Condition" and statuses_of(value.get("clinicalStatus")) & _PAST:
        yield from moments_in(value.get("abatementDateTime"))
        yield moment_of(object_of(value.get("abatementPeriod")).get("end"))
    if kind == "MedicationRequest" and statuses & {"completed", "stopped"}:
        yield from order_period(value)


def _begun(resource: Resource) -> Iterator[Timestamp | None]:
    if resource.kind == "MedicationRequest" and text_of(resource.value.get("status")) == "active":
        yield order_period(resource.value)[0]


def _changed(resource: Resource) -> Iterator[Timestamp | None]:
    yield moment_of(object_of(resource.value.get("meta")).get("lastUpdated"))
    yield moment_of(resource.value.get("issued"))
