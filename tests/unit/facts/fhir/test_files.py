"""Files and Bundles of FHIR: read, or told with their place and a fix."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from facts.case import Case
from facts.intake.fhir.files import LARGEST_RECORD_LINE
from facts.intake.fhir.intake import cases_from_resources, is_fhir, read_fhir
from facts.intake.files import read_files
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import (
    POTASSIUM,
    RECORDS,
    concept,
    condition,
    observation,
    one,
    order,
    patient,
    read,
    statement,
    visit,
)
from tests.small_knowledge import choice, load, yes_no
from tests.small_knowledge import quantity as quantity_finding

LOOP = {"takes_loop_diuretic", "takes_loop_or_thiazide_diuretic"}


def taken(case: Case) -> set[str]:
    return {name for name, observed in case.findings.items() if observed.value is True and name.startswith("takes_")}


def test_the_last_version_of_a_resource_counts(knowledge: KnowledgeBase) -> None:
    new = observation(POTASSIUM, 3.1, meta={"lastUpdated": "2026-03-02T00:00:00Z"})
    old = observation(POTASSIUM, 4.1, meta={"lastUpdated": "2026-03-01T00:00:00Z"})
    for listed in ([new, old], [old, new]):
        assert one(listed, knowledge).findings["serum_potassium"].value == 3.1


def test_the_end_of_a_condition_dates_a_record_and_the_planned_end_of_a_medicine_does_not(knowledge: KnowledgeBase) -> None:
    ended = condition("SNOMED CT", "422400008", "resolved", abatementDateTime="2026-02-10")
    case = one([ended, statement("furosemide", "active", "2026-02-01", "2027-01-01")], knowledge)
    assert case.record is not None
    assert case.record.as_of == "2026-02-10"
    assert "vomiting" not in case.findings
    assert taken(case) == LOOP


def test_two_medications_with_one_id_are_neither(knowledge: KnowledgeBase) -> None:
    two = [{"resourceType": "Medication", "id": "f", "code": {"text": name}} for name in ("furosemide", "simvastatin")]
    intake = read([order(None, medicationReference={"reference": "Medication/f"}), *two, two[1]], knowledge)
    assert taken(intake.cases[0][0]) == set()
    assert "another Medication has this id" in str(intake.refusals[0].problems[0])


def test_a_bundle_is_read_with_its_own_references(knowledge: KnowledgeBase) -> None:
    intake = read_fhir([RECORDS / "bundle.json"], knowledge.vocabulary, knowledge.dictionary)
    (case, place), *_ = intake.cases
    assert (case.name, place.line, len(intake.cases), intake.refusals) == ("record-1", 1, 1, ())
    values = case.values
    assert values["serum_potassium"] == 3.1
    assert values["body_temperature"] == 37.5
    assert values["recently_stopped_anxiolytic"] is True
    assert {"takes_thiazide_diuretic", "takes_short_acting_beta_agonist"} <= taken(case)
    assert "takes_statin" not in values
    assert [name for name, value in values.items() if value is False] == ["raised_d_dimer", "smoker"]


def test_bulk_data_is_joined_by_patient_over_its_files(knowledge: KnowledgeBase) -> None:
    intake = read_fhir(sorted((RECORDS / "bulk").iterdir()), knowledge.vocabulary, knowledge.dictionary)
    cases = {case.name: case for case, _ in intake.cases}
    assert cases["bulk-1"].values == {"creatine_kinase": 8200, "age": 46, "sex": "male"}
    assert cases["bulk-2"].values["serum_sodium"] == 128
    assert taken(cases["bulk-2"]) == LOOP
    assert [refusal.case for refusal in intake.refusals] == ["bulk-1"]


def test_records_received_are_read_like_files(knowledge: KnowledgeBase) -> None:
    bundle = json.loads((RECORDS / "bundle.json").read_text(encoding="utf-8"))
    from_file = read_fhir([RECORDS / "bundle.json"], knowledge.vocabulary, knowledge.dictionary).cases[0][0]
    received = cases_from_resources([bundle], knowledge.vocabulary, knowledge.dictionary).cases[0][0]
    assert received.values == from_file.values
    assert cases_from_resources([], knowledge.vocabulary, knowledge.dictionary).cases == ()
    odd = cases_from_resources(
        [7, None, {"resourceType": "Patient", "id": "\ud800"}], knowledge.vocabulary, knowledge.dictionary
    )
    assert (odd.cases, len(odd.refusals)) == ((), 3)


BUNDLE: dict[str, Any] = {"resourceType": "Bundle", "type": "collection"}


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient", ', "this is not JSON"),
        ('{"resourceType": "Bundle", "entry": {"resource": {}}}', "entry: found an object, expected a list"),
        ('{"resourceType": "Bundle", "entry": [7]}', "entry 1 holds no resource"),
        ('{"resourceType": "Bundle", "entry": [{"resource": 7}]}', "found '7', expected a FHIR resource"),
        ('{"resourceType": "Patient", "id": "a", "id": "b"}', "the key 'id' stands twice"),
        ('{"resourceType": "Patient"}', "its id is 'None'"),
        ('{"resourceType": "Patient", "id": "a/../b"}', "its id is 'a/../b'"),
        ('{"resourceType": "Observation", "id": "o"}', "its subject is missing, expected a reference to a Patient"),
        ('{"resourceType": "Observation", "subject": {"reference": "Group/1"}}', "its subject is 'Group/1'"),
        ('{"resourceType": "Patient", "id": "a", "gender": "\\ud800"}', "this is not UTF-8 text"),
        ('{"resourceType": ["Patient"], "id": "a"}', "expected a FHIR resource"),
        ('{"resourceType": "Patient", "id": "a", "x": ' + "[" * 5_000 + "]" * 5_000 + "}", "nested too deep"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place_and_the_rest_goes_on(
    content: str, problem: str, knowledge: KnowledgeBase, tmp_path: Path
) -> None:
    (tmp_path / "bad.json").write_text(content, encoding="utf-8")
    (tmp_path / "good.json").write_text(json.dumps(patient(gender="female")), encoding="utf-8")
    intake = read_files([tmp_path], knowledge.vocabulary, knowledge.dictionary)
    assert [case.name for case, _ in intake.cases] == ["p"]
    assert [problem in str(refusal.problems[0]) for refusal in intake.refusals] == [True], intake.refusals
    assert intake.refusals[0].problems[0].fix
    assert str(intake.refusals[0].problems[0].place).startswith(str(tmp_path / "bad.json"))


def test_a_file_of_something_else_is_left_early(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "log.ndjson"
    file.write_text('"resourceType": no\n' * 5_000, encoding="utf-8")
    intake = read_fhir([file], knowledge.vocabulary, knowledge.dictionary)
    assert len(intake.refusals) == 1_001
    assert "no resource in the first 1,000 lines" in str(intake.refusals[-1].problems[0])


def test_a_bundle_too_large_to_hold_is_refused(
    knowledge: KnowledgeBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("facts.intake.fhir.files.LARGEST_FILE", 1_000)
    (tmp_path / "bundle.json").write_bytes((RECORDS / "bundle.json").read_bytes())
    intake = read_fhir([tmp_path / "bundle.json"], knowledge.vocabulary, knowledge.dictionary)
    assert "too large" in str(intake.refusals[0].problems[0])


def test_bundles_may_be_nested_but_not_without_end(knowledge: KnowledgeBase) -> None:
    nested: dict[str, Any] = patient(gender="female")
    for depth in range(5):
        intake = read([nested], knowledge)
        assert (len(intake.cases), len(intake.refusals)) == ((1, 0) if depth < 4 else (0, 1))
        nested = {**BUNDLE, "entry": [{"resource": nested}]}


def test_a_bundle_without_entries_says_nothing(knowledge: KnowledgeBase) -> None:
    intake = read([BUNDLE, {**BUNDLE, "entry": []}], knowledge)
    assert (intake.cases, intake.refusals) == ((), ())


def test_a_line_that_is_too_long_is_skipped_whole(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    file = tmp_path / "Observation.ndjson"
    long = b'{"resourceType": "Observation", "note": "' + b"x" * (2 * LARGEST_RECORD_LINE) + b'"}\n'
    good = json.dumps(observation(POTASSIUM, 3.1)).encode()
    file.write_bytes(good + b"\n" + long + b"\n" + json.dumps(visit()).encode())
    intake = read_fhir([file], knowledge.vocabulary, knowledge.dictionary)
    assert intake.cases[0][0].values == {"serum_potassium": 3.1}
    assert [str(refusal.problems[0].place) for refusal in intake.refusals] == [f"{file}:2"]


def test_gzip_is_read_and_broken_gzip_is_told(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    whole = tmp_path / "bundle.json.gz"
    whole.write_bytes(gzip.compress((RECORDS / "bundle.json").read_bytes()))
    assert len(read_files([whole], knowledge.vocabulary, knowledge.dictionary).cases) == 1
    for name, content in (("cut.json.gz", whole.read_bytes()[:300]), ("none.json.gz", b"no gzip at all")):
        (tmp_path / name).write_bytes(content)
        intake = read_files([tmp_path / name], knowledge.vocabulary, knowledge.dictionary)
        assert "cannot be read" in str(intake.refusals[0].problems[0])


def test_case_files_are_not_taken_for_records(tmp_path: Path) -> None:
    (tmp_path / "case.json").write_text('{"case": "a", "findings": {}}', encoding="utf-8")
    (tmp_path / "notes.txt").write_text('{"resourceType": "Patient"}', encoding="utf-8")
    assert [is_fhir(tmp_path / name) for name in ("case.json", "notes.txt", "missing.json")] == [False, False, False]
    assert is_fhir(RECORDS / "bundle.json")


def test_the_code_knows_no_medicine(tmp_path: Path) -> None:
    findings = {
        "aura": yes_no("aura", codes={"SNOMED CT": "1"}),
        "band": quantity_finding("band", codes={"LOINC": "2"}),
        "side": choice("side", "left", "right", codes={"LOINC": "3"}, answer_codes={"left": {"SNOMED CT": "4"}}),
    }
    knowledge = load(tmp_path, findings)
    record = [
        patient(birthDate="1990-01-01", gender="female"),
        condition("SNOMED CT", "1"),
        observation("2", 5, id="a"),
        observation("3", id="b", valueCodeableConcept=concept("SNOMED CT", "4")),
        order("paracetamol"),
    ]
    assert one(record, knowledge).values == {"aura": True, "band": 5, "side": "left"}


def test_an_answer_that_is_none_of_a_finding_is_a_mistake_of_the_vocabulary(tmp_path: Path) -> None:
    findings = {
        "side": choice("side", "left", "right", answer_codes={"lefd": {"SNOMED CT": "4"}}),
        "band": quantity_finding("band", answer_codes={"yes": {"SNOMED CT": "4"}}),
    }
    with pytest.raises(Exception, match="lefd is not an answer to it; did you mean left") as raised:
        load(tmp_path, findings)
    assert "use low, normal, high" in str(raised.value)


def test_two_resources_of_one_id_that_nothing_orders_are_both_read_and_told(knowledge: KnowledgeBase) -> None:
    intake = read([observation("2951-2", 139, id="x"), observation(POTASSIUM, 2.2, id="x")], knowledge)
    assert intake.cases[0][0].values == {"serum_sodium": 139, "serum_potassium": 2.2}
    assert "Observation/x is there 2 times, and not alike" in str(intake.refusals[0].problems[0])
    alike = observation(POTASSIUM, 2.2, id="x")
    assert not read([alike, {**alike, "meta": {"source": "#2"}}], knowledge).refusals
    first, second = (
        {**observation(POTASSIUM, value, id="x"), "meta": {"versionId": n}} for value, n in ((2.2, "9"), (4.4, "10"))
    )
    case = one([second, first], knowledge)
    assert case.values == {"serum_potassium": 4.4}
