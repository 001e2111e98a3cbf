"""Codes: an ICD-10-CM code goes by its published name; another is marked unchecked exactly where no list confirms it."""

import csv
from collections.abc import Iterator
from pathlib import Path

import pytest
import simple_icd_10_cm as icd

from facts.vocabulary import Code
from knowledge_base.model import KnowledgeBase

LIST = Path(__file__).parents[2] / "shared" / "data" / "codes" / "synthea_and_smart_codes.csv"


def codes(knowledge: KnowledgeBase) -> Iterator[tuple[str, str, Code]]:
    for group in (knowledge.vocabulary.findings, knowledge.causes, knowledge.next_steps):
        for name, entry in group.items():
            for system, listed in entry.codes.items():
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
            # "Fever (finding)" and "Fever | Fever" are Fever.
            displays = {part.rsplit(" (", 1)[0].strip().casefold() for part in row["display"].split("|")}
            names.setdefault(row["code"], set()).update(displays)
    wrong = [
        f"{name}: {system} {code.code} {code.display!r}"
        for name, system, code in codes(knowledge)
        if system != "ICD-10-CM" and code.unchecked == (code.display.casefold() in names.get(code.code, set()))
    ]
    assert wrong == []
