"""What z3 says of a random case equals the meaning: conditions, standings, urgency and ceiling."""

from hypothesis import given, settings

from expert.inference.assessing import Assessor
from expert.proofs.connectives import negation
from expert.proofs.formulas import Formulas
from expert.proofs.solver import Decider
from facts.vocabulary import Value
from knowledge_base.judging.judgement import Judge
from knowledge_base.judging.thresholds import thresholds_of
from knowledge_base.model import KnowledgeBase
from tests.generative.drawing import EVERY_OPERATOR, cases, knowledge_bases, operators, sorts_of
from tests.generative.test_interpreters_agree import all_conditions, meaning
from tests.small_knowledge import case


def test_formulas_agree_with_the_meaning_and_every_operator_was_drawn() -> None:
    drawn: set[str] = set()

    @settings(max_examples=100)
    @given(knowledge_bases(), cases())
    def agree(knowledge: KnowledgeBase, values: dict[str, Value]) -> None:
        truths, assessment = meaning(knowledge, values), Assessor(knowledge).assess(case(values))
        drawn.update(sorts_of(values))
        formulas = Formulas(knowledge)
        decide = Decider(formulas.patient, formulas.patient.pinned(values))
        assert decide() == "possible"
        for name, tree in all_conditions(knowledge).items():
            drawn.update(operators(tree))
            assert decide(formulas.true(tree)) == ("possible" if truths[name] is True else "impossible")
            assert decide(formulas.false(tree)) == ("possible" if truths[name] is False else "impossible")
        rank = knowledge.level_rank
        for level in knowledge.levels:
            demanded, possible = formulas.urgency_at_least(level), formulas.ceiling_at_least(level)
            assert (decide(demanded) == "possible") is (rank[assessment.urgency.level] >= rank[level])
            assert (decide(possible) == "possible") is (rank[assessment.urgency.ceiling] >= rank[level])
        for cause in assessment.causes:
            for standing in knowledge.grading.standings:
                assert (decide(formulas.standing(cause.id, [standing])) == "possible") is (cause.standing == standing)

    agree()
    assert drawn == EVERY_OPERATOR


@settings(max_examples=60)
@given(knowledge_bases())
def test_a_witness_is_a_patient_as_the_formulas_say_and_knows_no_more_than_needed(knowledge: KnowledgeBase) -> None:
    formulas = Formulas(knowledge)
    decide = Decider(formulas.patient, thresholds=thresholds_of(knowledge))
    judge = Judge(knowledge)
    for name, rule in knowledge.rules.items():
        if decide(formulas.fires(name)) == "impossible":
            continue
        witness = decide.witness(formulas.fires(name))
        assert judge.truths(judge(witness))[rule.id] is True
        for finding in witness:
            fewer = {other: value for other, value in witness.items() if other != finding}
            children = [other for other in fewer if knowledge.vocabulary.findings[other].requires == finding]
            assert children or judge.truths(judge(fewer))[rule.id] is not True


@settings(max_examples=60)
@given(knowledge_bases(), cases())
def test_what_z3_calls_impossible_no_case_does(knowledge: KnowledgeBase, values: dict[str, Value]) -> None:
    formulas, truths = Formulas(knowledge), meaning(knowledge, values)
    decide = Decider(formulas.patient)
    for name, rule in knowledge.rules.items():
        if decide(formulas.true(rule.condition)) == "impossible":
            assert truths[name] is not True
        if decide(negation(formulas.true(rule.condition))) == "impossible":
            assert truths[name] is True
