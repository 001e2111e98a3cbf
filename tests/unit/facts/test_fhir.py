"""FHIR records into cases: each kind of resource, what counts and what does not, and that absence never says "no"."""

import gzip
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from facts.case import Case
from facts.intake.fhir.files import LARGEST_RECORD_LINE
from facts.intake.fhir.intake import cases_from_resources, is_fhir, read_fhir
from facts.intake.files import read_files
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import (
    CREATINE_KINASE,
    POTASSIUM,
    RECORDS,
    SMOKING,
    SUBJECT,
    concept,
    condition,
    notes,
    observation,
    one,
    order,
    patient,
    quantity,
    read,
    statement,
    visit,
)
from tests.small_knowledge import choice, load, yes_no
from tests.small_knowledge import quantity as quantity_finding

BOTH = {"coding": [*concept("SNOMED CT", "449868002")["coding"], *concept("SNOMED CT", "266919005")["coding"]]}

# Observations


def test_a_reading_is_converted_and_told_with_its_place_date_and_age(knowledge: KnowledgeBase) -> None:
    case = one([observation("19123-9", 1.5, "mg/dL", "2026-02-20T10:00:00+01:00", id="mg-7"), visit()], knowledge)
    magnesium = case.findings["serum_magnesium"]
    assert magnesium.value == pytest.approx(0.6171569636)
    assert magnesium.given == "1.5 mg/dL"
    assert magnesium.origin == "Observation/mg-7, 2026-02-20, 10 days earlier"
    assert magnesium.when == "2026-02-20, 10 days earlier"
    assert case.record is not None
    assert (case.record.as_of, case.record.chosen) == ("2026-03-02", False)


@pytest.mark.parametrize(
    ("code", "value", "unit", "finding", "expected"),
    [
        ("2823-3", 3.1, "meq/L", "serum_potassium", 3.1),
        ("8310-5", 99.5, "[degF]", "body_temperature", 37.5),
        ("8310-5", "37.5", "Cel", "body_temperature", 37.5),
        ("3016-3", 5, "u[IU]/mL", "tsh", 5),
        ("11580-8", 5, "mcU/mL", "tsh", 5),
        ("8867-4", 70, "{beats}/min", "heart_rate", 70),
        ("8867-4", 70, "/min", "heart_rate", 70),
        ("8480-6", 120, "mm[Hg]", "systolic_blood_pressure", 120),
        ("59408-5", 97, "%", "oxygen_saturation", 97),
        ("2744-1", 7.31, "[pH]", "arterial_ph", 7.31),
        ("2345-7", 90, "mg/dL", "blood_glucose", pytest.approx(4.995, abs=0.01)),
        ("75626-2", 5, "{score}", "audit_c_score", 5),
        ("2157-6", 12.5, "ukat/L", "creatine_kinase", 750),
    ],
)
def test_ucum_units_are_read(code: str, value: Any, unit: str, finding: str, expected: float, knowledge: KnowledgeBase) -> None:
    assert one([observation(code, value, unit)], knowledge).findings[finding].value == expected


def test_the_readable_unit_counts_where_the_ucum_code_says_nothing(knowledge: KnowledgeBase) -> None:
    measured = {"value": 3.4, "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "?"}
    assert one([observation(POTASSIUM, valueQuantity=measured)], knowledge).findings["serum_potassium"].value == 3.4


@pytest.mark.parametrize("status", ["final", "amended", "corrected"])
def test_a_result_counts(status: str, knowledge: KnowledgeBase) -> None:
    assert "serum_potassium" in one([observation(POTASSIUM, 3.1, status=status)], knowledge).findings


@pytest.mark.parametrize("status", ["registered", "preliminary", "cancelled", "entered-in-error", "unknown", "", 7, None])
def test_what_is_not_a_result_is_listed_and_not_used(status: Any, knowledge: KnowledgeBase) -> None:
    case = one([observation(POTASSIUM, 3.1, status=status)], knowledge)
    assert "serum_potassium" not in case.findings
    assert "only final, amended and corrected results count" in notes(case)["serum potassium (Observation/o, 2026-03-01)"]


def test_a_component_is_read_with_the_date_and_status_of_its_observation(knowledge: KnowledgeBase) -> None:
    parts = [{"code": concept("LOINC", "8480-6"), "valueQuantity": quantity(148, "mm[Hg]")}]
    assert one([observation("85354-9", component=parts)], knowledge).findings["systolic_blood_pressure"].value == 148
    in_error = observation("85354-9", component=parts, status="entered-in-error")
    assert "systolic_blood_pressure" not in one([in_error], knowledge).findings


def test_of_several_readings_the_latest_counts_whatever_their_order(knowledge: KnowledgeBase) -> None:
    readings = [observation(POTASSIUM, value, when=f"2026-02-0{value}", id=f"o{value}") for value in (2, 4, 3)]
    for listed in (readings, readings[::-1]):
        assert one(listed, knowledge).findings["serum_potassium"].value == 4


def test_the_highest_is_that_of_the_last_24_hours(knowledge: KnowledgeBase) -> None:
    times = {"old": ("2020-01-01T00:00:00Z", 90_000), "a": ("2026-03-01T08:00:00Z", 700), "b": ("2026-03-02T07:00:00Z", 500)}
    readings = [observation(CREATINE_KINASE, value, "U/L", when, id=name) for name, (when, value) in times.items()]
    found = one(readings, knowledge).findings["creatine_kinase"]
    assert (found.value, found.origin) == (700, "Observation/a, 2026-03-01, 1 day earlier")


def test_hours_are_compared_across_time_zones(knowledge: KnowledgeBase) -> None:
    early = observation(POTASSIUM, 3, when="2026-03-02T09:00:00+09:00", id="tokyo")
    late = observation(POTASSIUM, 4, when="2026-03-01T23:00:00-05:00", id="new-york")
    assert one([early, late], knowledge).findings["serum_potassium"].value == 4


@pytest.mark.parametrize(
    "latest",
    [
        {"valueQuantity": {**quantity(3.1, "mmol/L"), "comparator": "<"}},
        {"valueString": "hemolyzed"},
        {"valueQuantity": quantity(3.1, "furlongs")},
        {"valueQuantity": {"value": 3.1}},
        {"valueQuantity": quantity(310, "mmol/L")},
        {"valueQuantity": quantity([3], "mmol/L")},
    ],
)
def test_no_older_reading_stands_in_for_one_that_cannot_be_read(latest: dict[str, Any], knowledge: KnowledgeBase) -> None:
    older = observation(POTASSIUM, 4.2, when="2025-01-01", id="older")
    case = one([older, observation(POTASSIUM, **latest)], knowledge)
    assert "serum_potassium" not in case.findings
    assert any("Observation/o, 2026-03-01" in text for text in notes(case))


def test_an_impossible_value_is_a_problem_that_says_how_to_mend_it(knowledge: KnowledgeBase) -> None:
    intake = read([observation(POTASSIUM, 43, id="slip")], knowledge)
    (refusal,) = intake.refusals
    assert str(refusal.problems[0]) == (
        "record:1: patient 'p': Observation/slip: serum potassium: found '43 mmol/L', which is outside the plausible range "
        "0.5 to 14.5 mmol/L; check the figure and its unit"
    )
    assert intake.read == len(intake.cases) + len(intake.refusals) == 2


def test_readings_may_be_limited_by_their_age(knowledge: KnowledgeBase) -> None:
    record = [observation(POTASSIUM, 4.2, when="2026-01-01"), condition("SNOMED CT", "422400008"), visit()]
    assert "serum_potassium" in one(record, knowledge, within_days=60).findings
    case = one(record, knowledge, within_days=59)
    assert "serum_potassium" not in case.findings
    assert "vomiting" in case.findings
    assert notes(case) == {"serum potassium (Observation/o, 2026-01-01)": "older than 59 days"}


def test_what_came_after_the_day_that_was_given_does_not_count(knowledge: KnowledgeBase) -> None:
    case = one([observation(POTASSIUM, 4.2, when="2026-03-02")], knowledge, as_of=date(2026, 3, 1))
    assert case.findings == {}
    assert list(notes(case).values()) == ["it was only after the assessment"]
    assert case.record is not None
    assert (case.record.as_of, case.record.chosen) == ("2026-03-01", True)


def test_an_observation_about_another_is_not_the_patients(knowledge: KnowledgeBase) -> None:
    fetal = observation("8867-4", 150, "/min", focus=[{"reference": "Patient/unborn"}])
    assert one([fetal], knowledge).findings == {}


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("449868002", True),
        ("266919005", False),
        ("8517006", None),
        ("266927001", None),
        ("373066001", True),
        ("373067005", False),
    ],
)
def test_a_coded_answer_is_read(answer: str, expected: bool | None, knowledge: KnowledgeBase) -> None:
    found = one([observation(SMOKING, valueCodeableConcept=concept("SNOMED CT", answer))], knowledge).findings.get("smoker")
    assert (found.value if found else None) is expected


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"dataAbsentReason": {"text": "not asked"}}, "the record says that the value is missing"),
        ({"valueCodeableConcept": {"coding": [*BOTH["coding"]]}}, "it answers both no and yes"),
        ({}, "it gives no answer"),
    ],
)
def test_an_observation_without_one_answer_says_why(more: dict[str, Any], reason: str, knowledge: KnowledgeBase) -> None:
    case = one([observation(SMOKING, **more)], knowledge)
    assert case.findings == {}
    assert notes(case) == {"smoking (Observation/o, 2026-03-01)": reason}


def test_an_answer_that_nobody_knows_supersedes_an_older_one(knowledge: KnowledgeBase) -> None:
    smoked = observation(SMOKING, when="2010-01-01", id="then", valueCodeableConcept=concept("SNOMED CT", "449868002"))
    stopped = observation(SMOKING, valueCodeableConcept=concept("SNOMED CT", "8517006", "Ex-smoker"))
    case = one([smoked, stopped], knowledge)
    assert "smoker" not in case.findings
    assert notes(case)["smoking (Observation/o, 2026-03-01)"] == "'Ex-smoker' is not an answer that the vocabulary knows"


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"interpretation": [concept("HL7 interpretation", "H")]}, True),
        ({"interpretation": [concept("HL7 interpretation", "N")]}, False),
        ({"interpretation": [concept("HL7 interpretation", "POS")]}, None),
        ({"referenceRange": [{"high": quantity(500, "ng/mL")}]}, True),
        ({"referenceRange": [{"high": quantity(700, "ng/mL")}]}, False),
        ({"referenceRange": [{"low": quantity(0, "ng/mL")}]}, None),
        ({"referenceRange": [{"high": quantity(0.5, "ug/mL")}]}, None),
        ({"referenceRange": [{"high": quantity(500, "ng/mL")}, {"high": quantity(700, "ng/mL")}]}, None),
        ({"referenceRange": [{"high": quantity(700, "ng/mL"), "type": {"coding": [{"code": "critical"}]}}]}, None),
        ({"referenceRange": [{"high": quantity("NaN", "ng/mL")}]}, None),
        ({}, None),
    ],
)
def test_above_the_laboratorys_limit_is_read_from_its_own_judgment(
    more: dict[str, Any], expected: bool | None, knowledge: KnowledgeBase
) -> None:
    found = one([observation("48065-7", 600, "ng/mL", **more)], knowledge).findings.get("raised_d_dimer")
    assert (found.value if found else None) is expected


def test_a_value_that_is_no_number_is_not_within_any_limit(knowledge: KnowledgeBase) -> None:
    measured = observation("48065-7", "NaN", "ng/mL", referenceRange=[{"high": quantity(700, "ng/mL")}])
    assert one([measured], knowledge).findings == {}


def test_one_limit_alone_leaves_open_what_lies_beyond_the_other(knowledge: KnowledgeBase) -> None:
    below_the_upper = observation("3024-7", 1.1, "ng/dL", referenceRange=[{"high": quantity(1.8, "ng/dL")}])
    assert "free_thyroxine_low" not in one([below_the_upper], knowledge).findings
    both = observation("3024-7", 1.1, "ng/dL", referenceRange=[{"low": quantity(0.8, "ng/dL"), "high": quantity(1.8, "ng/dL")}])
    assert one([both], knowledge).findings["free_thyroxine_low"].value is False


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), ("false", None), (0, None), (None, None)])
def test_a_boolean_answers_and_nothing_else_passes_for_one(value: Any, expected: bool | None, knowledge: KnowledgeBase) -> None:
    asked = observation(concept("SNOMED CT", "422400008"), valueBoolean=value)
    found = one([asked], knowledge).findings.get("vomiting")
    assert (found.value if found else None) is expected


def test_a_finding_may_be_asserted_by_value(knowledge: KnowledgeBase) -> None:
    asserted = observation(concept("HL7 act", "ASSERTION"), valueCodeableConcept=concept("SNOMED CT", "422400008"))
    assert one([asserted], knowledge).findings["vomiting"].value is True
    in_family = observation("8670-2", valueCodeableConcept=concept("SNOMED CT", "73211009"))
    assert one([in_family], knowledge).findings == {}


# Conditions


@pytest.mark.parametrize("clinical", ["active", "recurrence", "relapse"])
def test_a_present_condition_is_present(clinical: str, knowledge: KnowledgeBase) -> None:
    found = one([condition("SNOMED CT", "422400008", clinical, id="v")], knowledge).findings["vomiting"]
    assert (found.value, found.origin) == (True, "Condition/v, since 2026-02-01")


@pytest.mark.parametrize(
    ("clinical", "verification", "reason"),
    [
        ("resolved", "confirmed", "it is past"),
        ("inactive", "confirmed", "it is past"),
        ("remission", "confirmed", "it is past"),
        ("active", "refuted", "not established"),
        ("active", "entered-in-error", "not established"),
        ("active", "provisional", "not established"),
        ("active", "differential", "not established"),
        ("", "confirmed", "whether it is present is not recorded"),
        ("well", "confirmed", "whether it is present is not recorded"),
    ],
)
def test_any_other_condition_leaves_the_finding_unknown_and_never_makes_it_a_no(
    clinical: str, verification: str, reason: str, knowledge: KnowledgeBase
) -> None:
    case = one([condition("SNOMED CT", "422400008", clinical, verification)], knowledge)
    assert "vomiting" not in case.findings
    assert reason in notes(case)["vomiting (Condition/c, 2026-02-01)"]


def test_a_condition_that_ended_later_was_present_on_the_day_that_was_given(knowledge: KnowledgeBase) -> None:
    ended = condition("SNOMED CT", "422400008", "resolved", abatementDateTime="2026-02-10")
    assert "vomiting" in one([ended], knowledge, as_of=date(2026, 2, 5)).findings
    assert "vomiting" not in one([ended], knowledge, as_of=date(2026, 2, 11)).findings


@pytest.mark.parametrize("code", ["E11", "E11.9", "E1142", "E11.65", "e11.9"])
def test_a_subdivision_of_icd_10_cm_is_one_of_its_kind(code: str, knowledge: KnowledgeBase) -> None:
    assert one([condition("ICD-10-CM", code)], knowledge).findings["diabetes"].value is True


@pytest.mark.parametrize("code", ["E1", "E", "E12", "R73.03"])
def test_another_code_is_not(code: str, knowledge: KnowledgeBase) -> None:
    assert one([condition("ICD-10-CM", code)], knowledge).findings == {}


def test_a_record_that_says_both_leaves_the_finding_unknown(knowledge: KnowledgeBase) -> None:
    denied = observation(concept("SNOMED CT", "422400008"), valueBoolean=False)
    case = one([condition("SNOMED CT", "422400008"), denied], knowledge)
    assert "vomiting" not in case.findings
    assert list(notes(case).values()) == ["the record says both, so neither counts"]


def test_a_no_and_a_finding_that_contradicts_it_do_not_count_and_the_record_is_read(knowledge: KnowledgeBase) -> None:
    denied = observation(concept("SNOMED CT", "26544005"), valueBoolean=False, id="strong")
    findings = dict(knowledge.vocabulary.findings)
    child = next(name for name, finding in findings.items() if finding.requires == "muscle_weakness" and finding.codes)
    system, codes = next(iter(findings[child].codes.items()))
    hpo = {"coding": [{"system": "http://human-phenotype-ontology.org", "code": codes[0].code}]}
    assert system == "HPO"
    case = one([denied, {**condition("SNOMED CT", "1"), "code": hpo}], knowledge)
    assert case.findings == {} and case.record is not None and case.record.used == 0
    reason = (
        f"muscle_weakness is no (Observation/strong, 2026-03-01), "
        f"but {child} is yes (Condition/c, since 2026-02-01); so neither counts"
    )
    assert len(notes(case)) == 2 and set(notes(case).values()) == {reason}


# Procedures


@pytest.mark.parametrize(("status", "present"), [("in-progress", True), ("completed", False), ("not-done", False)])
def test_a_procedure_that_goes_on_is_present_and_nothing_is_ever_absent(
    status: str, present: bool, knowledge: KnowledgeBase
) -> None:
    dialysis = {"resourceType": "Procedure", "id": "d", "status": status, "subject": SUBJECT, "performedDateTime": "2026-03-01"}
    findings = one([{**dialysis, "code": concept("SNOMED CT", "265764009")}], knowledge).findings
    assert ("on_dialysis" in findings) is present
    assert all(observed.value is not False for observed in findings.values())


# Patient


@pytest.mark.parametrize(
    ("born", "expected"),
    [("1951-03-02", 75), ("1951-03-03", 74), ("1951-01", 75), ("1951", None), ("1951-03", None), ("2026-03-03", None)],
)
def test_the_age_is_that_on_the_day_of_the_assessment(born: str, expected: float | None, knowledge: KnowledgeBase) -> None:
    found = one([patient(birthDate=born), visit("2026-03-02")], knowledge).findings.get("age")
    assert (found.value if found else None) == expected


def test_without_any_date_the_age_is_unknown_and_the_clock_is_never_asked(knowledge: KnowledgeBase) -> None:
    case = one([patient(birthDate="1951-03-02", gender="female")], knowledge)
    assert set(case.findings) == {"sex"}
    assert "give --as-of" in next(iter(notes(case).values()))


@pytest.mark.parametrize(("gender", "sex"), [("male", "male"), ("female", "female"), ("other", "other"), ("unknown", None)])
def test_gender_is_the_sex_that_the_vocabulary_declares(gender: str, sex: str | None, knowledge: KnowledgeBase) -> None:
    found = one([patient(gender=gender)], knowledge).findings.get("sex")
    assert (found.value if found else None) == sex


@pytest.mark.parametrize(
    "wrong", [{"gender": "F"}, {"birthDate": "yesterday"}, {"birthDate": 1951}, {"birthDate": "1800-01-01"}]
)
def test_what_is_wrong_in_a_patient_is_told(wrong: dict[str, Any], knowledge: KnowledgeBase) -> None:
    intake = read([patient(**wrong), visit()], knowledge)
    assert intake.cases[0][0].findings == {}
    assert intake.refusals[0].problems[0].fix


def test_two_patients_with_one_id_are_never_made_one(knowledge: KnowledgeBase) -> None:
    intake = read([patient(birthDate="1951-03-02"), patient(birthDate="1990-01-01"), observation(POTASSIUM, 3.1)], knowledge)
    assert intake.cases == ()
    assert "two different patients have this id" in str(intake.refusals[0].problems[0])
    again = [patient(gender="male"), patient(gender="male", meta={"versionId": "2"})]
    assert len(read(again, knowledge).cases) == 1


# Medicines


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


# Records and files


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


def test_a_death_is_told(knowledge: KnowledgeBase) -> None:
    case = one([patient(gender="male", deceasedDateTime="2026-03-01T10:00:00Z")], knowledge)
    assert notes(case) == {"the patient (Patient/p, 2026-03-01)": "the record says that the patient has died"}


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
    assert "a quantity has no coded answers" in str(raised.value)
