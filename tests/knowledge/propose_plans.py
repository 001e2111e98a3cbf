"""Propose what is expected of plans: a patient to whom each step is shown, patients for whom it is set aside, and guarded ones.

`python -m tests.knowledge.propose_plans` writes plans.yaml, beside this file. A step's topics and what sets it aside then show
there when they change, as the cases of rules show what fires; what is committed is what the tests insist on.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any

from expert.proofs.formulas import Formulas, negation
from expert.proofs.solver import Decider
from facts.declaring.yaml_reading import read_document
from facts.vocabulary import Value
from knowledge_base.conditions.expression import And, Expression, Or
from knowledge_base.conditions.logic import evaluate, push_negation_inward
from knowledge_base.judging.judgement import Judge
from knowledge_base.judging.thresholds import thresholds_of
from knowledge_base.loading import load_knowledge_base
from knowledge_base.model import KnowledgeBase, NextStep
from tests.knowledge.propose_cases import Proposer

PLANS = Path(__file__).with_name("plans.yaml")


@cache
def expected_plans() -> Mapping[str, Any]:
    """Return what is committed: steps and guards."""
    content: Mapping[str, Any] = read_document(PLANS.read_text(encoding="utf-8"), PLANS.name, typed=True).value
    return content


def plan_faults(knowledge: KnowledgeBase, judge: Judge) -> Iterator[str]:
    """Return how steps and guards differ from what is expected of them."""
    for name, entry in expected_plans()["steps"].items():
        step = knowledge.next_steps.get(name)
        if step is None:
            yield f"{name} is gone"
            continue
        if dict(step.topics) != entry["topics"]:
            yield f"{name} speaks of {dict(step.topics)}, not of {entry['topics']}"
        if state(step, entry["shown"], judge) != "shown":
            yield f"{name} is not shown to {entry['shown']}"
        for values in entry["set_aside"]:
            if state(step, values, judge) != "set aside":
                yield f"{name} is not set aside for {values}"
    for name, entry in expected_plans()["guards"].items():
        guard = knowledge.invariants.guards.get(name)
        if guard is None:
            yield f"the guard {name} is gone"
        elif dict(guard.never) != entry["never"] or any(not holds(guard.when, values, judge) for values in entry["holds"]):
            yield f"the guard {name} does not hold for {entry['holds']}, or never {entry['never']}"


def state(step: NextStep, values: Mapping[str, Value], judge: Judge) -> str:
    """Return what becomes of a step for a patient, before the plan is cut to length."""
    if not holds(step.rule.condition, values, judge):
        return "not called for"
    return "set aside" if step.unless is not None and holds(step.unless, values, judge) else "shown"


def holds(condition: Expression, values: Mapping[str, Value], judge: Judge) -> bool:
    """Return whether a condition is true of a patient."""
    return evaluate(condition, values, judge.truths(judge(values))) is True


def main() -> None:
    """Write plans.yaml."""
    knowledge = load_knowledge_base()
    proposer = Proposer(knowledge)
    lines = ["# Proposed by `python -m tests.knowledge.propose_plans`.", "steps:"]
    for step in knowledge.next_steps.values():
        lines += [f"  {step.id}:", f"    topics: {json.dumps(dict(step.topics))}"]
        shown = next(
            (values for values in _patients([step.rule.condition], proposer) if _is(step, values, proposer, "shown")), None
        )
        if shown is None:
            raise SystemExit(f"{step.rule.place}: no patient was found to whom {step.id} is shown")
        lines += [f"    shown: {json.dumps(shown)}", "    set_aside:"]
        lines += [f"      - {json.dumps(values)}" for values in _set_aside(step, proposer)]
        if lines[-1] == "    set_aside:":
            lines[-1] = "    set_aside: []"
    lines.append("guards:")
    for guard in knowledge.invariants.guards.values():
        lines += [f"  {guard.id}:", f"    never: {json.dumps(dict(guard.never))}", "    holds:"]
        for part in _alternatives(guard.when):
            patients = _patients([part], proposer)
            fitting = (values for values in patients if proposer.possible(values) and holds(guard.when, values, proposer.judge))
            lines += [f"      - {json.dumps(values)}" for values in islice(fitting, 1)]
    PLANS.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _set_aside(step: NextStep, proposer: Proposer) -> Iterator[dict[str, Value]]:
    """Return, for each thing that sets a step aside, a patient for whom it alone does."""
    parts = () if step.unless is None else _alternatives(step.unless)
    for part in parts:
        others = [other for other in parts if other is not part]
        patients = chain(islice(_patients([part, step.rule.condition], proposer), 60), _witness(step, part, others, proposer))
        yield from islice((values for values in patients if _alone(step, values, others, proposer)), 1)


def _alone(step: NextStep, values: Mapping[str, Value], others: list[Expression], proposer: Proposer) -> bool:
    alone = not any(holds(other, values, proposer.judge) for other in others)
    return alone and _is(step, values, proposer, "set aside")


def _witness(step: NextStep, part: Expression, others: list[Expression], proposer: Proposer) -> Iterator[dict[str, Value]]:
    """Let z3 find a patient where trying finds none."""
    formulas, decider = _decider(proposer.knowledge)
    wanted = [formulas.true(step.rule.condition), formulas.true(part), *(negation(formulas.true(other)) for other in others)]
    wanted += [formulas.patient.exact(name) for name in formulas.patient.least]
    with suppress(ValueError):
        yield decider.witness(*wanted)


@cache
def _decider(knowledge: KnowledgeBase) -> tuple[Formulas, Decider]:
    formulas = Formulas(knowledge)
    return formulas, Decider(formulas.patient, [negation(formulas.contradictory)], thresholds_of(knowledge))


def _alternatives(condition: Expression) -> tuple[Expression, ...]:
    """Return the parts of which one suffices."""
    return condition.operands if isinstance(condition, Or) else (condition,)


def _patients(conditions: list[Expression], proposer: Proposer) -> Iterator[dict[str, Value]]:
    demands = proposer.demands(push_negation_inward(And(tuple(conditions))), {})
    return (proposer.values(demand) for demand in islice(demands, 400))


def _is(step: NextStep, values: Mapping[str, Value], proposer: Proposer, wanted: str) -> bool:
    return proposer.possible(values) and state(step, values, proposer.judge) == wanted


if __name__ == "__main__":
    main()
