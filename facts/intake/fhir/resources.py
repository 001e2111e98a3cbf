"""Resources of a FHIR record: what the readers of observations, conditions and medicines take, and what they give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from facts.case import Observed
from facts.intake.fhir.values import Timestamp, described, is_id, object_of, reference_of, text_of
from facts.problems import Place
from facts.vocabulary import Finding

DATED = {
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "issued"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate", "abatementDateTime", "abatementPeriod"),
    "Procedure": ("performedDateTime", "performedPeriod"),
    "MedicationRequest": ("authoredOn",),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod"),
    "Encounter": ("period",),
}
"""The kinds that are read, beside Patient and Medication, and the elements that date them; an Encounter only tells a date."""
KINDS = frozenset({"Patient", "Medication", *DATED})


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as plain data, its type, and where it stands: the line of NDJSON, or the entry of a Bundle.

    `name` is what it is called in reports: "Observation/123".
    """

    value: Mapping[str, Any]
    place: Place
    kind: str = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Read type and id once; they are asked for again and again."""
        kind = text_of(self.value.get("resourceType"))
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "name", f"{kind}/{text_of(self.value.get('id'))[:64] or '?'}")


@dataclass(frozen=True, slots=True)
class StatedFinding:
    """What a resource says of one finding; `observed` is None when it answers in a way that cannot be read."""

    finding: str
    observed: Observed | None
    moment: Timestamp | None
    resource: str


@dataclass(frozen=True, slots=True)
class NotUsed:
    """What a resource would have said, and why it does not count.

    With a `fix` it is a fault, and is told as a problem too. With a `finding` it is a result that cannot be read: no older one
    may stand in for it.
    """

    what: str
    reason: str
    resource: Resource
    moment: Timestamp | None = None
    fix: str = ""
    finding: str = ""


Told: TypeAlias = StatedFinding | NotUsed


@dataclass(frozen=True, slots=True)
class AsOf:
    """The day at which a patient is judged: None when the record tells no date and nobody gave one."""

    day: date | None

    def before(self, moment: Timestamp | None) -> bool:
        """Return whether something was only after that day; what has no whole date is judged by its beginning."""
        return moment is not None and self.day is not None and (moment.day or moment.instant.date()) > self.day


def label(finding: Finding) -> str:
    """Return a finding's label for a list."""
    return finding.label.removeprefix("the ").removeprefix("a ")


def patient_of(resource: Mapping[str, Any]) -> str:
    """Return the patient that a resource is about, as "Patient/id" or "urn:…". Raises ValueError with what to tell."""
    if resource.get("resourceType") == "Patient":
        own = resource.get("id")
        if not isinstance(own, str) or not is_id(own):
            raise ValueError(f"its id is {described(own)}, expected 1 to 64 letters, digits, hyphens and dots")
        return f"Patient/{own}"
    subject = resource.get("subject") or resource.get("patient")
    reference = reference_of(subject)
    if not reference.startswith(("Patient/", "urn:")):
        found = object_of(subject).get("reference")
        raise ValueError(
            f"its subject is {'missing' if found is None else described(found)}, expected a reference to a Patient"
        )
    return reference
