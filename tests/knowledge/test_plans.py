"""Every step has a patient to whom it is shown, and one for each thing that sets it aside; every guard one whom it guards."""

from knowledge_base.judging.judgement import Judge
from knowledge_base.model import KnowledgeBase
from tests.knowledge.proposing.propose_plans import plan_faults
from tests.knowledge.snapshots import RENEW, expected_plans


def test_steps_are_shown_and_set_aside_as_expected_and_guards_hold(knowledge: KnowledgeBase) -> None:
    assert list(plan_faults(expected_plans(), knowledge, Judge(knowledge))) == [], RENEW


def test_nothing_of_the_plan_is_without_an_expectation(knowledge: KnowledgeBase) -> None:
    told = {what: {entry.get("step") for entry in expected_plans() if what in entry} for what in ("shown", "set aside")}
    assert told["shown"] == set(knowledge.next_steps)
    assert told["set aside"] == {name for name, step in knowledge.next_steps.items() if step.unless is not None}
    assert {entry["guard"] for entry in expected_plans() if "guard" in entry} == set(knowledge.invariants.guards)
