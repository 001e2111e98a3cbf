"""Results that are known in part (limits, ranges, words, flags), and those that contradict themselves."""

from typing import Any

import pytest

from facts.quantities import bounds
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import CREATINE_KINASE, POTASSIUM, concept, notes, observation, one, quantity, read

UCUM = "http://unitsofmeasure.org"


def flag(*codes: str) -> list[dict[str, Any]]:
    return [concept("HL7 interpretation", code) for code in codes]


@pytest.mark.parametrize(
    ("more", "low", "high"),
    [
        ({"valueQuantity": {**quantity(1.8, "mmol/L"), "comparator": "<"}}, 0.5, 1.8),
        ({"valueQuantity": {**quantity(6.9, "mmol/L"), "comparator": ">="}}, 6.9, 14.5),
        ({"valueQuantity": {**quantity(2.7, "mmol/L"), "comparator": "="}}, 2.7, 2.7),
        ({"valueString": "<1.8 mmol/L"}, 0.5, 1.8),
        ({"valueString": "= 2.7 mmol/L"}, 2.7, 2.7),
        ({"valueString": "2.6-2.8 mEq/L"}, 2.6, 2.8),
        ({"valueRange": {"low": quantity(2.6, "mmol/L"), "high": quantity(2.8, "mmol/L")}}, 2.6, 2.8),
        ({"valueRange": {"high": quantity(2.8, "mmol/L")}}, 0.5, 2.8),
        ({"interpretation": flag("L")}, 0.5, 3.5),
        ({"interpretation": flag("LL"), "dataAbsentReason": {"text": "not quantified"}}, 0.5, 3.5),
        ({"valueCodeableConcept": {"text": "low"}}, 0.5, 3.5),
    ],
)
def test_what_is_known_in_part_lies_between_two_ends(
    more: dict[str, Any], low: float, high: float, knowledge: KnowledgeBase
) -> None:
    value = one([observation(POTASSIUM, **more)], knowledge).findings["serum_potassium"].value
    assert not isinstance(value, bool | str)
    assert bounds(value) == (pytest.approx(low), pytest.approx(high))


@pytest.mark.parametrize("more", [{"valueString": "2.7"}, {"valueString": "<1.8"}])
def test_a_text_without_a_unit_is_told(more: dict[str, Any], knowledge: KnowledgeBase) -> None:
    intake = read([observation(POTASSIUM, **more)], knowledge)
    assert intake.cases[0][0].findings == {}
    assert "has no unit" in str(intake.refusals[0].problems[0])


@pytest.mark.parametrize(
    ("value", "flagged", "doubted"),
    [
        (4.3, ["LL"], True),
        (3.6, ["LL"], True),
        (3.6, ["L"], False),
        (4.3, ["L"], True),
        (2.2, ["N"], True),
        (3.3, ["N"], False),
        (2.2, ["LL"], False),
        (2.2, ["L", "N"], False),
        (2.2, ["A"], False),
    ],
)
def test_a_flag_that_cannot_be_its_values_puts_both_in_doubt(
    value: float, flagged: list[str], doubted: bool, knowledge: KnowledgeBase
) -> None:
    case = one([observation(POTASSIUM, value, interpretation=flag(*flagged))], knowledge)
    assert bool(case.unverified) is doubted
    assert ("serum_potassium" in case.findings) is not doubted
    if doubted:
        assert case.unverified[0].observed.value == value
        assert "it is not" in case.unverified[0].reason


def test_the_laboratorys_own_limits_judge_a_flag_first(knowledge: KnowledgeBase) -> None:
    limits = [{"low": quantity(4.5, "mmol/L"), "high": quantity(6, "mmol/L")}]
    assert one([observation(POTASSIUM, 4.3, interpretation=flag("L"), referenceRange=limits)], knowledge).unverified == ()


@pytest.mark.parametrize(
    ("code", "measured"),
    [
        ("2345-7", {"value": 61, "unit": "mg/dL", "code": "mmol/L", "system": UCUM}),
        ("19123-9", {"value": 1.4, "unit": "mmol/L", "code": "mg/dL", "system": UCUM}),
        # A unit that the finding does not take, but that is one of another, is no spelling mistake.
        (POTASSIUM, {"value": 3.9, "unit": "degC", "code": "mmol/L", "system": UCUM}),
    ],
)
def test_a_unit_that_its_code_contradicts_is_told_with_both(code: str, measured: Any, knowledge: KnowledgeBase) -> None:
    intake = read([observation(code, valueQuantity=measured)], knowledge)
    assert intake.cases[0][0].findings == {}
    told = str(intake.refusals[0].problems[0])
    assert f"'{measured['value']} {measured['unit']}' (unit)" in told
    assert f"'{measured['value']} {measured['code']}' (code)" in told


def test_two_spellings_of_one_amount_do_not_contradict(knowledge: KnowledgeBase) -> None:
    measured = {"value": 3.3, "unit": "mEq/L", "code": "mmol/L", "system": UCUM}
    assert one([observation(POTASSIUM, valueQuantity=measured)], knowledge).findings["serum_potassium"].value == 3.3


@pytest.mark.parametrize(
    ("code", "value", "unit", "finding", "expected"),
    [
        (CREATINE_KINASE, 30_000, "nkat/L", "creatine_kinase", 1_800),
        ("2276-4", 11, "µg/L", "serum_ferritin", 11),
        ("2731-8", 90, "ng/L", "parathyroid_hormone", pytest.approx(9.55, abs=0.01)),
        ("1989-3", 12, "ug/L", "vitamin_d_level", pytest.approx(29.95, abs=0.01)),
        ("2019-8", 4, "kPa", "arterial_carbon_dioxide", pytest.approx(30.0, abs=0.01)),
        ("8480-6", 12, "kPa", "systolic_blood_pressure", pytest.approx(90.0, abs=0.01)),
        ("8867-4", 51, "1/min", "heart_rate", 51),
        ("2143-6", 30, "ng/mL", "morning_cortisol", pytest.approx(82.8, abs=0.1)),
        ("2345-7", 0.8, "g/L", "blood_glucose", pytest.approx(4.44, abs=0.01)),
        ("19123-9", 17, "mg/L", "serum_magnesium", pytest.approx(0.7, abs=0.01)),
    ],
)
def test_units_of_european_laboratories_are_read(
    code: str, value: float, unit: str, finding: str, expected: float, knowledge: KnowledgeBase
) -> None:
    assert one([observation(code, value, unit)], knowledge).findings[finding].value == expected


@pytest.mark.parametrize(("code", "finding", "high"), [("E87.6", "serum_potassium", 3.5), ("E87.1", "serum_sodium", 136)])
def test_a_condition_that_states_a_laboratory_finding_is_read_as_that(
    code: str, finding: str, high: float, knowledge: KnowledgeBase
) -> None:
    from tests.fhir_samples import condition

    observed = one([condition("ICD-10-CM", code)], knowledge).findings[finding]
    assert not isinstance(observed.value, bool | str)
    assert (bounds(observed.value)[1] <= high, observed.given) == (True, "low")


def test_a_figure_makes_a_condition_of_the_same_time_exact(knowledge: KnowledgeBase) -> None:
    from tests.fhir_samples import condition

    stated = condition("ICD-10-CM", "E87.6", onsetDateTime="2026-03-01")
    assert one([stated, observation(POTASSIUM, 3.2)], knowledge).findings["serum_potassium"].value == 3.2
    later = observation(POTASSIUM, 4.4, when="2026-03-09")
    assert one([stated, later], knowledge).findings["serum_potassium"].value == 4.4
    case = one([stated, observation(POTASSIUM, 4.4)], knowledge)
    assert len(case.unverified) == 2
    assert notes(case) == {}


LOW_FLAG_BY_NAME = (
    [{"text": "Critically low"}],
    [{"coding": [{"code": "LL"}]}],
    [{"coding": [{"system": "urn:lab:flags", "code": "7", "display": "Low"}]}],
    ["L"],
)


@pytest.mark.parametrize("flagged", LOW_FLAG_BY_NAME)
def test_a_flag_is_read_by_its_name_or_without_its_system(flagged: list[Any], knowledge: KnowledgeBase) -> None:
    value = one([observation("19123-9", interpretation=flagged)], knowledge).findings["serum_magnesium"].value
    assert not isinstance(value, bool | str)
    assert bounds(value)[1] == pytest.approx(0.7)
    contradicted = one([observation(POTASSIUM, 4.6, interpretation=flagged)], knowledge)
    assert "serum_potassium" not in contradicted.findings
    assert any("flagged" in told.reason for told in contradicted.unverified)


def test_a_figure_off_the_scale_of_the_instrument_is_a_limit(knowledge: KnowledgeBase) -> None:
    value = one([observation("2951-2", 110, interpretation=flag("<"))], knowledge).findings["serum_sodium"].value
    assert not isinstance(value, bool | str)
    assert bounds(value) == (80, pytest.approx(110))


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ({"valueRatio": {"numerator": {"value": 3}}}, "its valueRatio holds nothing that is read here"),
        ({"valueQuantity": [quantity(2.2, "mmol/L")]}, "its valueQuantity holds nothing that is read here"),
        ({"valueSampledData": {"data": "2.2 2.3"}}, "its valueSampledData holds nothing that is read here"),
        ({"valueQuantity": {**quantity(2.2, "mmol/L"), "comparator": ["<"]}}, "'a list 2.2' is no limit that is known here"),
        ({"interpretation": [{"text": "see comment"}]}, "its interpretation 'see comment' is not one that is known here"),
    ],
)
def test_no_older_result_stands_in_for_a_value_of_a_type_that_is_not_read(
    more: dict[str, Any], told: str, knowledge: KnowledgeBase
) -> None:
    older = observation(POTASSIUM, 4.3, when="2026-02-20", id="older")
    case = one([older, observation(POTASSIUM, when="2026-03-01", id="newer", **more)], knowledge)
    assert "serum_potassium" not in case.findings
    assert any(told in note.reason for note in case.unrecognized)
    assert "newer result" in case.unverified[0].reason


@pytest.mark.parametrize(
    ("code", "more", "told"),
    [
        (CREATINE_KINASE, {"valueString": "> 30.000 U/L"}, "may be thousands or a decimal fraction"),
        (POTASSIUM, {"valueQuantity": quantity(2.2, "mmol/L"), "valueString": "4.2 mmol/L"}, "it has both valueQuantity and"),
    ],
)
def test_a_value_that_may_be_two_is_told(code: str, more: dict[str, Any], told: str, knowledge: KnowledgeBase) -> None:
    intake = read([observation(code, **more)], knowledge)
    assert intake.cases[0][0].findings == {}
    assert told in str(intake.refusals[0].problems[0])


def test_three_decimals_and_words_of_flags_are_read(knowledge: KnowledgeBase) -> None:
    exact = one([observation(POTASSIUM, valueString="2.250 mmol/L")], knowledge)
    assert exact.values == {"serum_potassium": 2.25}
    for more in ({"valueString": "critically low"}, {"valueCodeableConcept": {"text": "Critical low"}}):
        value = one([observation(POTASSIUM, **more)], knowledge).findings["serum_potassium"].value
        assert not isinstance(value, bool | str)
        assert bounds(value)[1] == pytest.approx(3.5)
