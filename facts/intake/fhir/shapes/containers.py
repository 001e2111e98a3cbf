"""Resources that stand inside others: the results in a DiagnosticReport or a panel, as resources of their own."""

from collections.abc import Iterator, Mapping
from typing import Any

from facts.intake.fhir.shapes.resources import Resource
from facts.intake.fhir.shapes.values import objects_of, text_of
from facts.intake.judging import VOID

_READ = frozenset(
    {
        "Observation",
        "Condition",
        "Procedure",
        "MedicationRequest",
        "MedicationOrder",
        "MedicationStatement",
        "MedicationAdministration",
        "MedicationDispense",
    }
)
_PASSED_ON = ("subject", "patient", "implicitRules", "modifierExtension")
"""What holds of everything in a resource, unless that says otherwise."""
_DATES = ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming", "issued")


def contained_in(resource: Resource) -> Iterator[Resource]:
    """Return what is read of a resource's contained ones, each with its container's patient and, where it has none, date."""
    for inside in objects_of(resource.value.get("contained")):
        if text_of(inside.get("resourceType")) in _READ:
            yield Resource(_whole(inside, resource), resource.place)


def _whole(inside: Mapping[str, Any], container: Resource) -> dict[str, Any]:
    passed = {key: container.value[key] for key in _PASSED_ON if key in container.value}
    whole = {**passed, **inside, "id": f"{container.name.partition('/')[2]}#{text_of(inside.get('id')) or '?'}"}
    if text_of(inside.get("resourceType")).startswith("Medication"):
        # The medicine that a contained order refers to stands beside it.
        whole["contained"] = container.value["contained"]
    else:
        whole.pop("contained", None)
        if not any(element in inside for element in _DATES):
            whole.update({key: container.value[key] for key in _DATES if key in container.value})
    status = text_of(container.value.get("status"))
    return {**whole, "status": status} if status in VOID else whole
