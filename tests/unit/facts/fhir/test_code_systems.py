"""How the terminologies of a record are spelled, and codes whose terminology is not known."""

from typing import Any

import pytest

from facts.intake.fhir.shapes.systems import system_of
from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import condition, notes, observation, one


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("HTTP://LOINC.ORG/", "LOINC"),
        ("https://www.loinc.org", "LOINC"),
        ("http://loinc.org|2.77", "LOINC"),
        ("urn:oid:2.16.840.1.113883.6.1", "LOINC"),
        ("2.16.840.1.113883.6.96", "SNOMED CT"),
        ("SCT", "SNOMED CT"),
        ("http://snomed.info/sct/900000000000207008/version/20250101", "SNOMED CT"),
        ("https://snomed.info/sct", "SNOMED CT"),
        ("I10C", "ICD-10-CM"),
        ("https://hl7.org/fhir/sid/icd-10-cm", "ICD-10-CM"),
        ("http://hl7.org/fhir/sid/icd-10", "ICD-10"),
        ("http://hl7.org/fhir/sid/icd-10-am", "ICD-10"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "ICD-10"),
        ("http://fhir.de/CodeSystem/bfarm/atc", "ATC"),
        ("ICD-10-GM-2025", "ICD-10"),
        ("http://id.who.int/icd/release/10/2019", "ICD-10"),
        ("SNOMEDCT", "SNOMED CT"),
        ("http://hl7.org/fhir/sid/icd-10-pcs", ""),
        ("http://id.who.int/icd/release/11/mms", ""),
        ("http://hl7.org/fhir/sid/icd-9-cm", ""),
        ("http://example.org/loinc.org", ""),
        ("", ""),
    ],
)
def test_a_terminology_is_known_by_every_spelling_of_its_system(written: str, name: str) -> None:
    assert system_of(written) == name


def coded(system: str | None, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


@pytest.mark.parametrize("system", [None, "", "urn:local:lab"])
def test_a_code_that_would_be_known_in_another_system_is_told(system: str | None, knowledge: KnowledgeBase) -> None:
    case = one([observation(coded(system, "2951-2"), 121)], knowledge)
    assert case.values == {}
    ((text, reason),) = notes(case).items()
    assert text == "code 2951-2 without a known system (Observation/o, 2026-03-01)"
    assert reason.startswith("not used")
    disease = {**condition("SNOMED CT", "1"), "code": coded(system, "44054006")}
    assert "code 44054006 without a known system (Condition/c, 2026-02-01)" in notes(one([disease], knowledge))
    assert notes(one([observation(coded(system, "local-7"), 121)], knowledge)) == {}


@pytest.mark.parametrize(
    ("code", "finding"), [("I50.9", "heart_disease"), ("G20", "known_parkinson_disease"), ("E10.7", "diabetes")]
)
def test_a_category_is_read_from_other_editions_of_icd_10_and_said_to_be_unchecked(
    code: str, finding: str, knowledge: KnowledgeBase
) -> None:
    disease = {**condition("SNOMED CT", "1"), "code": coded("http://hl7.org/fhir/sid/icd-10", code)}
    observed = one([disease], knowledge).findings[finding]
    assert observed.value is True
    assert "ICD-10 outside the US, unchecked" in observed.origin


def test_a_subdivision_of_other_editions_is_told_and_not_read(knowledge: KnowledgeBase) -> None:
    disease = {**condition("SNOMED CT", "1"), "code": {**coded("icd-10-gm", "E87.6"), "text": "Hypokaliämie"}}
    case = one([disease], knowledge)
    assert case.values == {}
    assert case.record is not None
    assert case.record.conditions_not_known == ("Hypokaliämie (of ICD-10 outside the US, only whole categories are read)",)


def test_conditions_with_codes_that_are_not_known_are_named(knowledge: KnowledgeBase) -> None:
    unknown = {**condition("SNOMED CT", "1"), "code": {"text": "Nocturnal leg cramps"}}
    past = {**condition("SNOMED CT", "1", "resolved", id="past"), "code": {"text": "Measles"}}
    case = one([unknown, past], knowledge)
    assert case.record is not None
    assert case.record.conditions_not_known == ("Nocturnal leg cramps",)


@pytest.mark.parametrize("code", [{"text": "Magnesium"}, coded("urn:lab:tests", "MG17") | {"text": "Magnesium"}])
def test_a_result_that_is_known_by_its_name_alone_is_told_with_its_value(
    code: dict[str, Any], knowledge: KnowledgeBase
) -> None:
    case = one([observation(code, "0.31")], knowledge)
    assert "serum_magnesium" not in case.findings
    assert case.unrecognized[0].text == "a result called 'Magnesium' 0.31 mmol/L (Observation/o, 2026-03-01)"


def test_a_result_with_the_code_of_another_test_is_not_told_for_its_name(knowledge: KnowledgeBase) -> None:
    in_urine = {"coding": [{"system": "http://loinc.org", "code": "2828-2"}], "text": "Potassium"}
    assert not one([observation(in_urine, 31)], knowledge).unrecognized
