"""What comes with a request, key by key: absent, null, an OperationOutcome, empty, in pages; and what is somebody else's."""

from typing import Any

import pytest
from starlette.testclient import TestClient

from tests.cds_hooks.calling import (
    BASE,
    CRAMPS,
    KEYS,
    ORDERS,
    PERSON,
    VISIT_NOW,
    bundle,
    call,
    cards,
    condition,
    draft,
    medicine,
    order,
    potassium,
    prefetch,
    refusal,
    visit,
)

OUTCOME = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "timeout"}]}
SEARCHES = ("conditions", "medications", "observations")
REASON = {**VISIT_NOW, "reasonCode": [{"text": "Leg cramps at night"}]}


def without(key: str) -> dict[str, Any]:
    return {name: value for name, value in prefetch(encounter=REASON).items() if name != key}


def sent(key: str, value: Any) -> dict[str, Any]:
    """A patient whose complaint shows both as a condition and as the reason of the encounter, but for one key."""
    return visit(prefetch={**prefetch(encounter=REASON), key: value})


@pytest.mark.parametrize("key", KEYS)
def test_a_needed_key_that_is_absent_shall_be_412_when_it_cannot_be_fetched(client: TestClient, key: str) -> None:
    told = refusal(call(client, visit(prefetch=without(key))), 412)
    assert f"prefetch.{key} is needed: it was not prefetched" in told
    assert told.count("is needed") == 1


@pytest.mark.parametrize("key", KEYS)
def test_an_operation_outcome_in_place_of_data_is_no_data(client: TestClient, key: str) -> None:
    assert f"prefetch.{key} is needed: it holds an OperationOutcome" in refusal(call(client, sent(key, OUTCOME)), 412)


@pytest.mark.parametrize("key", SEARCHES)
def test_an_operation_outcome_inside_a_bundle_counts_by_its_severity(client: TestClient, key: str) -> None:
    warned = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "informational"}]}
    assert refusal(call(client, sent(key, bundle(OUTCOME))), 412)
    assert cards(client, sent(key, bundle(warned)))


@pytest.mark.parametrize("key", KEYS)
def test_null_says_that_there_is_nothing(client: TestClient, key: str) -> None:
    assert len(cards(client, sent(key, None))) == 1


@pytest.mark.parametrize("key", SEARCHES)
def test_an_empty_bundle_says_that_there_is_nothing(client: TestClient, key: str) -> None:
    empty = bundle()
    assert len(cards(client, sent(key, empty))) == 1
    del empty["entry"]
    assert len(cards(client, sent(key, empty))) == 1


@pytest.mark.parametrize("key", SEARCHES)
def test_of_a_paged_bundle_what_is_there_counts_and_the_card_says_that_there_is_more(client: TestClient, key: str) -> None:
    request = sent(key, {**prefetch()[key], "link": [{"relation": "next", "url": "https://ehr.example/fhir?page=2"}]})
    (card,) = cards(client, request)
    assert f"Only a part of the patient's {key} was sent" in card["detail"]


def test_no_complaint_on_the_first_of_many_pages_is_412_and_not_an_empty_list(client: TestClient) -> None:
    asthma = condition("c-9", code="J45.909")
    whole = visit(prefetch=prefetch(conditions=bundle(asthma)))
    assert cards(client, whole) == []
    request = visit(prefetch=prefetch(conditions=bundle(asthma, following="https://ehr.example/fhir?page=2")))
    assert "more pages" in refusal(call(client, request), 412)


@pytest.mark.parametrize("key", ["conditions", "encounter"])
def test_without_what_tells_the_complaint_nobody_can_say_that_there_is_none(client: TestClient, key: str) -> None:
    request = visit(prefetch=prefetch(conditions=bundle()))
    assert cards(client, request) == []
    del request["prefetch"][key]
    assert f"prefetch.{key}" in refusal(call(client, request), 412)


@pytest.mark.parametrize("key", ["patient", "medications", "observations"])
def test_nothing_else_is_needed_where_there_is_no_complaint(client: TestClient, key: str) -> None:
    request = visit(prefetch=prefetch(conditions=bundle()))
    del request["prefetch"][key]
    assert cards(client, request) == []


def test_without_any_prefetch_every_key_that_is_needed_is_told(client: TestClient) -> None:
    told = refusal(call(client, visit(prefetch=None)), 412)
    assert "prefetch.conditions" in told
    assert "prefetch.encounter" in told


def test_no_encounter_is_asked_for_where_the_request_names_none(client: TestClient) -> None:
    request = visit(context={"userId": "Practitioner/1", "patientId": "pat-1"})
    del request["prefetch"]["encounter"]
    assert cards(client, request)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("patient", bundle(PERSON)),
        ("patient", 5),
        ("patient", []),
        ("patient", {}),
        ("encounter", PERSON),
        ("conditions", CRAMPS),
        ("conditions", "none"),
        ("conditions", {"resourceType": "Bundle", "entry": "none"}),
        ("conditions", {"resourceType": "Bundle", "entry": [5]}),
        ("observations", {"resourceType": ["Bundle"]}),
        ("medications", False),
    ],
)
def test_what_is_not_what_was_asked_for_is_400(client: TestClient, key: str, value: Any) -> None:
    assert f"prefetch.{key}" in refusal(call(client, sent(key, value)), 400)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("patient", {**PERSON, "id": "somebody-else"}),
        ("encounter", {**VISIT_NOW, "subject": {"reference": "Patient/somebody-else"}}),
        ("conditions", bundle({**CRAMPS, "subject": {"reference": "Patient/somebody-else"}})),
        ("medications", bundle({**medicine("m", "Aspirin"), "subject": {"reference": "Patient/somebody-else"}})),
        ("observations", bundle({**potassium("o", 2.0), "subject": {"reference": "Group/ward"}})),
    ],
)
def test_what_is_about_another_patient_is_refused_and_never_mixed_in(client: TestClient, key: str, value: Any) -> None:
    told = refusal(call(client, sent(key, value)), 400)
    assert "not about the patient" in told
    assert "somebody-else" not in told


def test_what_the_record_does_not_show_is_not_taken_for_absent(client: TestClient) -> None:
    (card,) = cards(client, visit(prefetch=prefetch(medications=bundle(), observations=bundle())))
    assert "not decided, could be immediate" in card["summary"]
    assert "is unknown here, not absent" in card["detail"]


def test_a_medication_that_a_draft_refers_to_is_needed(client: TestClient) -> None:
    ordered = draft("d-1", "", medicationReference={"reference": "Medication/med-1"})
    del ordered["medicationCodeableConcept"]
    assert "a Medication that was not sent" in refusal(call(client, order(ordered), ORDERS), 412)
    beside = {"resourceType": "Medication", "id": "med-1", "code": {"text": "Furosemide 40 mg tablet"}}
    assert cards(client, order(ordered, beside=(beside,)), ORDERS)


def test_nothing_is_fetched_unless_it_was_allowed(client: TestClient) -> None:
    request = visit(prefetch=without("conditions"), fhirServer=BASE)
    assert "may not fetch" in refusal(call(client, request), 412)
