"""The snapshots are of this knowledge, and come out as they say; every rule and every threshold has its cases in them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from expert.inference.assessing import Assessor
from facts.case import Case
from facts.intake.case_files import read_case_files
from facts.problems import Place
from knowledge_base.model import KnowledgeBase
from tests.knowledge.mutate_knowledge import case_faults
from tests.knowledge.proposing.propose_cases import CaseProposer
from tests.knowledge.snapshots import FIRES, NEARLY, RENEW, UNKNOWN, committed, propose, read_snapshots

BY_HAND = Path(__file__).parent / "cases"


@pytest.fixture(scope="module")
def snapshots(knowledge: KnowledgeBase) -> Sequence[tuple[Case, Place]]:
    intake = read_snapshots(knowledge)
    assert not intake.refusals, intake.refusals
    return intake.cases


@pytest.fixture(scope="module")
def proposer(knowledge: KnowledgeBase) -> CaseProposer:
    return CaseProposer(knowledge)


def test_snapshots_are_of_this_knowledge(knowledge: KnowledgeBase) -> None:
    before, after = committed(), propose(knowledge)
    assert [path.name for path in {**before, **after} if before.get(path) != after.get(path)] == [], RENEW


def test_every_case_comes_out_as_it_says(snapshots: Sequence[tuple[Case, Place]], assessor: Assessor) -> None:
    """They were judged together, 64 in a word; here each is judged alone."""
    knowledge, judge = assessor.knowledge, assessor.judge
    faults = [
        f"{place}: {fault}"
        for case, place in snapshots
        for fault in case_faults(case, place, knowledge, judge, judge(case.values))
    ]
    assert faults == [], RENEW


def test_every_rule_fires_in_the_rule_engine_too_and_is_told(
    snapshots: Sequence[tuple[Case, Place]], assessor: Assessor
) -> None:
    fired = set()
    for case, _ in snapshots:
        rule, _, what = case.name.partition(": ")
        if what == FIRES:
            # Raises where the rule engine concludes otherwise than the judge, or where a sentence lacks a value.
            assessor.assess(case)
            assert rule in assessor.chaining.derive(case.values).fired, case.name
            fired.add(rule)
    assert fired == set(assessor.knowledge.rules)


def test_every_rule_has_a_case_in_which_it_fires_and_one_that_leaves_it_unknown(
    snapshots: Sequence[tuple[Case, Place]], knowledge: KnowledgeBase
) -> None:
    names = {case.name for case, _ in snapshots}
    wanted = {f"{rule}: {what}" for rule in knowledge.rules for what in (FIRES, UNKNOWN)}
    assert sorted(wanted - names) == []


def test_every_rule_has_a_case_in_which_one_answer_keeps_it_from_firing(
    snapshots: Sequence[tuple[Case, Place]], proposer: CaseProposer
) -> None:
    """What no program found is written by hand."""
    knowledge = proposer.knowledge
    by_hand = read_case_files([BY_HAND], knowledge.vocabulary, knowledge.dictionary).cases
    ruled_out = {rule: case.values for case, _ in by_hand for rule in case.expected.ruled_out}
    nearly = [case for case, _ in snapshots if case.name.endswith(f": {NEARLY}")]
    ruled_out |= {rule: case.values for case in nearly for rule in case.expected.ruled_out}
    assert sorted(set(knowledge.rules) - set(ruled_out)) == []
    far = [name for name, values in ruled_out.items() if not proposer.is_one_answer_from_firing(name, values)]
    assert far == []


def test_every_threshold_has_cases_just_below_on_and_just_above(
    snapshots: Sequence[tuple[Case, Place]], proposer: CaseProposer
) -> None:
    told: dict[str, set[float]] = {}
    for case, place in snapshots:
        if Path(place.file).stem == "thresholds":
            for name in proposer.thresholds.keys() & case.values.keys():
                told.setdefault(name, set()).add(round(float(case.values[name]), 6))
    missing = {}
    for name, compared in proposer.thresholds.items():
        finding, step = proposer.findings[name], proposer.step(name)
        assert finding.kind == "quantity"
        around = {round(threshold + move, 6) for threshold in compared for move in (-step, 0.0, step)}
        within = {value for value in around if finding.range[0] <= value <= finding.range[1]}
        missing[name] = within - told.get(name, set())
    assert {name: values for name, values in missing.items() if values} == {}
