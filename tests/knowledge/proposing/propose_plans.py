"""Propose what is expected of plans: a patient to whom each step is shown, patients for whom it is set aside, guarded ones, and
patients in whom each danger is looked for.

A step's topics and what sets it aside then show in plans.jsonl when they change, as the cases of rules show what fires.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from facts.vocabulary import Value
from knowledge_base.conditions.expression import Expression, Not, Or, conjunction
from knowledge_base.conditions.logic import Truth, evaluate
from knowledge_base.judging.judgement import Judge
from knowledge_base.model import KnowledgeBase, NextStep
from tests.knowledge.proposing.patients import Patients

_TRIED = 400
"""Ways to fulfill a condition that are tried for one patient."""


def plan_faults(expected: Sequence[Mapping[str, Any]], knowledge: KnowledgeBase, judge: Judge) -> Iterator[str]:
    """Return how steps and guards differ from what is expected of them."""
    for entry in expected:
        if "guard" in entry:
            name, guard = entry["guard"], knowledge.invariants.guards.get(entry["guard"])
            if guard is None:
                yield f"the guard {name} is gone"
            elif dict(guard.never) != entry["never"] or not holds(guard.when, entry["holds"], judge):
                yield f"the guard {name} does not hold for {entry['holds']}, or never {entry['never']}"
            continue
        if "warning" in entry:
            rule = knowledge.rules.get(entry["warning"])
            if rule is None:
                yield f"the warning {entry['warning']} is gone"
            elif rule.look_for is not None and not holds(rule.look_for, entry["looked for"], judge):
                yield f"{rule.id} is not looked for in {entry['looked for']}"
            continue
        name, step = entry["step"], knowledge.next_steps.get(entry["step"])
        if step is None:
            yield f"{name} is gone"
            continue
        if dict(step.topics) != entry.get("topics", dict(step.topics)):
            yield f"{name} speaks of {dict(step.topics)}, not of {entry['topics']}"
        if step.level != entry.get("level", step.level):
            yield f"{name} is for {step.level}, not for {entry['level']}"
        for wanted in ("shown", "set aside"):
            if wanted in entry and state(step, entry[wanted], judge) != wanted:
                yield f"{name} is not {wanted} for {entry[wanted]}"


def patients_of(entry: Mapping[str, Any]) -> list[Mapping[str, Value]]:
    """Return the patients of whom something is expected."""
    return [entry[wanted] for wanted in ("shown", "set aside", "looked for", "holds") if wanted in entry]


def declared(entry: Mapping[str, Any], knowledge: KnowledgeBase) -> tuple[Any, ...] | None:
    """Return what a knowledge base declares of the step, the guard or the warning of which something is expected."""
    if "guard" in entry:
        guard = knowledge.invariants.guards.get(entry["guard"])
        return None if guard is None else (guard.never, guard.when)
    if "warning" in entry:
        rule = knowledge.rules.get(entry["warning"])
        return None if rule is None else (rule.look_for,)
    step = knowledge.next_steps.get(entry["step"])
    return None if step is None else (step.level, step.topics, step.unless, step.rule.condition)


def state(step: NextStep, values: Mapping[str, Value], judge: Judge) -> str:
    """Return what becomes of a step for a patient, before the plan is cut to length."""
    if not holds(step.rule.condition, values, judge):
        return "not called for"
    return "set aside" if step.unless is not None and holds(step.unless, values, judge) else "shown"


def holds(condition: Expression, values: Mapping[str, Value], judge: Judge) -> bool:
    """Return whether a condition is true of a patient."""
    return evaluate(condition, values, _Worth(judge, values)) is True


class _Worth(dict[str, Truth]):
    """What the conditions that are asked about are worth for a patient: few of thousands."""

    def __init__(self, judge: Judge, values: Mapping[str, Value]) -> None:
        self.judge, self.judgement = judge, judge(values)

    def __missing__(self, name: str) -> Truth:
        return self.judgement.truth(self.judge.position[name])


def propose_plans(knowledge: KnowledgeBase) -> Iterator[dict[str, Any]]:
    """Return a line for each thing that is expected of a step or a guard."""
    patients = Patients(knowledge)
    for step in knowledge.next_steps.values():
        unhindered = [step.rule.condition, *([] if step.unless is None else [Not(step.unless)])]
        # Where all that would set it aside cannot be ruled out, nothing need be known of it.
        told = chain(patients.fulfilling(step.rule.condition, _TRIED), patients.fulfilling(conjunction(unhindered), _TRIED))
        shown = next((values for values in told if state(step, values, patients.judge) == "shown"), None)
        if shown is None:
            raise SystemExit(f"{step.rule.place}: no patient was found to whom {step.id} is shown")
        yield {"step": step.id, "level": step.level, "topics": dict(step.topics), "shown": shown}
        yield from ({"step": step.id, "set aside": values} for values in _set_aside(step, patients))
    for sign in knowledge.warning_signs.values():
        for rule in sign.rules:
            for part in () if rule.look_for is None else _alternatives(rule.look_for):
                others = [other for other in _alternatives(rule.look_for) if other is not part] if rule.look_for else []
                tried = chain(
                    patients.fulfilling(part, 60), patients.fulfilling(conjunction([part, *map(Not, others)]), 10, steps=2_000)
                )
                for values in tried:
                    named = patients.named(values)
                    if not any(evaluate(other, values, named) is True for other in others):
                        yield {"warning": rule.id, "looked for": values}
                        break
    for guard in knowledge.invariants.guards.values():
        for part in _alternatives(guard.when):
            for values in patients.fulfilling(part, _TRIED):
                yield {"guard": guard.id, "never": dict(guard.never), "holds": values}
                break


def _set_aside(step: NextStep, patients: Patients) -> Iterator[dict[str, Value]]:
    """Return, for each thing that sets a step aside, a patient for whom it alone does."""
    parts = () if step.unless is None else _alternatives(step.unless)
    for part in parts:
        others = [other for other in parts if other is not part]
        called_for = [part, step.rule.condition]
        tried = chain(
            patients.fulfilling(conjunction(called_for), 60),
            patients.fulfilling(conjunction([*called_for, *map(Not, others)]), 10, steps=2_000),
        )
        for values in tried:
            named = patients.named(values)
            if not any(evaluate(other, values, named) is True for other in others):
                yield values
                break


def _alternatives(condition: Expression) -> tuple[Expression, ...]:
    """Return the parts of which one suffices."""
    return condition.operands if isinstance(condition, Or) else (condition,)
