"""Every step has a patient to whom it is shown, and one for each thing that sets it aside; every guard one whom it guards."""

from knowledge_base.judging.judgement import Judge
from knowledge_base.model import KnowledgeBase
from tests.knowledge.propose_plans import expected_plans, plan_faults


def test_steps_are_shown_and_set_aside_as_expected_and_guards_hold(knowledge: KnowledgeBase) -> None:
    assert list(plan_faults(knowledge, Judge(knowledge))) == []


def test_nothing_of_the_plan_is_without_an_expectation(knowledge: KnowledgeBase) -> None:
    expected = expected_plans()
    assert sorted(expected["steps"]) == sorted(knowledge.next_steps)
    assert sorted(expected["guards"]) == sorted(knowledge.invariants.guards)
    with_a_hazard = {name for name, step in knowledge.next_steps.items() if step.unless is not None}
    assert sorted(with_a_hazard - {name for name, entry in expected["steps"].items() if entry["set_aside"]}) == []
