"""What CDS Hooks 2.0 says a service SHALL or MUST do, requirement by requirement; each test names the words it is about."""

import json
import re
import uuid
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from expert.cds_hooks.clients import HookSettings
from expert.cds_hooks.routes import HookService, hooks_application
from expert.inference.assessing import Assessor
from knowledge_base.model import KnowledgeBase
from tests.cds_hooks.calling import BASE, ORDERS, PATIENT, VISIT, call, cards, draft, order, refusal, visit

TOKEN = re.compile(r"\{\{(.*?)\}\}")
SEARCH = re.compile(
    r"(Condition|MedicationRequest|Observation)\?patient=\{\{context\.patientId\}\}(&code=[^&]+)?(&_sort=-date)?"
)
READ = re.compile(r"(Patient/\{\{context\.patientId\}\}|Encounter/\{\{context\.encounterId\}\})")


def every_card(client: TestClient) -> list[dict[str, Any]]:
    made = cards(client, visit()) + cards(client, order(draft("d-1", "Furosemide 40 mg tablet")), ORDERS)
    assert len(made) == 2
    return made


def empty_parts(value: Any, at: str = "") -> list[str]:
    if value is None or value in ("", [], {}):
        return [at]
    if isinstance(value, dict):
        return [part for key, inner in value.items() for part in empty_parts(inner, f"{at}.{key}")]
    if isinstance(value, list):
        return [part for number, inner in enumerate(value) for part in empty_parts(inner, f"{at}[{number}]")]
    return []


# Discovery


def test_discovery_shall_always_be_at_cds_services(client: TestClient) -> None:
    response = client.get("/cds-services")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert isinstance(response.json()["services"], list)


def test_each_service_shall_be_described_by_hook_description_and_id(client: TestClient) -> None:
    services = client.get("/cds-services").json()["services"]
    assert {(entry["hook"], entry["id"]) for entry in services} == {
        ("patient-view", VISIT),
        ("encounter-start", VISIT),
        ("order-select", ORDERS),
        ("order-sign", ORDERS),
    }
    assert all(entry["description"] and entry["title"] for entry in services)


def test_prefetch_tokens_must_be_context_fields_of_the_hook(client: TestClient) -> None:
    for entry in client.get("/cds-services").json()["services"]:
        for template in entry["prefetch"].values():
            assert set(TOKEN.findall(template)) <= {"context.patientId", "context.encounterId"}


def test_prefetch_templates_keep_to_the_subset_that_clients_should_support(client: TestClient) -> None:
    for entry in client.get("/cds-services").json()["services"]:
        for template in entry["prefetch"].values():
            assert READ.fullmatch(template) or SEARCH.fullmatch(template), template


def test_the_observations_that_are_asked_for_are_those_that_the_vocabulary_knows(
    client: TestClient, knowledge: KnowledgeBase
) -> None:
    template = client.get("/cds-services").json()["services"][0]["prefetch"]["observations"]
    asked = set(re.findall(r"http://loinc\.org\|([0-9-]+)", template))
    known = {code.code for finding in knowledge.vocabulary.findings.values() for code in finding.codes.get("LOINC", [])}
    assert "2823-3" in asked
    assert known <= asked


# Responses


def test_a_successful_response_shall_be_200_with_a_cards_array(client: TestClient) -> None:
    response = call(client, visit())
    assert response.status_code == 200
    assert len(response.json()["cards"]) == 1


@pytest.mark.parametrize("what", ["discovery", "visit", "order", "nothing to say"])
def test_json_elements_shall_not_be_null_or_empty(client: TestClient, what: str) -> None:
    if what == "discovery":
        assert empty_parts(client.get("/cds-services").json()) == []
    elif what == "nothing to say":
        request = order(draft("d-1", "Paracetamol 500 mg tablet"))
        assert call(client, request, ORDERS).json() == {"cards": []}, "the one empty element that the specification allows"
    else:
        request = visit() if what == "visit" else order(draft("d-1", "Furosemide 40 mg tablet"))
        assert empty_parts(call(client, request, VISIT if what == "visit" else ORDERS).json()) == []


def test_the_summary_is_one_sentence_of_fewer_than_140_characters(client: TestClient) -> None:
    long = "Hydrochlorothiazide 25 mg tablet " + "for the blood pressure " * 20
    request = visit()
    request["prefetch"]["medications"]["entry"][0]["resource"]["medicationCodeableConcept"]["text"] = long
    for card in (*every_card(client), *cards(client, request)):
        assert 0 < len(card["summary"]) < 140
        assert "\n" not in card["summary"]


def test_the_indicator_is_one_of_the_allowed_values_and_the_source_has_a_label(
    client: TestClient, knowledge: KnowledgeBase
) -> None:
    for card in every_card(client):
        assert card["indicator"] in ("info", "warning", "critical")
        assert card["source"]["label"] == f"Muscle cramps, knowledge {knowledge.version}"


def test_where_suggestions_are_present_the_selection_behavior_must_be_too(client: TestClient) -> None:
    behaviors = [(card["selectionBehavior"], len(card["suggestions"])) for card in every_card(client) if "suggestions" in card]
    assert behaviors
    assert all(behavior == "any" and count for behavior, count in behaviors)


def test_each_suggestion_has_a_label_and_each_action_a_type_and_a_description(client: TestClient) -> None:
    for card in every_card(client):
        for suggestion in card["suggestions"]:
            assert 0 < len(suggestion["label"]) <= 80
            assert uuid.UUID(suggestion["uuid"])
            for action in suggestion["actions"]:
                assert action["type"] == "create"
                assert action["description"]


def test_a_create_action_shall_contain_a_new_fhir_resource(client: TestClient) -> None:
    actions = [action for card in every_card(client) for one in card["suggestions"] for action in one["actions"]]
    assert actions
    for action in actions:
        resource = action["resource"]
        assert resource["resourceType"] == "ServiceRequest"
        assert (resource["status"], resource["intent"]) == ("draft", "order")
        assert resource["subject"] == {"reference": f"Patient/{PATIENT}"}
        assert resource["code"]["text"]
        assert "id" not in resource


def test_override_reasons_must_have_a_display_and_are_whole_codings(client: TestClient) -> None:
    for card in every_card(client):
        assert len(card["overrideReasons"]) >= 5
        assert all(reason["code"] and reason["system"] and reason["display"] for reason in card["overrideReasons"])


def test_a_link_is_absolute_and_has_no_app_context(client: TestClient) -> None:
    for card in every_card(client):
        for link in card["links"]:
            assert link["label"]
            assert link["type"] == "absolute"
            assert link["url"].startswith("http://testserver/")
            assert "appContext" not in link


def test_the_card_has_a_uuid_that_feedback_shall_name(client: TestClient) -> None:
    made = [uuid.UUID(card["uuid"]) for card in every_card(client)]
    assert len(set(made)) == 2


def test_the_same_request_gives_the_same_bytes(client: TestClient) -> None:
    assert call(client, visit()).content == call(client, visit()).content


def test_another_call_gives_another_uuid(client: TestClient) -> None:
    other = visit(hookInstance=str(uuid.UUID(int=7)))
    assert cards(client, visit())[0]["uuid"] != cards(client, other)[0]["uuid"]


def test_system_actions_are_left_out(client: TestClient) -> None:
    assert set(call(client, visit()).json()) == {"cards"}


# Errors


def test_what_is_no_service_is_404(client: TestClient) -> None:
    assert "no such service" in refusal(call(client, visit(), "no-such"), 404)
    assert refusal(client.get("/cds-services/a/b/c"), 404)
    assert refusal(client.get(f"/cds-services/{VISIT}"), 405)


@pytest.mark.parametrize("media", ["text/plain", "application/xml", ""])
def test_what_is_not_json_by_its_content_type_is_415(client: TestClient, media: str) -> None:
    response = client.post(f"/cds-services/{VISIT}", content=json.dumps(visit()), headers={"content-type": media})
    assert "application/json" in refusal(response, 415)


def test_what_is_too_long_is_413(service: HookService, client: TestClient) -> None:
    assert refusal(call(client, b" " * (service.settings.largest_request + 1)), 413)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hook": None}, "hook: found"),
        ({"hook": "order-sign"}, "expected patient-view or encounter-start"),
        ({"hookInstance": None}, "hookInstance"),
        ({"hookInstance": "not-a-uuid"}, "hookInstance"),
        ({"hookInstance": 5}, "hookInstance"),
        ({"context": None}, "context: expected an object"),
        ({"context": []}, "context: expected an object"),
        ({"context": {"patientId": PATIENT}}, "context.userId"),
        ({"context": {"userId": "Practitioner/1"}}, "context.patientId"),
        ({"context": {"userId": "Practitioner/1", "patientId": "../Patient"}}, "context.patientId"),
        ({"context": {"userId": "Practitioner/1", "patientId": 5}}, "context.patientId"),
        ({"context": {"userId": "Practitioner/1", "patientId": PATIENT, "encounterId": "a b"}}, "context.encounterId"),
        ({"prefetch": "all of it"}, "prefetch: expected an object"),
        ({"fhirServer": 5}, "fhirServer"),
        ({"fhirAuthorization": {"access_token": "t", "token_type": "Bearer"}}, "fhirServer: it is required"),
        ({"fhirServer": "https://a.example", "fhirAuthorization": {"token_type": "Bearer"}}, "access_token"),
        (
            {"fhirServer": "https://a.example", "fhirAuthorization": {"access_token": "t\r\nx: y", "token_type": "Bearer"}},
            "token",
        ),
        ({"fhirServer": "https://a.example", "fhirAuthorization": {"access_token": "t", "token_type": "Basic"}}, "token_type"),
    ],
)
def test_a_request_without_what_is_required_is_400_and_says_what(client: TestClient, change: dict[str, Any], told: str) -> None:
    assert told in refusal(call(client, visit(**change)), 400)


def test_everything_that_is_wrong_is_told_at_once(client: TestClient) -> None:
    told = refusal(call(client, {"hook": "x", "context": {}}), 400)
    assert all(part in told for part in ("hook:", "hookInstance"))


def test_an_encounter_is_required_when_one_starts(client: TestClient) -> None:
    context = {"userId": "Practitioner/1", "patientId": PATIENT}
    assert "context.encounterId" in refusal(call(client, visit("encounter-start", context=context)), 400)
    assert cards(client, visit("encounter-start"))


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b"5", b"{", b"\xff\xfe", b'{"a": 1, "a": 2}', b'"\\ud800"', b"[" * 100_000]
)
def test_what_is_not_a_json_object_is_400(client: TestClient, body: bytes) -> None:
    assert refusal(call(client, body), 400)


def test_draft_orders_and_selections_are_required_where_something_is_ordered(client: TestClient) -> None:
    request = order(draft("d-1", "Furosemide 40 mg"))
    del request["context"]["draftOrders"]
    assert "context.draftOrders" in refusal(call(client, request, ORDERS), 400)
    request = order(draft("d-1", "Furosemide 40 mg"), hook="order-select")
    del request["context"]["selections"]
    assert "context.selections" in refusal(call(client, request, ORDERS), 400)


def test_an_error_inside_is_500_and_tells_nothing(
    service: HookService, client: TestClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError(f"{PATIENT} has cramps")

    monkeypatch.setattr(service.services, "answers", broken)
    assert PATIENT not in refusal(call(client, visit()), 500)
    assert "RuntimeError in broken" in caplog.text
    assert PATIENT not in caplog.text


def test_a_store_that_cannot_be_used_is_503_and_no_empty_list(service: HookService, client: TestClient) -> None:
    service.store.connection.execute("PRAGMA query_only = ON")
    assert refusal(call(client, visit()), 503)


# Browsers


def test_other_origins_are_let_in_only_when_they_are_listed(client: TestClient) -> None:
    asked = {"origin": "https://evil.example", "access-control-request-method": "POST"}
    assert "access-control-allow-origin" not in client.options(f"/cds-services/{VISIT}", headers=asked).headers
    assert "access-control-allow-origin" not in client.get("/cds-services", headers=asked).headers


def test_a_listed_origin_may_call_from_a_browser(assessor: Assessor, tmp_path: Path) -> None:
    settings = HookSettings(BASE, tmp_path / "feedback.sqlite", origins=("https://ehr.example",))
    service = HookService(settings, assessor)
    with TestClient(hooks_application(service)) as client:
        asked = {
            "origin": "https://ehr.example",
            "access-control-request-method": "POST",
            "access-control-request-headers": "content-type, authorization",
        }
        preflight = client.options(f"/cds-services/{VISIT}", headers=asked)
        assert preflight.status_code == 200
        assert preflight.headers["access-control-allow-origin"] == "https://ehr.example"
        assert {"GET", "POST", "OPTIONS"} <= set(preflight.headers["access-control-allow-methods"].split(", "))
        assert {"authorization", "content-type"} <= set(preflight.headers["access-control-allow-headers"].lower().split(", "))
        assert client.options(f"/cds-services/{VISIT}", headers={**asked, "origin": "https://evil.example"}).status_code == 400
        answered = call(client, visit(), origin="https://ehr.example")
        assert answered.headers["access-control-allow-origin"] == "https://ehr.example"
        assert answered.headers["access-control-allow-credentials"] == "true"
    service.close()
