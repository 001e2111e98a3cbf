"""A clinical system for tests: a patient's record as FHIR R4, requests made of it, and the service to send them to."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from starlette.testclient import TestClient

BASE = "http://testserver"
VISIT, ORDERS = "muscle-cramps", "muscle-cramps-and-orders"
PATIENT = "pat-1"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
KEYS = ("patient", "encounter", "conditions", "medications", "observations")
JSON = {"content-type": "application/json"}


def bundle(*resources: Mapping[str, Any], following: str | None = None) -> dict[str, Any]:
    made: dict[str, Any] = {"resourceType": "Bundle", "type": "searchset", "total": len(resources)}
    made["entry"] = [{"resource": dict(resource), "search": {"mode": "match"}} for resource in resources]
    if following is not None:
        made["link"] = [{"relation": "next", "url": following}]
    return made


def condition(
    name: str, *, text: str = "", code: str = "", system: str = "http://hl7.org/fhir/sid/icd-10-cm", **more: Any
) -> dict[str, Any]:
    concept: dict[str, Any] = {"text": text} if text else {}
    if code:
        concept["coding"] = [{"system": system, "code": code}]
    active = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/condition-clinical", "code": "active"}]}
    return {
        "resourceType": "Condition",
        "id": name,
        "clinicalStatus": active,
        "code": concept,
        "subject": {"reference": f"Patient/{PATIENT}"},
        "onsetDateTime": "2026-01-04",
        **more,
    }


def medicine(name: str, text: str, *, status: str = "active", **more: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": name,
        "status": status,
        "intent": "order",
        "medicationCodeableConcept": {"text": text},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "authoredOn": "2026-02-01",
        **more,
    }


def potassium(name: str, value: float, day: str = "2026-03-01") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "id": name,
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "2823-3"}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": day,
        "valueQuantity": {"value": value, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"},
    }


CRAMPS = condition("c-1", code="R25.2")
PERSON = {"resourceType": "Patient", "id": PATIENT, "gender": "female", "birthDate": "1950-05-01"}
VISIT_NOW = {
    "resourceType": "Encounter",
    "id": "enc-1",
    "status": "in-progress",
    "class": {"code": "AMB"},
    "subject": {"reference": f"Patient/{PATIENT}"},
    "period": {"start": "2026-03-02T09:00:00Z"},
}


def prefetch(**changes: Any) -> dict[str, Any]:
    record: dict[str, Any] = {
        "patient": PERSON,
        "encounter": VISIT_NOW,
        "conditions": bundle(CRAMPS),
        "medications": bundle(medicine("m-1", "Hydrochlorothiazide 25 mg tablet")),
        "observations": bundle(potassium("o-1", 3.1)),
    }
    record.update(changes)
    return {key: copy.deepcopy(value) for key, value in record.items()}


def visit(hook: str = "patient-view", **changes: Any) -> dict[str, Any]:
    """A call as a chart is opened: everything prefetched, unless the changes say otherwise (None takes a field out)."""
    request: dict[str, Any] = {
        "hook": hook,
        "hookInstance": INSTANCE,
        "context": {"userId": "Practitioner/example", "patientId": PATIENT, "encounterId": "enc-1"},
        "prefetch": prefetch(),
    }
    request.update(changes)
    return {key: value for key, value in request.items() if value is not None}


def order(*drafts: Mapping[str, Any], hook: str = "order-sign", beside: tuple[Any, ...] = (), **changes: Any) -> dict[str, Any]:
    """A call as something is ordered."""
    entries = [{"resource": resource} for resource in (*drafts, *beside)]
    context: dict[str, Any] = {
        "userId": "Practitioner/example",
        "patientId": PATIENT,
        "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": entries},
    }
    if hook == "order-select":
        context["selections"] = [f"MedicationRequest/{draft['id']}" for draft in drafts]
    return visit(hook, **{"context": context, **changes})


def draft(name: str, text: str, **more: Any) -> dict[str, Any]:
    return medicine(name, text, status="draft", **more)


def call(client: TestClient, request: Any, service: str = VISIT, **headers: str) -> Any:
    content = request if isinstance(request, bytes | str) else json.dumps(request)
    return client.post(f"/cds-services/{service}", content=content, headers={**JSON, **headers})


def cards(client: TestClient, request: Any, service: str = VISIT) -> list[dict[str, Any]]:
    response = call(client, request, service)
    assert response.status_code == 200, response.text
    return list(response.json()["cards"])


def refusal(response: Any, status: int) -> str:
    """Check that a response is an OperationOutcome with this status; gives what it tells."""
    assert response.status_code == status, response.text
    told = response.json()
    assert told["resourceType"] == "OperationOutcome"
    assert "cards" not in told
    assert all(issue["severity"] == "error" and issue["code"] and issue["diagnostics"] for issue in told["issue"])
    return "; ".join(issue["diagnostics"] for issue in told["issue"])
