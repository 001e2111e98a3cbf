"""Small FHIR resources for tests, and the reading of them into one case."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from facts.case import Case
from facts.intake.case_files import Intake
from facts.intake.fhir.files import resources_of
from facts.intake.fhir.intake import Judging, Records
from facts.problems import Place
from knowledge_base.model import KnowledgeBase

RECORDS = Path(__file__).parent / "records"
SHARED = Path(__file__).parents[2] / "shared" / "data"
SYSTEMS = {
    "LOINC": "http://loinc.org",
    "SNOMED CT": "http://snomed.info/sct",
    "ICD-10-CM": "http://hl7.org/fhir/sid/icd-10-cm",
    "RxNorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ATC": "http://www.whocc.no/atc",
    "HL7 interpretation": "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation",
    "HL7 act": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
}
SUBJECT = {"reference": "Patient/p"}
POTASSIUM, CREATINE_KINASE, SMOKING = "2823-3", "2157-6", "72166-2"


def concept(system: str, code: str, display: str = "") -> dict[str, Any]:
    return {"coding": [{"system": SYSTEMS[system], "code": code, **({"display": display} if display else {})}]}


def quantity(value: Any, unit: str) -> dict[str, Any]:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


def observation(code: Any, value: Any = None, unit: str = "mmol/L", when: str = "2026-03-01", **more: Any) -> dict[str, Any]:
    measured = {} if value is None else {"valueQuantity": quantity(value, unit)}
    return {
        "resourceType": "Observation",
        "id": more.pop("id", "o"),
        "status": "final",
        "code": concept("LOINC", code) if isinstance(code, str) else code,
        "subject": SUBJECT,
        "effectiveDateTime": when,
        **measured,
        **more,
    }


def condition(system: str, code: str, clinical: str = "active", verification: str = "confirmed", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Condition",
        "id": more.pop("id", "c"),
        "clinicalStatus": {"coding": [{"code": clinical}]},
        "verificationStatus": {"coding": [{"code": verification}]},
        "code": concept(system, code),
        "subject": SUBJECT,
        "onsetDateTime": "2026-02-01",
        **more,
    }


def order(medicine: Any, status: str = "active", **more: Any) -> dict[str, Any]:
    named = {"medicationCodeableConcept": {"text": medicine} if isinstance(medicine, str) else medicine}
    return {
        "resourceType": "MedicationRequest",
        "id": more.pop("id", "m"),
        "status": status,
        "intent": "order",
        "subject": SUBJECT,
        "authoredOn": "2026-02-01",
        **(named if medicine is not None else {}),
        **more,
    }


def statement(medicine: str, status: str, start: str | None = None, end: str | None = None, **more: Any) -> dict[str, Any]:
    period = {key: value for key, value in (("start", start), ("end", end)) if value}
    return {
        "resourceType": "MedicationStatement",
        "id": more.pop("id", "s"),
        "status": status,
        "medicationCodeableConcept": {"text": medicine},
        "subject": SUBJECT,
        "effectivePeriod": period,
        **more,
    }


def patient(**more: Any) -> dict[str, Any]:
    return {"resourceType": "Patient", "id": "p", **more}


def visit(day: str = "2026-03-02") -> dict[str, Any]:
    """Return an encounter, which dates a record and says nothing else."""
    return {"resourceType": "Encounter", "id": "e", "subject": SUBJECT, "period": {"start": day, "end": day}}


def read(resources: Iterable[Any], knowledge: KnowledgeBase, **judging: Any) -> Intake:
    with Records(knowledge.vocabulary, knowledge.dictionary, Judging(**judging)) as records:
        for number, resource in enumerate(resources, 1):
            records.file(resources_of(resource, Place("record", number)))
        records.close_filing()
        return records.intake()


def one(resources: Iterable[Any], knowledge: KnowledgeBase, **judging: Any) -> Case:
    intake = read(resources, knowledge, **judging)
    assert len(intake.cases) == 1, intake.refusals
    return intake.cases[0][0]


def notes(case: Case) -> dict[str, str]:
    return {note.text: note.reason for note in case.unrecognized}
