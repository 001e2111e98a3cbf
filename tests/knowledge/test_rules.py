"""Every rule has a case in which it fires and one in which it nearly does; every threshold has cases around it."""

from functools import cache
from pathlib import Path

import pytest

from facts.case import Case
from facts.intake.case_files import read_case_files
from knowledge_base.judging.judgement import Judge
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase
from tests.knowledge.propose_cases import Proposer

CASES = Path(__file__).parent / "cases"


@cache
def proposer() -> Proposer:
    return Proposer(load_knowledge_base())


@cache
def cases() -> tuple[Case, ...]:
    knowledge = proposer().knowledge
    intake = read_case_files([CASES], knowledge.vocabulary, knowledge.dictionary)
    assert not intake.refusals, intake.refusals
    return tuple(case for case, _ in intake.cases)


def test_every_case_fires_and_rules_out_what_it_says(knowledge: KnowledgeBase) -> None:
    judge = Judge(knowledge)
    wrong = []
    for case in cases():
        truths = judge.truths(judge(case.values))
        wrong += [f"{case.name}: {rule} does not fire" for rule in case.expected.fires if truths.get(rule) is not True]
        wrong += [f"{case.name}: {rule} is not ruled out" for rule in case.expected.ruled_out if truths.get(rule) is not False]
    assert wrong == []


def test_every_rule_has_a_case_in_which_it_fires(knowledge: KnowledgeBase) -> None:
    fired = {rule for case in cases() for rule in case.expected.fires}
    assert sorted(set(knowledge.rules) - fired) == []


def test_every_rule_has_a_case_in_which_one_answer_keeps_it_from_firing(knowledge: KnowledgeBase) -> None:
    ruled_out = {rule: case.values for case in cases() for rule in case.expected.ruled_out}
    missing = sorted(set(knowledge.rules) - set(ruled_out))
    assert missing == []
    far = [name for name, values in ruled_out.items() if not proposer().is_one_answer_from_firing(name, values)]
    assert far == []


@pytest.mark.parametrize("name", sorted(proposer().thresholds()))
def test_every_threshold_has_cases_just_below_on_and_just_above(name: str) -> None:
    finding, step = proposer().findings[name], proposer().step(name)
    assert finding.kind == "quantity"
    told = {round(float(case.values[name]), 6) for case in cases() if name in case.values}
    around = {
        round(threshold + move, 6)
        for threshold in proposer().thresholds()[name]
        for move in (-step, 0.0, step)
        if finding.range[0] <= threshold + move <= finding.range[1]
    }
    assert sorted(around - told) == []
