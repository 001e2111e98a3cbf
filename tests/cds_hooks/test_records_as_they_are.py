"""Cards from records as they are: planned dates, old and unverified results, panels, and patients who have died."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.cds_hooks.calling import (
    CRAMPS,
    ORDERS,
    PATIENT,
    PERSON,
    VISIT_NOW,
    bundle,
    cards,
    condition,
    draft,
    medicine,
    order,
    potassium,
    prefetch,
    visit,
)

LOW = potassium("low", 2.2, "2026-02-27")


def card(client: TestClient, **changes: Any) -> dict[str, Any]:
    (found,) = cards(client, visit(prefetch=prefetch(**{"observations": bundle(LOW), **changes})))
    return found


def dosage(start: str) -> dict[str, Any]:
    return {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": start}}}}]}


@pytest.mark.parametrize(
    "plan",
    [
        {},
        {"medications": bundle(medicine("later", "levothyroxine 75 mcg", **dosage("2026-11-01")))},
        {"medications": bundle(medicine("draft", "levothyroxine 75 mcg", status="draft", authoredOn="2026-11-01"))},
        {"encounter": {**VISIT_NOW, "period": {"start": "2026-03-02T09:00:00Z", "end": "2026-11-30"}}},
        {"conditions": bundle(CRAMPS, condition("pregnant", code="Z33.1", abatementDateTime="2026-11-01"))},
    ],
)
def test_a_plan_never_makes_a_result_too_old_for_its_card(plan: dict[str, Any], client: TestClient) -> None:
    found = card(client, **plan)
    assert found["indicator"] == "critical"
    assert "Serum potassium is 2.2 mmol/L" in found["detail"]


def test_a_draft_order_that_starts_later_does_not_either(client: TestClient) -> None:
    request = order(draft("d", "Furosemide 40 mg", **dosage("2026-11-01")), prefetch=prefetch(observations=bundle(LOW)))
    (found,) = cards(client, request, ORDERS)
    assert found["indicator"] == "critical"


@pytest.mark.parametrize("died", [{"deceasedBoolean": True}, {"deceasedDateTime": "2026-03-01T04:00:00Z"}])
def test_there_is_no_card_of_the_deceased(died: dict[str, Any], client: TestClient) -> None:
    record = prefetch(patient={**PERSON, **died}, observations=bundle(LOW))
    assert cards(client, visit(prefetch=record)) == []
    assert cards(client, order(draft("d", "Furosemide 40 mg"), prefetch=record), ORDERS) == []


@pytest.mark.parametrize("alive", [{"deceasedBoolean": False}, {"deceasedDateTime": "2999-01-01"}])
def test_a_death_that_has_not_happened_hides_no_card(alive: dict[str, Any], client: TestClient) -> None:
    assert card(client, patient={**PERSON, **alive})["indicator"] == "critical"


def test_a_result_that_is_too_old_is_named_with_its_value(client: TestClient) -> None:
    found = card(client, observations=bundle(potassium("old", 2.2, "2025-08-01"), potassium("older", 2.6, "2025-05-01")))
    assert found["indicator"] != "critical"
    assert "serum potassium 2.2 mmol/L (Observation/old): 213 days old, counts for 90 days" in found["detail"]


@pytest.mark.parametrize("status", ["preliminary", "unknown"])
def test_an_unverified_result_warns_on_the_card(status: str, client: TestClient) -> None:
    found = card(client, observations=bundle({**LOW, "status": status}))
    assert found["indicator"] == "critical"
    assert "Unverified, repeat it" in found["detail"]
    assert "2.2 mmol/L" in found["detail"]
    reassuring = card(client, observations=bundle({**potassium("k", 4.4), "status": status}))
    nothing = card(client, observations=bundle())
    assert reassuring["indicator"] == nothing["indicator"]
    assert "4.4 mmol/L" in reassuring["detail"]


def test_panels_are_asked_for_and_their_components_read(client: TestClient) -> None:
    (service,) = [one for one in client.get("/cds-services").json()["services"] if one["hook"] == "patient-view"]
    asked = service["prefetch"]["observations"]
    assert "http://loinc.org|8480-6" in asked
    assert "http://loinc.org|85354-9" in asked
    low = {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}
    measured = {"value": 74, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"}
    panel = {
        **{key: value for key, value in LOW.items() if key != "valueQuantity"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "85354-9"}]},
        "component": [{"code": low, "valueQuantity": measured}],
        "effectiveDateTime": "2026-03-02",
    }
    found = card(client, observations=bundle(panel))
    assert found["indicator"] == "critical"
    assert "74 mmHg" in found["detail"]


def test_contained_results_count_on_a_card(client: TestClient) -> None:
    inside = {key: value for key, value in LOW.items() if key != "subject"}
    panel = {
        "resourceType": "Observation",
        "id": "panel",
        "status": "final",
        "code": {"coding": [{"system": "http://loinc.org", "code": "24326-1"}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "effectiveDateTime": "2026-02-27",
        "contained": [inside],
    }
    assert card(client, observations=bundle(panel))["indicator"] == "critical"


def test_a_resource_of_another_release_is_named_on_the_card(client: TestClient) -> None:
    old = {"resourceType": "MedicationPrescription", "id": "m", "patient": {"reference": f"Patient/{PATIENT}"}}
    assert "MedicationPrescription" in card(client, medications=bundle(old))["detail"]
