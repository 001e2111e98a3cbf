"""Resources of a FHIR record: what the readers of observations, conditions and medicines take, and what they give."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeAlias

from facts.case import Observed
from facts.intake.fhir.shapes.moments import Timestamp
from facts.intake.fhir.shapes.values import described, is_id, object_of, reference_of, text_of
from facts.problems import Place
from facts.quantities import Interval, quantity_words
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding

DATED = {
    "Observation": ("effectiveDateTime", "effectivePeriod", "effectiveInstant", "effectiveTiming", "issued"),
    "Condition": ("onsetDateTime", "onsetPeriod", "recordedDate", "assertedDate", "dateRecorded"),
    "Procedure": ("performedDateTime", "performedPeriod", "occurrenceDateTime", "occurrencePeriod"),
    "MedicationRequest": ("authoredOn", "dateWritten"),
    "MedicationStatement": ("effectiveDateTime", "effectivePeriod", "dateAsserted"),
    "MedicationAdministration": ("effectiveDateTime", "effectivePeriod", "effectiveTimeDateTime", "effectiveTimePeriod"),
    "MedicationDispense": ("whenHandedOver", "whenPrepared"),
    "QuestionnaireResponse": ("authored",),
    "DiagnosticReport": ("effectiveDateTime", "effectivePeriod", "issued"),
    "Encounter": ("period",),
}
"""The kinds that are read, besides Patient and Medication, and the elements that date them (those of STU3 and DSTU2 where they
mean the same); an Encounter and a DiagnosticReport only tell a date."""
OLD_NAMES = {"MedicationOrder": "MedicationRequest"}
"""What a kind of resource was called in an older release of FHIR, where nothing else that matters here has changed."""
NOT_READ = {
    "MedicationPrescription": "FHIR DSTU1",
    "MedicationUsage": "a draft of FHIR R5",
    "AdverseReaction": "FHIR DSTU1",
}
"""Kinds of other releases that hold what is read here under another name and in another shape."""
KINDS = frozenset({"Patient", "Medication", *DATED})


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource as plain data, its type, and where it stands: the line of NDJSON, or the entry of a Bundle.

    `kind` is its type in R4; `name` is what it is called in reports, as it calls itself: "Observation/123".
    """

    value: Mapping[str, Any]
    place: Place
    kind: str = field(init=False)
    name: str = field(init=False)

    def __post_init__(self) -> None:
        """Read type and id once; they are asked for again and again."""
        written = text_of(self.value.get("resourceType"))
        object.__setattr__(self, "kind", OLD_NAMES.get(written, written))
        object.__setattr__(self, "name", f"{written}/{text_of(self.value.get('id'))[:64] or '?'}")


@dataclass(frozen=True, slots=True)
class StatedFinding:
    """What a resource says of one finding; `observed` is None when it answers in a way that cannot be read.

    With a `doubt` nobody vouches for it: it may warn, and never reassures. `is_reading` tells what was true at its moment alone
    (an Observation) from what has been true since (a Condition); `recorded` is when that was last said of it. `remark` is what
    to know about its source.
    """

    finding: str
    observed: Observed | None
    moment: Timestamp | None
    resource: str
    doubt: str = ""
    is_reading: bool = True
    recorded: Timestamp | None = None
    remark: str = ""


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


@dataclass(frozen=True, slots=True)
class NotKnown:
    """A condition that is present and whose codes the vocabulary does not know, by its name."""

    name: str


Told: TypeAlias = StatedFinding | NotUsed | NotKnown


@dataclass(frozen=True, slots=True)
class AsOf:
    """The day at which a patient is judged: None when the record tells no date and nobody gave one."""

    day: date | None

    def before(self, moment: Timestamp | None) -> bool:
        """Return whether something was only after that day; what has no whole date is judged by its beginning."""
        return moment is not None and self.day is not None and moment.first_day > self.day


def label(finding: Finding) -> str:
    """Return a finding's label for a list."""
    return finding.label.removeprefix("the ").removeprefix("a ")


def with_value(finding: Finding, observed: Observed | None) -> str:
    """Return a finding's label with what is said of it: "serum potassium 2.1 mmol/L", "vomiting: yes"."""
    if observed is None:
        return label(finding)
    if observed.given:
        return f"{label(finding)} {observed.given}"
    value = observed.value
    if isinstance(finding, QuantityFinding):
        known = value if isinstance(value, Interval) else float(value)
        unit = "" if finding.unit == "count" else f" {finding.unit}"
        return f"{label(finding)} {quantity_words(known, finding.range, '{:g}'.format)}{unit}"
    told = "yes" if value is True else "no" if value is False else str(value)
    return f"{label(finding)}: {told.replace('_', ' ') if isinstance(finding, ChoiceFinding) else told}"


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
