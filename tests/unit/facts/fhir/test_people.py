"""The Patient of a record: age, sex, death, and two entries of one person."""

from typing import Any

import pytest

from facts.quantities import Interval, Quantity
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import (
    POTASSIUM,
    notes,
    observation,
    one,
    patient,
    read,
    visit,
)


@pytest.mark.parametrize(
    ("born", "expected"),
    [
        ("1951-03-02", 75),
        ("1951-03-03", 74),
        ("1951-01", 75),
        # The day is not recorded, and it is one of two years.
        ("1951", Interval(74, 75)),
        ("1951-03", Interval(74, 75)),
        ("2026-03-03", None),
    ],
)
def test_the_age_is_that_on_the_day_of_the_assessment(born: str, expected: Quantity | None, knowledge: KnowledgeBase) -> None:
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


@pytest.mark.parametrize("dead", [True, "true", 1, "yes"])
def test_the_deceased_are_told_however_the_flag_is_written(dead: Any, knowledge: KnowledgeBase) -> None:
    intake = read([patient(deceasedBoolean=dead), observation(POTASSIUM, 2.2)], knowledge)
    assert intake.cases == ()
    assert "has died" in str(intake.refusals[0].problems[0])
