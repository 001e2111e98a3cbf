"""Observations into findings: what counts and what does not, and that absence never says "no"."""

from datetime import date
from typing import Any

import pytest

from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import (
    CREATINE_KINASE,
    POTASSIUM,
    SMOKING,
    concept,
    condition,
    notes,
    observation,
    one,
    quantity,
    read,
    visit,
)

BOTH = {"coding": [*concept("SNOMED CT", "449868002")["coding"], *concept("SNOMED CT", "266919005")["coding"]]}


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


@pytest.mark.parametrize("status", ["cancelled", "entered-in-error"])
def test_a_void_result_is_listed_with_its_value_and_does_nothing(status: str, knowledge: KnowledgeBase) -> None:
    case = one([observation(POTASSIUM, 3.1, status=status)], knowledge)
    assert (case.values, case.unverified) == ({}, ())
    assert "the result is void" in notes(case)["serum potassium 3.1 mmol/L (Observation/o, 2026-03-01)"]


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
        {"valueQuantity": {**quantity(3.1, "mmol/L"), "comparator": "ca."}},
        {"valueString": "hemolyzed"},
        {"valueQuantity": quantity(3.1, "furlongs")},
        {"valueQuantity": {"value": 3.1}},
        {"valueQuantity": quantity(310, "mmol/L")},
        {"valueQuantity": quantity([3], "mmol/L")},
    ],
)
def test_no_older_reading_stands_in_for_one_that_cannot_be_read(latest: dict[str, Any], knowledge: KnowledgeBase) -> None:
    older = observation(POTASSIUM, 4.2, when="2026-01-01", id="older")
    case = one([older, observation(POTASSIUM, **latest)], knowledge)
    assert "serum_potassium" not in case.findings
    assert any("Observation/o, 2026-03-01" in text for text in notes(case))
    assert [(one.observed.value, one.reason) for one in case.unverified] == [
        (4.2, "a newer result cannot be read, so this one does not stand for it")
    ]


def test_an_impossible_value_is_a_problem_that_says_how_to_mend_it(knowledge: KnowledgeBase) -> None:
    intake = read([observation(POTASSIUM, 43, id="slip")], knowledge)
    (refusal,) = intake.refusals
    assert str(refusal.problems[0]) == (
        "record:1: patient 'p': Observation/slip: serum potassium: found '43 mmol/L', which is outside the plausible range "
        "0.5 to 14.5 mmol/L; check the figure and its unit"
    )
    assert intake.read == len(intake.cases) + len(intake.refusals) == 2


def test_readings_may_be_limited_by_their_age(knowledge: KnowledgeBase) -> None:
    record = [observation(POTASSIUM, 4.2, when="2026-01-01"), condition("SNOMED CT", "73211009"), visit()]
    assert "serum_potassium" in one(record, knowledge, within_days=60).findings
    case = one(record, knowledge, within_days=59)
    assert "serum_potassium" not in case.findings
    assert "diabetes" in case.findings
    assert notes(case) == {
        "serum potassium 4.2 mmol/L (Observation/o, 2026-01-01)": (
            "60 days old, and it counts for 59 days: whether it is still so is not known"
        )
    }


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
