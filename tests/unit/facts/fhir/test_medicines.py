"""Medicines of a record: what is taken, what was stopped, and what leaves that open."""

from datetime import date
from typing import Any

import pytest

from facts.case import Case
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import (
    POTASSIUM,
    SUBJECT,
    concept,
    notes,
    observation,
    one,
    order,
    read,
    statement,
    visit,
)


def taken(case: Case) -> set[str]:
    return {name for name, observed in case.findings.items() if observed.value is True and name.startswith("takes_")}


LOOP = {"takes_loop_diuretic", "takes_loop_or_thiazide_diuretic"}


@pytest.mark.parametrize(
    "medicine",
    [
        "Furosemide 40 MG Oral Tablet",
        concept("ATC", "C03CA01"),
        concept("RxNorm", "310429"),
        {"coding": [{"system": "urn:oid:2.16.840.1.113883.6.73", "code": "C03CA01"}]},
        {"coding": [{"display": "Lasix 40mg"}], "text": "as before"},
    ],
)
def test_a_medicine_is_known_by_its_code_or_any_of_its_names(medicine: Any, knowledge: KnowledgeBase) -> None:
    assert taken(one([order(medicine)], knowledge)) == LOOP


def test_a_code_and_a_name_that_differ_are_told_and_neither_counts(knowledge: KnowledgeBase) -> None:
    case = one([order(concept("ATC", "C03CA01", "Simvastatin 20 mg"))], knowledge)
    assert taken(case) == set()
    assert "its code stands for furosemide, its name for simvastatin" in notes(case).values()


def test_a_list_of_medicines_in_a_record_is_never_taken_for_complete(knowledge: KnowledgeBase) -> None:
    case = one([order("Furosemide 40 mg")], knowledge)
    assert [name for name, observed in case.findings.items() if observed.value is False] == []
    assert (case.medicines, case.stopped_medicines) == (None, None)


def test_a_medication_may_be_contained_bundled_or_referred_to_in_a_circle(knowledge: KnowledgeBase) -> None:
    inside = {"resourceType": "Medication", "id": "f", "code": {"text": "furosemide"}}
    contained = order(None, contained=[inside], medicationReference={"reference": "#f"})
    assert taken(one([contained], knowledge)) == LOOP
    elsewhere = order(None, medicationReference={"reference": "https://example.org/fhir/Medication/f/_history/3"})
    assert taken(one([elsewhere, inside], knowledge)) == LOOP
    parts = {"resourceType": "Medication", "id": "f", "ingredient": [{"itemCodeableConcept": {"text": "furosemide"}}]}
    assert taken(one([elsewhere, parts], knowledge)) == LOOP
    circle = {"resourceType": "Medication", "id": "f", "ingredient": [{"itemReference": {"reference": "Medication/f"}}]}
    intake = read([elsewhere, circle], knowledge)
    assert "neither a code nor an ingredient" in str(intake.refusals[0].problems[0])
    assert "is not in the record" in str(read([elsewhere], knowledge).refusals[0].problems[0])


@pytest.mark.parametrize(
    "more",
    [
        {"doNotPerform": True},
        {"intent": "proposal"},
        {"intent": "plan"},
        {"status": "on-hold"},
        {"status": "cancelled"},
        {"status": "draft"},
        {"status": "entered-in-error"},
        {"status": "unknown"},
        {"authoredOn": "2026-12-01"},
        {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": "2025-01-01", "end": "2025-02-01"}}}}]},
    ],
)
def test_an_order_that_may_not_be_taken_is_told_and_not_used(more: dict[str, Any], knowledge: KnowledgeBase) -> None:
    case = one([order("furosemide", **more)], knowledge, as_of=date(2026, 3, 1))
    assert case.findings == {}
    assert len(notes(case)) == 1


def withdrawal(case: Case) -> bool | None:
    found = case.findings.get("recently_stopped_sedative")
    return bool(found.value) if found else None


def test_a_stopped_medicine_is_seen_with_its_date_so_that_withdrawal_is(knowledge: KnowledgeBase) -> None:
    case = one([statement("Lorazepam 1 mg", "stopped", "2025-06-01", "2026-02-25", id="ativan"), visit()], knowledge)
    found = case.findings["recently_stopped_sedative"]
    assert found.value is True
    assert found.origin == "Lorazepam 1 mg, stopped 5 days ago after 38.4 weeks (MedicationStatement/ativan, 2026-02-25)"


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ([statement("lorazepam", "stopped", "2025-06-01", "2025-12-25")], None),
        ([statement("lorazepam", "stopped", "2026-02-20", "2026-02-25")], None),
        ([statement("lorazepam", "stopped")], None),
        ([statement("lorazepam", "completed", "2025-06-01", "2026-02-25")], True),
        ([statement("lorazepam", "not-taken", "2025-06-01", "2026-02-25")], None),
        ([statement("lorazepam", "stopped", "2025-06-01", "2026-02-25"), order("Ativan 1 mg")], None),
        ([order("lorazepam", "stopped")], None),
    ],
)
def test_a_stop_says_yes_or_nothing(record: list[Any], expected: bool | None, knowledge: KnowledgeBase) -> None:
    assert withdrawal(one([*record, visit()], knowledge)) is expected


def test_a_stop_without_a_date_is_told(knowledge: KnowledgeBase) -> None:
    case = one([order("lorazepam 1 mg", "stopped", id="old"), visit()], knowledge)
    assert notes(case) == {"lorazepam 1 mg (MedicationRequest/old)": "stopped, but when is not recorded"}


@pytest.mark.parametrize(("status", "present"), [("in-progress", True), ("completed", False), ("not-done", False)])
def test_an_administration_counts_while_it_goes_on(status: str, present: bool, knowledge: KnowledgeBase) -> None:
    given = {
        "resourceType": "MedicationAdministration",
        "id": "a",
        "status": status,
        "subject": SUBJECT,
        "effectiveDateTime": "2026-03-01",
        "medicationCodeableConcept": {"text": "furosemide infusion"},
    }
    assert bool(taken(one([given], knowledge))) is present


@pytest.mark.parametrize(
    ("flag", "told"),
    [
        ({"wasNotTaken": 1}, "wasNotTaken is true (FHIR DSTU2)"),
        ({"notDone": "yes"}, "notDone is true (FHIR STU3)"),
        ({"reasonNotTaken": [{"text": "makes her dizzy"}]}, "reasonNotTaken is given"),
        ({"doNotPerform": "true"}, "it is an order not to give it"),
    ],
)
def test_a_flag_that_says_not_is_heard_however_it_is_written(flag: dict[str, Any], told: str, knowledge: KnowledgeBase) -> None:
    case = one([order("torsemide 10 mg", **flag)], knowledge)
    assert taken(case) == set()
    assert told in case.unrecognized[0].reason
    denied: dict[str, Any] = dict.fromkeys(flag, False)
    assert taken(one([order("torsemide 10 mg", **denied)], knowledge)) == LOOP


@pytest.mark.parametrize(
    "ended",
    [
        {"dosageInstruction": [{"timing": {"repeat": {"boundsPeriod": {"start": "2019-01-01", "end": "31.12.2019"}}}}]},
        {"dispenseRequest": {"validityPeriod": {"end": "12/31/2019"}}},
    ],
)
def test_an_order_whose_end_cannot_be_read_does_not_go_on(ended: dict[str, Any], knowledge: KnowledgeBase) -> None:
    intake = read([order("bumetanide 1 mg", **ended)], knowledge)
    assert taken(intake.cases[0][0]) == set()
    assert "cannot be read: whether it is taken is open" in str(intake.refusals[0].problems[0])


def test_an_order_without_an_end_as_databases_write_it_goes_on(knowledge: KnowledgeBase) -> None:
    forever = {"boundsPeriod": {"start": "2025-01-01", "end": "9999-12-31"}}
    assert taken(one([order("bumetanide 1 mg", dosageInstruction=[{"timing": {"repeat": forever}}])], knowledge)) == LOOP


@pytest.mark.parametrize(
    "lasting", [{"boundsDuration": {"value": 10, "code": "d"}}, {"boundsRange": {"high": {"value": 2, "unit": "weeks"}}}]
)
def test_an_order_for_some_days_ends_with_them(lasting: dict[str, Any], knowledge: KnowledgeBase) -> None:
    written = order("bumetanide 1 mg", authoredOn="2025-06-01", dosageInstruction=[{"timing": {"repeat": lasting}}])
    later = observation(POTASSIUM, 4.1, when="2026-03-01")
    assert taken(one([written], knowledge)) == LOOP
    case = one([written, later], knowledge)
    assert taken(case) == set()
    assert "but its time ended on 2025-06-1" in case.unrecognized[0].reason


def test_an_order_of_an_older_release_ends_when_it_says(knowledge: KnowledgeBase) -> None:
    old = {**order("bumetanide 1 mg", authoredOn=None), "resourceType": "MedicationOrder", "dateWritten": "2019-01-01"}
    later = observation(POTASSIUM, 4.1, when="2026-03-01")
    assert taken(one([old, later], knowledge)) == LOOP
    assert taken(one([{**old, "dateEnded": "2019-02-01"}, later], knowledge)) == set()


def test_every_ingredient_of_a_mixture_counts(knowledge: KnowledgeBase) -> None:
    parts = [{"itemCodeableConcept": {"text": name}} for name in ("triamterene", "bendroflumethiazide")]
    mixture = {"resourceType": "Medication", "id": "x", "ingredient": parts}
    for own in ({}, {"code": {"coding": [{"system": "urn:pharmacy", "code": "8812"}]}}):
        case = one([order(None, medicationReference={"reference": "#x"}, contained=[{**mixture, **own}])], knowledge)
        assert {"takes_thiazide_diuretic", "takes_potassium_sparing_diuretic"} <= taken(case)


def test_a_dispense_whose_date_cannot_be_read_is_told(knowledge: KnowledgeBase) -> None:
    handed = {
        **order("bumetanide 1 mg", status="completed"),
        "resourceType": "MedicationDispense",
        "whenHandedOver": "28.02.2026",
    }
    intake = read([handed, visit()], knowledge)
    assert taken(intake.cases[0][0]) == set()
    assert "its date '28.02.2026' cannot be read" in str(intake.refusals[0].problems[0])
