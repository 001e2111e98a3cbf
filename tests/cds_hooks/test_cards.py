"""When a card appears, and what it says: only about the complaint, with its reasons, and nothing that a record could forge."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import simple_icd_10_cm as icd
from starlette.testclient import TestClient

from expert.cds_hooks.clients import HookSettings
from expert.cds_hooks.routes import HookService, hooks_application
from expert.inference.assessing import Assessor
from facts.problems import CharleyError
from knowledge_base.lint import lint
from knowledge_base.loading import load_knowledge_base
from reports.knowledge.handbook import handbook, render_handbook
from reports.knowledge.showing import describe
from tests.cds_hooks.calling import (
    BASE,
    CRAMPS,
    ORDERS,
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

FOREIGN = Path(__file__).parents[1] / "foreign" / "headaches"
SAMPLES = Path(__file__).parents[3] / "shared" / "data" / "cds_hooks"


def status(code: str) -> dict[str, Any]:
    return {"coding": [{"code": code}]}


# When a card appears


@pytest.mark.parametrize(
    "complaint",
    [
        condition("c", code="R25.2"),
        condition("c", code="R252"),
        condition("c", code="G47.62"),
        condition("c", code="T67.2XXA"),
        condition("c", code="55300003", system="http://snomed.info/sct"),
        condition("c", text="Leg cramps at night"),
        condition("c", text="CHARLEY  HORSE"),
        condition("c", code="R25.2", clinicalStatus=status("recurrence")),
    ],
)
def test_a_present_condition_that_is_the_complaint_shows_it(client: TestClient, complaint: dict[str, Any]) -> None:
    assert len(cards(client, visit(prefetch=prefetch(conditions=bundle(complaint))))) == 1


@pytest.mark.parametrize(
    "other",
    [
        condition("c", code="J45.909"),
        condition("c", code="R25.8"),
        condition("c", code="R25.2", system="http://example.org/own"),
        condition("c", text="Menstrual cramps"),
        condition("c", text="Denies cramps"),
        condition("c", text="Scramps"),
        condition("c", code="R25.2", clinicalStatus=status("resolved")),
        condition("c", code="R25.2", clinicalStatus=status("inactive")),
        condition("c", code="R25.2", verificationStatus=status("refuted")),
        condition("c", code="R25.2", verificationStatus=status("entered-in-error")),
    ],
)
def test_without_the_complaint_the_empty_list_is_the_honest_answer(client: TestClient, other: dict[str, Any]) -> None:
    dangerous = bundle(potassium("o-1", 1.9))
    assert cards(client, visit(prefetch=prefetch(conditions=bundle(other), observations=dangerous))) == []


@pytest.mark.parametrize(
    ("change", "appears"),
    [
        ({"reasonCode": [{"text": "leg cramps"}]}, True),
        ({"reasonCode": [{"coding": [{"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "R25.2"}]}]}, True),
        ({"reasonReference": [{"reference": "Condition/old"}]}, True),
        ({"reasonCode": [{"text": "stomach cramps"}]}, False),
        ({"reasonCode": [{"text": "leg cramps"}], "status": "cancelled"}, False),
        ({"reasonCode": [{"text": "leg cramps"}], "id": "another-encounter"}, False),
        ({"reasonCode": "leg cramps"}, False),
    ],
)
def test_the_reason_of_this_encounter_shows_the_complaint(client: TestClient, change: dict[str, Any], appears: bool) -> None:
    past = condition("old", code="R25.2", clinicalStatus=status("resolved"))
    request = visit(prefetch=prefetch(conditions=bundle(past), encounter={**VISIT_NOW, **change}))
    assert len(cards(client, request)) == appears


@pytest.mark.parametrize(
    ("ordered", "appears"),
    [
        ("Furosemide 40 mg tablet", True),
        ("HCTZ 25 mg", True),
        ("atorvastatin 20 mg", True),
        ("Ventolin inhaler", True),
        ("Paracetamol 500 mg tablet", False),
        ("a name nobody knows", False),
    ],
)
@pytest.mark.parametrize("hook", ["order-sign", "order-select"])
def test_a_draft_order_gets_a_card_when_it_meets_the_complaint(
    client: TestClient, ordered: str, appears: bool, hook: str
) -> None:
    assert len(cards(client, order(draft("d-1", ordered), hook=hook), ORDERS)) == appears


def test_the_same_order_without_the_complaint_gets_none(client: TestClient) -> None:
    request = order(draft("d-1", "Furosemide 40 mg tablet"), prefetch=prefetch(conditions=bundle()))
    assert cards(client, request, ORDERS) == []


def test_only_what_was_selected_counts_when_orders_are_selected(client: TestClient) -> None:
    request = order(draft("d-1", "Paracetamol 500 mg"), draft("d-2", "Furosemide 40 mg"), hook="order-select")
    request["context"]["selections"] = ["MedicationRequest/d-1"]
    assert cards(client, request, ORDERS) == []
    request["context"]["selections"] = ["MedicationRequest/d-2"]
    assert len(cards(client, request, ORDERS)) == 1


@pytest.mark.parametrize("change", [{"status": "cancelled"}, {"doNotPerform": True}])
def test_an_order_not_to_give_something_is_no_order_of_it(client: TestClient, change: dict[str, Any]) -> None:
    assert cards(client, order({**draft("d-1", "Furosemide 40 mg"), **change}), ORDERS) == []


# What it says


def test_the_card_gives_the_urgency_with_its_ceiling_and_the_explanation(client: TestClient) -> None:
    (card,) = cards(client, visit())
    assert card["summary"].startswith("Muscle cramps: at least same day, not decided, could be immediate. ")
    assert card["indicator"] == "warning"
    for part in (
        "**Confirmed: Low potassium (hypokalemia)**",
        "Serum potassium is 3.1 mmol/L",
        "*Ask or examine first:*",
        "1. ",
        "The complaint: Cramp and spasm (Condition/c-1, 2026-01-04)",
        "Judged as of 2026-03-02",
        "does not replace it",
    ):
        assert part in card["detail"]
    assert len(card["detail"].strip().splitlines()) <= 15


@pytest.mark.parametrize(("level", "indicator"), [(2.4, "critical"), (3.1, "warning")])
def test_the_indicator_follows_the_urgency(client: TestClient, level: float, indicator: str) -> None:
    (card,) = cards(client, visit(prefetch=prefetch(observations=bundle(potassium("o-1", level)))))
    assert card["indicator"] == indicator


def test_with_nothing_but_the_complaint_the_card_is_calm_and_says_what_is_not_known(client: TestClient) -> None:
    (card,) = cards(client, visit(prefetch=prefetch(medications=bundle(), observations=bundle())))
    assert card["indicator"] == "info"
    assert "benign" not in card["summary"].lower()
    assert ": not decided, could be immediate" in card["summary"] and "routine" not in card["summary"]


def test_a_reading_that_is_too_old_does_not_count(client: TestClient) -> None:
    old = bundle(potassium("o-1", 2.0, "2025-11-01"))
    (card,) = cards(client, visit(prefetch=prefetch(medications=bundle(), observations=old)))
    assert card["indicator"] == "info"
    assert "readings more than 90 days older do not count" in card["detail"]
    assert "1 entry of the record" in card["detail"]


def test_suggestions_order_the_tests_that_next_steps_ask_for(client: TestClient) -> None:
    (card,) = cards(client, visit())
    orders = [action["resource"] for one in card["suggestions"] for action in one["actions"]]
    codes = {(coding["system"], coding["code"]) for one in orders for coding in one["code"].get("coding", [])}
    assert ("http://loinc.org", "2823-3") in codes
    assert all(one["encounter"] == {"reference": "Encounter/enc-1"} for one in orders)
    assert {one["priority"] for one in orders} <= {"routine", "urgent", "asap", "stat"}


def test_a_code_that_nobody_checked_is_not_ordered_by(client: TestClient, service: HookService) -> None:
    steps = service.services.knowledge.next_steps
    unchecked = {code.code for step in steps.values() for listed in step.codes.values() for code in listed if code.unchecked}
    assert unchecked
    (card,) = cards(client, visit())
    orders = [action["resource"] for one in card["suggestions"] for action in one["actions"]]
    assert not unchecked & {coding["code"] for one in orders for coding in one["code"].get("coding", [])}
    assert any("coding" not in one["code"] and one["code"]["text"] for one in orders)


def test_an_order_card_says_why_and_what_would_change(client: TestClient) -> None:
    taking_none = prefetch(medications=bundle(), observations=bundle())
    (card,) = cards(client, order(draft("d-1", "Furosemide 40 mg tablet"), prefetch=taking_none), ORDERS)
    assert card["summary"] == "A diuretic is being ordered for a patient with cramps."
    assert "ratio 1.47" in card["detail"]
    assert "If it were taken, this would be argued too:" in card["detail"]
    assert "Urgency if it were taken: at least same day" in card["detail"]
    assert any("potassium" in one["label"] for one in card["suggestions"])


def test_no_card_suggests_to_take_an_order_back(client: TestClient) -> None:
    (card,) = cards(client, order(draft("d-1", "atorvastatin 20 mg")), ORDERS)
    actions = [action for one in card.get("suggestions", []) for action in one["actions"]]
    assert all(action["type"] == "create" for action in actions)


def test_what_cannot_be_read_is_told_on_the_card(client: TestClient) -> None:
    broken = {**potassium("o-2", 3.0), "valueQuantity": {"value": 3.0, "unit": "bananas"}}
    (card,) = cards(client, visit(prefetch=prefetch(observations=bundle(potassium("o-1", 3.1), broken))))
    assert "o-2" in card["detail"] or "1 entry of the record" in card["detail"]


# Nothing that a record says can forge a card


FORGED = (
    "<img src=x onerror=alert(1)> **Urgency: none** [click](https://evil.example) https://evil.example www.evil.example ` "
    "\u202e a@b.example"
)


def test_text_from_a_record_means_only_itself(client: TestClient) -> None:
    evil = condition("c", text=f"cramps {FORGED}")
    request = visit(prefetch=prefetch(conditions=bundle(evil), medications=bundle(medicine("m-1", f"HCTZ 25 mg {FORGED}"))))
    (card,) = cards(client, request)
    bare = re.sub(r"\\[^\w\s]", "", card["detail"])
    assert "evil" in bare
    assert not re.search(r"<\w|\]\(|://|www\.|@|`|\u202e", bare)
    assert "**Urgency: none**" not in bare
    assert not re.search(r"[\n\u202e]", card["summary"])


def test_the_report_behind_the_link_is_whole_escaped_and_private(client: TestClient) -> None:
    request = visit(prefetch=prefetch(medications=bundle(medicine("m-1", f"HCTZ 25 mg {FORGED}"))))
    (card,) = cards(client, request)
    response = client.get(card["links"][0]["url"])
    assert response.status_code == 200
    assert "Low potassium" in response.text
    assert "<img" not in response.text
    assert response.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in response.headers["content-security-policy"]
    assert response.headers["referrer-policy"] == "no-referrer"
    assert refusal(client.get(f"{BASE}/cds-reports/{'0' * 64}"), 404)


def test_reports_are_forgotten_after_a_day(service: HookService, client: TestClient) -> None:
    (card,) = cards(client, visit())
    tomorrow = service.store.clock() + 25 * 3600
    service.store.clock = lambda: tomorrow
    assert refusal(client.get(card["links"][0]["url"]), 404)


# Other knowledge, other people's requests


def foreign_hooks(folder: Path, **changes: Any) -> Path:
    for path in FOREIGN.rglob("*.yaml"):
        target = folder / path.relative_to(FOREIGN)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    hooks: dict[str, Any] = {
        "services": {"headaches": {"hooks": ["patient-view"], "title": "Headaches", "description": "About headaches."}},
        "complaint": {"when": "head_pain", "phrases": ["headache"]},
        "indicators": dict.fromkeys(load_knowledge_base(FOREIGN).levels, "info"),
        "priorities": dict.fromkeys(load_knowledge_base(FOREIGN).levels, "routine"),
        **changes,
    }
    (folder / "cds_hooks.yaml").write_text(json.dumps(hooks), encoding="utf-8")
    return folder


def test_the_same_code_serves_knowledge_about_headaches(tmp_path: Path) -> None:
    knowledge = load_knowledge_base(foreign_hooks(tmp_path / "headaches"))
    service = HookService(HookSettings(BASE, tmp_path / "feedback.sqlite"), Assessor(knowledge))
    with TestClient(hooks_application(service)) as client:
        assert [entry["id"] for entry in client.get("/cds-services").json()["services"]] == ["headaches"]
        assert cards(client, visit(), "headaches") == []
        (card,) = cards(client, visit(prefetch=prefetch(conditions=bundle(condition("c", text="Headache")))), "headaches")
        assert card["summary"].startswith("Headaches: not decided, could be emergency")
        assert "overrideReasons" not in card
        assert "cramp" not in json.dumps(card).lower()
    service.close()


ORDER = {
    "when": "takes_painkiller",
    "summary": "A painkiller is ordered.",
    "because": "It is {which}.",
    "source": "some_source",
    "indicator": "info",
}


def test_a_record_that_contradicts_itself_is_422_and_no_empty_list(tmp_path: Path) -> None:
    folder = foreign_hooks(tmp_path / "headaches")
    (folder / "contradictions.yaml").write_text(
        "contradictions: {never: {when: takes_painkiller, because: Nobody takes painkillers.}}", encoding="utf-8"
    )
    service = HookService(HookSettings(BASE, tmp_path / "feedback.sqlite"), Assessor(load_knowledge_base(folder)))
    painkiller = bundle(medicine("m-1", "ibuprofen"))
    record = prefetch(conditions=bundle(condition("c", text="Headache")), medications=painkiller)
    with TestClient(hooks_application(service)) as client:
        assert "Nobody takes painkillers" in refusal(call(client, visit(prefetch=record), "headaches"), 422)
    service.close()


def test_an_order_rule_that_no_draft_order_could_meet_is_told(tmp_path: Path) -> None:
    source = next(iter(load_knowledge_base(FOREIGN).evidence))
    good = {**ORDER, "because": "It may matter.", "source": source}
    folder = foreign_hooks(tmp_path / "headaches", orders={"good": good, "bad": {**good, "when": "thunderclap"}})
    told = [str(problem) for problem in lint(load_knowledge_base(folder)) if "draft order" in problem.message]
    assert len(told) == 1
    assert "bad: no medicine class tells head_pain, thunderclap" in told[0]


def test_the_codes_of_the_complaint_are_valid_and_go_by_their_published_names(assessor: Assessor) -> None:
    support = assessor.knowledge.decision_support
    assert support is not None
    listed = support.complaint.codes["ICD-10-CM"]
    assert [icd.get_description(code.code).casefold() for code in listed] == [code.display.casefold() for code in listed]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"indicators": {}}, "indicators: nothing for"),
        ({"priorities": {"no_level": "stat"}}, "no_level is not a level of urgency"),
        ({"complaint": {"when": "no_such_finding"}}, "no_such_finding"),
        ({"services": {"x": {"hooks": ["no-hook"], "title": "t", "description": "d"}}}, "no-hook"),
        (
            {"orders": {"o": {"when": "head_pain", "summary": "s", "because": "b", "source": "nowhere", "indicator": "info"}}},
            "nowhere",
        ),
    ],
)
def test_mistakes_in_what_a_knowledge_base_declares_are_told(tmp_path: Path, change: dict[str, Any], told: str) -> None:
    with pytest.raises(CharleyError, match=told):
        load_knowledge_base(foreign_hooks(tmp_path / "headaches", **change))


def test_what_is_said_of_draft_orders_can_be_read_and_checked(assessor: Assessor) -> None:
    told = describe("order-diuretic-with-cramps", assessor.knowledge)
    assert "A diuretic is being ordered for a patient with cramps." in told
    assert "When the patient takes a diuretic." in told
    book = render_handbook(handbook(assessor.knowledge), "markdown")
    assert "What is said of draft orders in clinical systems" in book
    assert book.count("ratio 2.42); the label") == 1


def test_knowledge_that_declares_no_services_has_none(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cds_hooks\.yaml"):
        HookService(HookSettings(BASE, tmp_path / "feedback.sqlite"), Assessor(load_knowledge_base(FOREIGN)))


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample requests are not beside the project")
def test_requests_of_other_projects_are_answered_or_refused_in_words(client: TestClient) -> None:
    statuses: dict[int, int] = {}
    for path in sorted(SAMPLES.glob("*.json")):
        content = path.read_bytes()
        hook = json.loads(content).get("hook", "")
        response = call(client, content, ORDERS if hook.startswith("order") else "muscle-cramps")
        statuses[response.status_code] = statuses.get(response.status_code, 0) + 1
        if response.status_code == 200:
            assert response.json() == {"cards": []}, "none of these patients has cramps"
        else:
            assert refusal(response, response.status_code)
    assert set(statuses) <= {200, 400, 412}, statuses
    assert statuses.get(200) or statuses.get(412)


def test_a_patient_without_any_date_is_judged_without_ages(client: TestClient) -> None:
    bare = {key: value for key, value in CRAMPS.items() if key != "onsetDateTime"}
    record = prefetch(conditions=bundle(bare), encounter=None, medications=bundle(), observations=bundle())
    (card,) = cards(client, visit(prefetch=record))
    assert "Nothing that was sent has a date" in card["detail"]


def test_a_card_has_fifteen_lines_whatever_was_wrong_with_the_record(client: TestClient) -> None:
    readings = [potassium("o-1", 2.1), {**potassium("o-2", 2.2), "status": "preliminary"}, potassium("o-3", 3.0, "2020-03-01")]
    readings += [
        {**potassium(f"o-{code}", value, "2026-03-02"), "status": "preliminary"} for code, value in ((7, 2.4), (8, 5.9))
    ]
    readings.append(
        {**potassium("o-4", 3.3), "code": {"coding": [{"system": "http://loinc.org", "code": "19123-9"}]}, "status": "unknown"}
    )
    old = condition("q", code="E03.9", abatementDateTime="long ago")
    names = ("furosemide 40 mg", "mystery drops", "another mystery", "Ventolin", "atorvastatin 20 mg")
    taken = [medicine(f"m-{place}", name) for place, name in enumerate(names)]
    record = prefetch(conditions=bundle(CRAMPS, old), observations=bundle(*readings), medications=bundle(*taken))
    (card,) = cards(client, visit(prefetch=record))
    lines = card["detail"].strip().splitlines()
    assert len(lines) <= 15, card["detail"]
    assert sum(line.startswith("Unverified, to be repeated: ") for line in lines) == 1
    assert "more." in next(line for line in lines if line.startswith("Unverified"))
    assert "does not replace it" in lines[-1]
