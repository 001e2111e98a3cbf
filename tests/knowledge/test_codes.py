"""Codes: an ICD-10-CM code goes by its published name; another is marked unchecked exactly where no list confirms it."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import simple_icd_10_cm as icd

from facts.vocabulary import Code
from knowledge_base.model import KnowledgeBase

LIST = Path(__file__).parents[3] / "shared" / "data" / "codes" / "synthea_and_smart_codes.csv"

# Elements and codes of HL7's own standards, which no list of terminologies has; they are compared below.
HL7 = {
    "FHIR": {"Patient.birthDate", "Patient.gender"},
    "FHIR gender": {"male", "female", "other"},
    "HL7 interpretation": {"H", "HH", "HU", "L", "LL", "LU", "N"},
}


def codes(knowledge: KnowledgeBase) -> Iterator[tuple[str, str, Code]]:
    for group in (knowledge.vocabulary.findings, knowledge.causes, knowledge.next_steps):
        for name, entry in group.items():
            for declared in (entry.codes, *getattr(entry, "answer_codes", {}).values()):
                for system, listed in declared.items():
                    yield from ((name, system, code) for code in listed)


def test_every_icd_10_cm_code_is_valid_and_goes_by_its_published_name(knowledge: KnowledgeBase) -> None:
    wrong = [
        f"{name}: {code.code} {code.display!r}"
        for name, system, code in codes(knowledge)
        if system == "ICD-10-CM"
        and (
            code.unchecked
            or not icd.is_valid_item(code.code)
            or icd.get_description(code.code).casefold() != code.display.casefold()
        )
    ]
    assert wrong == []


@pytest.mark.skipif(not LIST.is_file(), reason="the list of LOINC, SNOMED CT and RxNorm codes is not beside the project")
def test_a_code_is_marked_unchecked_exactly_where_the_list_does_not_confirm_it(knowledge: KnowledgeBase) -> None:
    names: dict[str, set[str]] = {}
    with LIST.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            # "Fever (finding)" and "Fever | Fever" are Fever; "Thyroxine (T4) free" is what it is called.
            parts = [part.strip().casefold() for part in row["display"].split("|")]
            names.setdefault(row["code"], set()).update(parts, (part.rsplit(" (", 1)[0] for part in parts))
    wrong = [
        f"{name}: {system} {code.code} {code.display!r}"
        for name, system, code in codes(knowledge)
        if system not in ("ICD-10-CM", *HL7) and code.unchecked == (code.display.casefold() in names.get(code.code, set()))
    ]
    assert wrong == []


def test_every_code_of_hl7_is_one_that_its_standard_has(knowledge: KnowledgeBase) -> None:
    wrong = [
        f"{name}: {system} {code.code}"
        for name, system, code in codes(knowledge)
        if code.code not in HL7.get(system, {code.code})
    ]
    assert wrong == []


def test_every_rxnorm_code_names_one_medicine(knowledge: KnowledgeBase) -> None:
    listed = [code for medicine in knowledge.dictionary.medicines.values() for code in medicine.rxnorm]
    assert len(listed) == len(set(listed)) > 300


@pytest.mark.skipif(not LIST.is_file(), reason="the list of LOINC, SNOMED CT and RxNorm codes is not beside the project")
def test_every_rxnorm_code_is_called_in_the_list_what_the_dictionary_takes_it_for(knowledge: KnowledgeBase) -> None:
    with LIST.open(encoding="utf-8", newline="") as stream:
        displays = {row["code"]: row["display"].split("|")[0] for row in csv.DictReader(stream) if row["system"] == "RXNORM"}
    wrong = [
        f"{name}: {code} {displays.get(code)}"
        for name, medicine in knowledge.dictionary.medicines.items()
        for code in medicine.rxnorm
        if knowledge.dictionary.recognize(displays.get(code, "")).medicines not in ((name,), ())
    ]
    assert wrong == []
