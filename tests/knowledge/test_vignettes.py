"""Vignettes: whole patients, with distractors and with much left unknown, come out as a physician would have them.

What a vignette expects beyond this (standings, rules) is checked with all other cases, in test_scope.py.
"""

from pathlib import Path

import pytest

from expert.inference.assessing import Assessor
from facts.case import Case
from facts.intake.case_files import read_case_files
from knowledge_base.model import KnowledgeBase

FOLDER = Path(__file__).parent / "cases" / "vignettes"


@pytest.fixture(scope="module")
def vignettes(knowledge: KnowledgeBase) -> list[Case]:
    intake = read_case_files([FOLDER], knowledge.vocabulary, knowledge.dictionary)
    assert intake.refusals == ()
    return [case for case, _ in intake.cases]


def test_there_are_twenty_and_each_says_what_is_expected_and_why(vignettes: list[Case]) -> None:
    assert len(vignettes) >= 20
    assert [case.name for case in vignettes if not case.note or case.expected.urgency is None] == []


def test_every_level_of_urgency_has_vignettes(vignettes: list[Case], knowledge: KnowledgeBase) -> None:
    assert {case.expected.urgency for case in vignettes} == set(knowledge.levels)


def test_no_vignette_is_under_triaged(vignettes: list[Case], assessor: Assessor) -> None:
    rank = assessor.knowledge.level_rank
    found = {case.name: (assessor.assess(case).urgency.level, case.expected.urgency or "") for case in vignettes}
    assert {name: levels for name, levels in found.items() if rank[levels[0]] < rank[levels[1]]} == {}


def test_no_vignette_is_over_triaged(vignettes: list[Case], assessor: Assessor) -> None:
    rank = assessor.knowledge.level_rank
    found = {case.name: (assessor.assess(case).urgency.level, case.expected.urgency or "") for case in vignettes}
    assert {name: levels for name, levels in found.items() if rank[levels[0]] > rank[levels[1]]} == {}


def test_the_cause_that_a_physician_would_name_first_leads(vignettes: list[Case], assessor: Assessor) -> None:
    """A statin, a beta-blocker or an old diagnosis never outranks a worse explanation."""
    wrong = {
        case.name: (assessor.assess(case).causes[0].id, case.expected.causes[0])
        for case in vignettes
        if case.expected.causes and assessor.assess(case).causes[0].id != case.expected.causes[0]
    }
    assert wrong == {}
