"""Every case in which one part of a condition decides comes out as it says; see `tests.knowledge.propose_part_cases`."""

from facts.intake.case_files import read_case_files
from knowledge_base.judging.judgement import Judge
from knowledge_base.model import KnowledgeBase
from tests.knowledge.mutate_knowledge import case_faults
from tests.knowledge.propose_part_cases import PARTS


def test_every_part_of_a_condition_decides_as_its_case_says(knowledge: KnowledgeBase) -> None:
    intake = read_case_files([PARTS], knowledge.vocabulary, knowledge.dictionary)
    assert intake.refusals == ()
    judge = Judge(knowledge)
    faults = [
        f"{place}: {fault}"
        for case, place in intake.cases
        for fault in case_faults(case, place, knowledge, judge, judge(case.values))
    ]
    assert faults == []


def test_every_rule_has_such_a_case(knowledge: KnowledgeBase) -> None:
    intake = read_case_files([PARTS], knowledge.vocabulary, knowledge.dictionary)
    told = {rule for case, _ in intake.cases for rule in case.expected.fires}
    assert sorted(set(knowledge.rules) - told) == []
