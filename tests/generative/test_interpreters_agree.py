"""Meaning, judgement, and experta with either matcher agree on every random knowledge base and case; English tells it."""

from collections.abc import Mapping
from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from expert.inference.assessing import Assessor
from expert.inference.forward_chaining import ForwardChaining
from facts.vocabulary import Value
from knowledge_base.conditions.expression import Expression, Leaf, Named
from knowledge_base.conditions.logic import (
    Truth,
    evaluate,
    evaluate_leaf,
    evaluate_named,
    open_findings,
    push_negation_inward,
    residue,
    supports,
)
from knowledge_base.grading import Tally
from knowledge_base.judging.judgement import Judge
from knowledge_base.model import KnowledgeBase, tally
from reports.words.wording import tell
from tests.generative.drawing import EVERY_OPERATOR, cases, completions, knowledge_bases, operators, sorts_of
from tests.small_knowledge import case


def test_all_interpreters_agree_and_every_operator_was_drawn() -> None:
    drawn: set[str] = set()

    @given(knowledge_bases(), st.lists(cases(), min_size=1, max_size=3))
    def agree(knowledge: KnowledgeBase, patients: list[dict[str, Value]]) -> None:
        ground, rete, judge = ForwardChaining(knowledge, "ground"), ForwardChaining(knowledge, "rete"), Judge(knowledge)
        for tree in (*knowledge.conditions.values(), *(rule.condition for rule in knowledge.rules.values())):
            drawn.update(operators(tree))
            assert tell(tree, knowledge)
        walked = [judge(values) for values in patients]
        judge.compile()
        for values, at_first in zip(patients, walked, strict=True):
            drawn.update(sorts_of(values))
            truths = meaning(knowledge, values)
            judgement = judge(values)
            assert (judge.truths(at_first), at_first.missing) == (judge.truths(judgement), judgement.missing)
            assert judge.truths(judgement) == truths
            for name, condition in all_conditions(knowledge).items():
                missing = open_findings(condition, values, truths, knowledge.conditions)
                assert set(judge.findings_of(judgement.missing[judge.position[name]])) == set(missing)
            derivation = ground.derive(values)
            assert derivation == rete.derive(values)
            assert set(derivation.fired) == {name for name in knowledge.rules if truths[name]}
            assert derivation.standings == standings(knowledge, truths)
            assert derivation.level == level(knowledge, truths)

    agree()
    assert drawn == EVERY_OPERATOR


@given(knowledge_bases(), cases())
def test_an_argument_rests_on_exactly_the_findings_that_carry_its_condition(
    knowledge: KnowledgeBase, values: dict[str, Value]
) -> None:
    truths = meaning(knowledge, values)
    assessment = Assessor(knowledge).assess(case(values))
    arguments = [argument for sign in assessment.warning_signs for argument in sign.arguments]
    arguments += [argument for cause in assessment.causes for argument in (*cause.arguments_for, *cause.arguments_against)]
    for argument in arguments:
        carried = carrying(knowledge.rules[argument.rule].condition, True, knowledge, values, truths)
        assert {finding.id for finding in argument.findings} == carried


@given(knowledge_bases(), cases(), st.data())
def test_more_knowledge_never_unsays_and_stays_within_what_was_said_to_be_possible(
    knowledge: KnowledgeBase, values: dict[str, Value], data: st.DataObject
) -> None:
    assessor = Assessor(knowledge)
    before = assessor.assess(case(values))
    after = assessor.assess(case(data.draw(completions(values))))
    rank = knowledge.level_rank
    assert (
        rank[before.urgency.level] <= rank[after.urgency.level] <= rank[after.urgency.ceiling] <= rank[before.urgency.ceiling]
    )
    assert {sign.id for sign in before.warning_signs} <= {sign.id for sign in after.warning_signs}
    could_be = {cause.id: cause.could_be for cause in before.causes}
    for cause in after.causes:
        assert cause.standing in cause.could_be
        assert set(cause.could_be) <= set(could_be[cause.id])


@given(knowledge_bases(), cases(), st.data())
def test_what_remains_of_a_condition_decides_it_as_the_whole_does(
    knowledge: KnowledgeBase, values: dict[str, Value], data: st.DataObject
) -> None:
    later = data.draw(completions(values))
    before, after = meaning(knowledge, values), meaning(knowledge, later)
    truth_of = partial(evaluate_leaf, values=values)
    for name, condition in all_conditions(knowledge).items():
        rest = residue(condition, truth_of, knowledge.conditions)
        assert isinstance(rest, bool) is (before[name] is not None)
        assert (rest if isinstance(rest, bool) else evaluate(rest, later, after)) is after[name]


def all_conditions(knowledge: KnowledgeBase) -> dict[str, Expression]:
    return {**knowledge.conditions, **{rule.id: rule.condition for rule in knowledge.rules.values()}}


def meaning(knowledge: KnowledgeBase, values: Mapping[str, Value]) -> dict[str, Truth]:
    named = evaluate_named(knowledge.conditions, values)
    return {**named, **{rule.id: evaluate(rule.condition, values, named) for rule in knowledge.rules.values()}}


def standings(knowledge: KnowledgeBase, truths: Mapping[str, Truth]) -> dict[str, str]:
    tallies = {cause.id: tally(rule for rule in cause.rules if truths[rule.id]) for cause in knowledge.causes.values()}
    return {name: knowledge.grading.standing(counts) for name, counts in tallies.items() if counts != Tally()}


def level(knowledge: KnowledgeBase, truths: Mapping[str, Truth]) -> str:
    levels = [rule.level for sign in knowledge.warning_signs.values() for rule in sign.rules if truths[rule.id] and rule.level]
    return max(levels, key=knowledge.level_rank.__getitem__, default=next(iter(knowledge.levels)))


def carrying(
    tree: Expression, truth: bool, knowledge: KnowledgeBase, values: Mapping[str, Value], truths: Mapping[str, Truth]
) -> set[str]:
    """Follow the reference's supports through definitions and conclusions down to findings."""
    found: set[str] = set()
    for part, holds in supports(tree if truth else push_negation_inward(tree, negate=True), values, truths):
        if isinstance(part, Named):
            found |= carrying(knowledge.conditions[part.name], holds, knowledge, values, truths)
        else:
            leaf: Leaf = part
            found.add(leaf.finding)
    return found
