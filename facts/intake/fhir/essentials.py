"""A resource without what no case depends on, so that the records of many patients take little room until each is read."""

from collections.abc import Iterator, Mapping
from typing import Any

from facts.intake.fhir.codes import CodeIndex
from facts.intake.fhir.shapes.resources import DATED, Resource
from facts.intake.fhir.shapes.values import codings_of, names_of, objects_of

_CODED = frozenset({"Observation", "Condition", "Procedure"})


def essential(resource: Resource, index: CodeIndex) -> Mapping[str, Any]:
    """Return a resource as far as a case can depend on it: of one with no declared code, that it is there, and its date."""
    value, kind = resource.value, resource.kind
    if kind in ("Encounter", "DiagnosticReport"):
        kept: tuple[str, ...] = ("status",)
    elif kind not in _CODED or any(_may_mean(concept, index) for concept in _concepts(value)):
        return value
    else:
        # A condition that is present and not known is told by its name.
        kept = ("status", "clinicalStatus", "verificationStatus", "abatementDateTime", "abatementPeriod", "category")
        kept += ("code", "abatementAge", "abatementString", "abatementRange") if kind == "Condition" else ()
    kept += ("resourceType", "id", "meta", *DATED[kind])
    return {key: value[key] for key in kept if key in value}


def _may_mean(concept: Any, index: CodeIndex) -> bool:
    codings = codings_of(concept)
    if index.knows(codings) or any(not coding.system and index.is_code_elsewhere(coding.code) for coding in codings):
        return True
    return not any(coding.system for coding in codings) and bool(index.measured_by_name(names_of(concept)))


def _concepts(value: Mapping[str, Any]) -> Iterator[Any]:
    for part in (value, *objects_of(value.get("component"))):
        yield part.get("code")
        yield part.get("valueCodeableConcept")
