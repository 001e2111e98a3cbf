"""Conditions and procedures into findings: present, or nothing."""

from datetime import date
from typing import Any

import pytest

from knowledge_base.model import KnowledgeBase
from tests.fhir_samples import (
    SUBJECT,
    concept,
    condition,
    notes,
    observation,
    one,
)


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
    case = one([condition("SNOMED CT", "422400008", onsetDateTime="2026-02-28"), denied], knowledge)
    assert "vomiting" not in case.findings
    assert [(one.observed.value, one.reason) for one in case.unverified] == [
        (True, "the record says both, so neither counts"),
        (False, "the record says both, so neither counts"),
    ]


def test_a_no_and_a_finding_that_contradicts_it_do_not_count_and_the_record_is_read(knowledge: KnowledgeBase) -> None:
    denied = observation(concept("SNOMED CT", "26544005"), valueBoolean=False, id="strong")
    findings = dict(knowledge.vocabulary.findings)
    child = next(name for name, finding in findings.items() if finding.requires == "muscle_weakness" and finding.codes)
    system, codes = next(iter(findings[child].codes.items()))
    hpo = {"coding": [{"system": "http://human-phenotype-ontology.org", "code": codes[0].code}]}
    assert system == "HPO"
    case = one([denied, {**condition("SNOMED CT", "1", onsetDateTime="2026-02-10"), "code": hpo}], knowledge)
    assert (case.findings, case.record and case.record.used) == ({}, 0)
    reason = (
        "muscle_weakness is no (Observation/strong, 2026-03-01), "
        f"but {child} is yes (Condition/c, since 2026-02-10); so neither counts"
    )
    assert len(notes(case)) == 2
    assert set(notes(case).values()) == {reason}


# Procedures


@pytest.mark.parametrize(("status", "present"), [("in-progress", True), ("completed", False), ("not-done", False)])
def test_a_procedure_that_goes_on_is_present_and_nothing_is_ever_absent(
    status: str, present: bool, knowledge: KnowledgeBase
) -> None:
    dialysis = {"resourceType": "Procedure", "id": "d", "status": status, "subject": SUBJECT, "performedDateTime": "2026-03-01"}
    findings = one([{**dialysis, "code": concept("SNOMED CT", "265764009")}], knowledge).findings
    assert ("on_dialysis" in findings) is present
    assert all(observed.value is not False for observed in findings.values())


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ({"verificationStatus": {"text": "Entered in Error"}}, "verificationStatus entered-in-error"),
        ({"verificationStatus": {"coding": [{"display": "Refuted"}]}}, "verificationStatus refuted"),
        ({"verificationStatus": {"coding": [{"system": "urn:own", "code": "q"}, {"code": "provisional"}]}}, "provisional"),
        ({"verificationStatus": {"coding": [{"code": "unknown"}]}}, "whether the condition is established is not recorded"),
        ({"clinicalStatus": {"coding": [{"code": "active"}, {"code": "resolved"}]}}, "clinicalStatus says both"),
        ({"clinicalStatus": {"text": "Remission"}}, "it is past (clinicalStatus remission)"),
    ],
)
def test_a_status_is_read_from_all_its_codes_and_names(status: dict[str, Any], told: str, knowledge: KnowledgeBase) -> None:
    case = one([{**condition("ICD-10-CM", "E11.9"), **status}], knowledge)
    assert "diabetes" not in case.findings
    assert told in case.unrecognized[0].reason


@pytest.mark.parametrize("system", ["http://hl7.org/fhir/sid/icd-9-cm", "urn:own:icd", "http://id.who.int/icd/release/11/mms"])
def test_a_condition_of_a_terminology_that_is_not_read_is_told_by_its_code(system: str, knowledge: KnowledgeBase) -> None:
    bare = {**condition("ICD-10-CM", "x"), "code": {"coding": [{"system": system, "code": "250.00"}]}}
    case = one([bare], knowledge)
    assert case.record is not None
    assert case.record.conditions_not_known == (f"{system} 250.00",)
