"""Shapes that records really have: modifiers, older releases, containers, merged patients, pages, and what is no record."""

import json
from pathlib import Path
from typing import Any

import pytest

from facts.case import Case
from facts.intake.files import read_files
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import POTASSIUM, SUBJECT, concept, condition, notes, observation, one, order, patient, read, visit


def taken(case: Case) -> set[str]:
    return {name for name, observed in case.findings.items() if observed.value is True and name.startswith("takes_")}


MODIFIER = {"modifierExtension": [{"url": "http://example.org/was-not-so", "valueBoolean": True}]}
LOOP = {"takes_loop_diuretic", "takes_loop_or_thiazide_diuretic"}
DIALYSIS = {"resourceType": "Procedure", "id": "d", "status": "in-progress", "subject": SUBJECT}


@pytest.mark.parametrize(
    "resource",
    [
        observation(POTASSIUM, 2.2),
        observation("85354-9", component=[{"code": concept("LOINC", "8480-6"), "valueString": "80 mmHg", **MODIFIER}]),
        condition("SNOMED CT", "73211009"),
        {**DIALYSIS, "code": concept("SNOMED CT", "265764009")},
        order("furosemide"),
        order("furosemide", dosageInstruction=[{"text": "never", **MODIFIER}]),
    ],
)
@pytest.mark.parametrize("modifier", [MODIFIER, {"implicitRules": "urn:rules:of-our-own"}])
def test_nothing_is_read_under_a_modifier_that_is_not_known(
    resource: dict[str, Any], modifier: dict[str, Any], knowledge: KnowledgeBase
) -> None:
    case = one([{**resource, **modifier}], knowledge)
    assert (case.values, case.unverified) == ({}, ())
    (reason,) = notes(case).values()
    assert "was-not-so" in reason or "urn:rules:of-our-own" in reason


def test_a_modified_result_is_not_replaced_by_an_older_one(knowledge: KnowledgeBase) -> None:
    case = one([observation(POTASSIUM, 4.2, when="2026-02-01", id="old"), observation(POTASSIUM, 2.2, **MODIFIER)], knowledge)
    assert "serum_potassium" not in case.values


def test_a_patient_or_bundle_under_a_modifier_is_told(knowledge: KnowledgeBase) -> None:
    case = one([patient(gender="female", **MODIFIER), visit()], knowledge)
    assert "sex" not in case.values
    bundle = {"resourceType": "Bundle", "implicitRules": "urn:rules", "entry": [{"resource": patient(gender="male")}]}
    assert "the Bundle is not read" in str(read([bundle], knowledge).refusals[0].problems[0])


@pytest.mark.parametrize(
    "negation",
    [{"taken": "n"}, {"taken": "unk"}, {"taken": "na"}, {"taken": "maybe"}, {"wasNotTaken": True}, {"notDone": True}],
)
def test_a_statement_of_an_older_release_that_says_no_is_told(negation: dict[str, Any], knowledge: KnowledgeBase) -> None:
    stated = {**order("furosemide"), "resourceType": "MedicationStatement", **negation}
    case = one([stated], knowledge)
    assert taken(case) == set()
    assert any(next(iter(negation)) in reason for reason in notes(case).values())


@pytest.mark.parametrize("assent", [{"taken": "y"}, {"wasNotTaken": False}])
def test_one_that_says_yes_is_read(assent: dict[str, Any], knowledge: KnowledgeBase) -> None:
    assert taken(one([{**order("furosemide"), "resourceType": "MedicationStatement", **assent}], knowledge)) == LOOP


def test_dstu2_and_stu3_are_read_where_they_mean_what_r4_means(knowledge: KnowledgeBase) -> None:
    old = {
        "resourceType": "MedicationOrder",
        "id": "m",
        "status": "active",
        "dateWritten": "2026-02-01",
        "patient": SUBJECT,
        "medicationCodeableConcept": {"text": "furosemide 20 mg"},
    }
    disease = {
        "resourceType": "Condition",
        "id": "c",
        "patient": SUBJECT,
        "clinicalStatus": "active",
        "verificationStatus": "confirmed",
        "dateRecorded": "2026-01-07",
        "code": concept("SNOMED CT", "73211009"),
    }
    case = one([old, disease], knowledge)
    assert taken(case) == LOOP
    assert "MedicationOrder/m, since 2026-02-01" in case.findings["takes_loop_diuretic"].origin
    assert case.findings["diabetes"].origin == "Condition/c, since 2026-01-07"
    asserted = {**condition("SNOMED CT", "73211009", onsetDateTime=None), "assertedDate": "2026-01-09"}
    assert one([asserted], knowledge).findings["diabetes"].when == "since 2026-01-09"


def test_r5_writes_a_medicine_in_one_element(knowledge: KnowledgeBase) -> None:
    assert taken(one([{**order(None), "medication": {"concept": {"text": "furosemide"}}}], knowledge)) == LOOP


def test_a_kind_of_another_release_is_refused_by_name(knowledge: KnowledgeBase) -> None:
    old = {"resourceType": "MedicationPrescription", "id": "m", "patient": SUBJECT}
    (refusal,) = read([old], knowledge).refusals
    assert "MedicationPrescription/m: a resource of FHIR DSTU1" in str(refusal.problems[0])


def inside(**more: Any) -> dict[str, Any]:
    kept = {key: value for key, value in observation(POTASSIUM, 2.2, id="k").items() if key != "subject"}
    return {key: value for key, value in {**kept, **more}.items() if value is not None}


@pytest.mark.parametrize(
    "container",
    [
        {"resourceType": "DiagnosticReport", "status": "final", "effectiveDateTime": "2026-03-01"},
        {"resourceType": "Observation", "status": "final", "effectiveDateTime": "2026-03-01", "code": concept("LOINC", "1")},
        {"resourceType": "List", "status": "current"},
    ],
)
def test_contained_results_are_those_of_the_containers_patient(container: dict[str, Any], knowledge: KnowledgeBase) -> None:
    case = one([{**container, "id": "box", "subject": SUBJECT, "contained": [inside()]}], knowledge)
    assert case.findings["serum_potassium"].origin == "Observation/box#k, 2026-03-01"


def test_contained_results_have_the_date_and_the_faults_of_their_container(knowledge: KnowledgeBase) -> None:
    report = {
        "resourceType": "DiagnosticReport",
        "id": "box",
        "status": "final",
        "effectiveDateTime": "2026-02-14",
        "subject": SUBJECT,
        "contained": [inside(effectiveDateTime=None)],
    }
    assert one([report], knowledge).findings["serum_potassium"].when == "2026-02-14"
    for fault in ({"status": "entered-in-error"}, MODIFIER):
        case = one([{**report, **fault}], knowledge)
        assert (case.values, case.unverified) == ({}, ())
        assert len(notes(case)) == 1


@pytest.mark.parametrize(
    ("more", "counts"),
    [
        ({}, True),
        ({"daysSupply": {"value": 4, "unit": "wk"}}, True),
        ({"daysSupply": {"value": 10, "unit": "d"}}, False),
        ({"daysSupply": None}, False),
        ({"status": "in-progress"}, False),
        ({"whenHandedOver": None}, False),
    ],
)
def test_a_dispense_counts_while_its_supply_lasts(more: dict[str, Any], counts: bool, knowledge: KnowledgeBase) -> None:
    dispense = {
        "resourceType": "MedicationDispense",
        "id": "d",
        "status": "completed",
        "subject": SUBJECT,
        "whenHandedOver": "2026-02-10",
        "daysSupply": {"value": 28},
        "medicationCodeableConcept": {"text": "furosemide 40 mg"},
        **more,
    }
    case = one([dispense, visit()], knowledge)
    assert (taken(case) == LOOP) is counts
    said = case.findings["takes_loop_diuretic"].origin if counts else next(iter(notes(case).values()))
    assert ("whether it is taken is not recorded" if counts else "not recorded") in said or "whether it is taken" in said


@pytest.mark.parametrize("reported", [{"reportedBoolean": True}, {"reportedReference": {"reference": "Patient/p"}}])
def test_a_plan_that_the_patient_reports_is_taken(reported: dict[str, Any], knowledge: KnowledgeBase) -> None:
    case = one([order("furosemide", intent="plan", **reported)], knowledge)
    assert "self-reported" in case.findings["takes_loop_diuretic"].origin
    assert taken(one([order("furosemide", intent="proposal", **reported)], knowledge)) == set()


def test_an_order_that_may_no_longer_be_dispensed_leaves_open_whether_it_is_taken(knowledge: KnowledgeBase) -> None:
    ended = order("furosemide", dispenseRequest={"validityPeriod": {"end": "2026-02-20"}})
    assert taken(one([ended, visit()], knowledge)) == set()
    forgotten = order("furosemide", authoredOn="2015-06-01")
    assert "days earlier" in one([forgotten, visit()], knowledge).findings["takes_loop_diuretic"].origin
    case = one([forgotten, visit()], knowledge, orders_within_days=365)
    assert taken(case) == set()
    assert list(notes(case).values()) == ["ordered more than 365 days earlier"]


def test_the_end_of_a_single_dose_is_no_withdrawal(knowledge: KnowledgeBase) -> None:
    def given(start: str) -> dict[str, Any]:
        bounds = {"start": start, "end": "2026-02-28T10:00:00Z"}
        return order("oxycodone 5 mg", "completed", dosageInstruction=[{"timing": {"repeat": {"boundsPeriod": bounds}}}])

    short = one([given("2026-02-28T08:00:00Z"), visit()], knowledge)
    assert "recently_stopped_opioid" not in short.findings
    assert "too short for its end to count as a stop" in next(iter(notes(short).values()))
    assert one([given("2026-01-10"), visit()], knowledge).findings["recently_stopped_opioid"].value is True


def test_no_known_medication_is_no_medicine_and_makes_none_absent(knowledge: KnowledgeBase) -> None:
    absent = {"system": "http://hl7.org/fhir/uv/ips/CodeSystem/absent-unknown-uv-ips", "code": "no-known-medications"}
    case = one([order({"coding": [{**absent, "display": "No known medications"}]})], knowledge)
    assert case.values == {}
    assert "names no medicine" in next(iter(notes(case).values()))


def test_a_diagnosis_of_an_encounter_needs_no_status(knowledge: KnowledgeBase) -> None:
    category = [{"coding": [{"code": "encounter-diagnosis"}]}]
    diagnosis = condition("SNOMED CT", "73211009", category=category)
    del diagnosis["clinicalStatus"]
    assert one([diagnosis], knowledge).findings["diabetes"].value is True
    refuted = {**diagnosis, "verificationStatus": {"coding": [{"code": "refuted"}]}}
    ended = {**diagnosis, "abatementDateTime": "2026-02-20"}
    for other in (refuted, ended):
        assert "diabetes" not in one([other, visit()], knowledge).findings


# People


@pytest.mark.parametrize(
    "died", [{"deceasedBoolean": True}, {"deceasedDateTime": "2026-02-01"}, {"deceasedDateTime": "long ago"}]
)
def test_the_deceased_are_told_apart(died: dict[str, Any], knowledge: KnowledgeBase) -> None:
    intake = read([patient(**died), observation(POTASSIUM, 2.2)], knowledge)
    assert intake.cases == ()
    assert "died" in str(intake.refusals[0].problems[0])
    assert intake.refusals[0].case == "p"


def test_who_died_later_was_alive_on_the_day_that_was_given(knowledge: KnowledgeBase) -> None:
    from datetime import date

    record = [patient(deceasedDateTime="2026-03-05"), observation(POTASSIUM, 2.2)]
    assert one(record, knowledge, as_of=date(2026, 3, 4)).values["serum_potassium"] == 2.2
    assert read(record, knowledge, as_of=date(2026, 3, 5)).cases == ()
    assert read([patient(deceasedBoolean=False), visit()], knowledge).refusals == ()


def linked(kind: str, other: str) -> dict[str, Any]:
    return {"link": [{"type": kind, "other": {"reference": f"Patient/{other}"}}]}


@pytest.mark.parametrize(
    "people",
    [
        [patient(**linked("replaced-by", "q")), {**patient(gender="female"), "id": "q"}],
        [patient(), {**patient(gender="female", **linked("replaces", "p")), "id": "q"}],
        [patient(**linked("replaced-by", "r")), {**patient(**linked("replaced-by", "q")), "id": "r"}],
    ],
)
def test_merged_patients_are_read_as_one(people: list[dict[str, Any]], knowledge: KnowledgeBase) -> None:
    own = {**observation("2951-2", 121, id="own"), "subject": {"reference": "Patient/q"}}
    case = one([observation(POTASSIUM, 2.2), *people, own], knowledge)
    assert case.name == "q"
    assert (case.values["serum_potassium"], case.values["serum_sodium"]) == (2.2, 121)
    if "replaced-by" in json.dumps(people):
        assert "merged into" in " ".join(notes(case).values())


def test_patients_that_replace_each_other_are_read_apart(knowledge: KnowledgeBase) -> None:
    people = [patient(**linked("replaced-by", "q")), {**patient(**linked("replaced-by", "p")), "id": "q"}]
    assert [case.name for case, _ in read(people, knowledge).cases] == ["p", "q"]


# Files


def search(*entries: Any, **more: Any) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": entry} for entry in entries], **more}


def links(own: str, **more: str) -> dict[str, Any]:
    return {"link": [{"relation": "self", "url": own}, *({"relation": name, "url": url} for name, url in more.items())]}


def refusals(contents: list[Any], knowledge: KnowledgeBase, folder: Path) -> list[str]:
    for number, content in enumerate(contents):
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / f"file{number}.json").write_text(text, encoding="utf-8")
    intake = read_files([folder], knowledge.vocabulary, knowledge.dictionary)
    assert intake.read == len(intake.cases) + len(intake.refusals)
    return [str(problem) for refusal in intake.refusals for problem in refusal.problems]


@pytest.mark.parametrize("page", [{"total": 31}, links("u/1", next="u/2"), {"total": 1, **links("u/1", next="u/2")}])
def test_one_page_of_a_longer_answer_is_told(page: dict[str, Any], knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (told,) = refusals([search(patient(gender="female"), **page)], knowledge, tmp_path)
    assert "this is one page of a longer answer" in told


def test_all_the_pages_together_are_whole(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    first = search(patient(gender="female"), total=2, **links("u/1", next="u/2"))
    last = search(observation(POTASSIUM, 4.2), total=2, **links("u/2", previous="u/1"))
    assert refusals([first, last], knowledge, tmp_path) == []


def test_included_resources_are_not_matches(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    whole = search(patient(gender="female"), total=1)
    whole["entry"].append({"resource": observation(POTASSIUM, 4.2), "search": {"mode": "include"}})
    assert refusals([whole], knowledge, tmp_path) == []


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (
            {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "login", "diagnostics": "log in"}]},
            "an OperationOutcome in the place of data: error login 'log in'",
        ),
        (search({"resourceType": "OperationOutcome", "issue": [{"severity": "fatal", "code": "timeout"}]}), "fatal timeout"),
        ('<?xml version="1.0"?>\n<Bundle xmlns="http://hl7.org/fhir"><id value="b"/></Bundle>', "it is FHIR in XML"),
        ({"resourceType": "Bundle", "type": "searchset", "total": 0}, "no resource of a patient is in it"),
        ({"resourceType": "Organization", "id": "o"}, "no resource of a patient is in it"),
    ],
)
def test_what_is_no_record_is_told(content: Any, told: str, knowledge: KnowledgeBase, tmp_path: Path) -> None:
    (problem,) = refusals([content], knowledge, tmp_path)
    assert told in problem


def test_a_server_that_only_informs_is_no_fault(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    informed = {"resourceType": "OperationOutcome", "issue": [{"severity": "information", "code": "informational"}]}
    assert refusals([search(patient(gender="female"), informed)], knowledge, tmp_path) == []


def test_fhir_in_a_file_that_ends_in_xml_is_told(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "record.xml"
    file.write_text('<Patient xmlns="http://hl7.org/fhir"/>', encoding="utf-8")
    intake = read_files([file], knowledge.vocabulary, knowledge.dictionary)
    assert "application/fhir+json" in str(intake.refusals[0].problems[0])


def entries(*of: dict[str, Any], kind: str = "collection") -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": kind, "entry": list(of)}


def test_what_a_server_refused_in_a_batch_is_told(knowledge: KnowledgeBase) -> None:
    issue = {"severity": "error", "code": "forbidden", "diagnostics": "laboratory is restricted"}
    refused = {"response": {"status": "403", "outcome": {"resourceType": "OperationOutcome", "issue": [issue]}}}
    intake = read([entries({"resource": observation(POTASSIUM, 4.1)}, refused, kind="batch-response")], knowledge)
    assert len(intake.cases) == 1
    (problem,) = intake.refusals[0].problems
    assert "the server gave nothing for entry 2: 403: error forbidden 'laboratory is restricted'" in str(problem)


@pytest.mark.parametrize("code", ["suppressed", "incomplete", "timeout"])
def test_a_warning_that_something_is_missing_is_told(code: str, knowledge: KnowledgeBase) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": code}]}
    intake = read([entries({"resource": observation(POTASSIUM, 4.1)}, {"resource": outcome})], knowledge)
    assert f"warning {code}" in str(intake.refusals[0].problems[0])


def test_what_a_history_says_was_deleted_is_told_and_not_used(knowledge: KnowledgeBase) -> None:
    gone = {"request": {"method": "DELETE", "url": "Observation/gone"}}
    kept = observation("2951-2", 139, id="kept")
    history = entries(gone, {"resource": observation(POTASSIUM, 2.2, id="gone")}, {"resource": kept}, kind="history")
    case = one([history], knowledge)
    assert set(case.values) == {"serum_sodium"}
    assert "serum potassium 2.2 mmol/L" in case.unrecognized[0].text


def test_a_resource_type_in_other_letters_is_told(knowledge: KnowledgeBase) -> None:
    intake = read(
        [observation("2951-2", 139), {**observation(POTASSIUM, 2.2, id="k"), "resourceType": "OBSERVATION"}], knowledge
    )
    assert "found the resourceType 'OBSERVATION', expected Observation" in str(intake.refusals[0].problems[0])
