"""What is to be proved of the plan and of the interview: no contradiction, no hazard, no danger that nobody would find."""

from collections.abc import Iterator
from itertools import combinations

from expert.proofs.connectives import Formula, any_of, both, negation
from expert.proofs.formulas import Formulas
from expert.proofs.reaching import Reaching, reaching_of
from expert.proofs.statement import Statement
from knowledge_base.conditions.expression import Expression, leaves, names_used
from knowledge_base.invariants import Invariant
from knowledge_base.model import KnowledgeBase, Rule

_ACTIONS = ("advice", "referral")


def contradiction(formulas: Formulas) -> Iterator[Statement]:
    """No patient is told two directions of one topic."""
    knowledge = formulas.knowledge
    for topic in knowledge.plan.topics.values():
        speaking = [step for step in knowledge.next_steps.values() if topic.id in step.topics]
        for first, second in combinations(speaking, 2):
            if first.topics[topic.id] != second.topics[topic.id]:
                says = (
                    f"one patient is told both {first.id} ({topic.id}: {first.topics[topic.id]}, {first.rule.place}) and "
                    f"{second.id} ({topic.id}: {second.topics[topic.id]})"
                )
                both = (formulas.shown(first), formulas.shown(second))
                fix = "let one of them yield by `unless`, or correct its condition"
                subject = f"{first.id} {second.id}"
                yield Statement("contradiction", subject, second.rule.place, says, fix, "impossible", both)


def guard(formulas: Formulas) -> Iterator[Statement]:
    """No patient is told what a guard of invariants.yaml forbids."""
    knowledge = formulas.knowledge
    for entry in knowledge.invariants.guards.values():
        when = formulas.true(entry.when)
        for step in knowledge.next_steps.values():
            told = [topic for topic, direction in entry.never.items() if step.topics.get(topic) == direction]
            if told:
                says = f"{entry.id} does not hold ({entry.says}): {step.id} is shown ({told[0]}: {entry.never[told[0]]})"
                fix = "set the step aside by `unless`, or correct the guard"
                yield Statement("guard", entry.id, step.rule.place, says, fix, "impossible", (when, formulas.shown(step)))
        says = f"{entry.id} says nothing ({entry.says}): no patient meets its condition, or no step speaks of it"
        speaks = any(
            step.topics.get(topic) == way for step in knowledge.next_steps.values() for topic, way in entry.never.items()
        )
        formula = (when,) if speaks else (when, negation(when))
        yield Statement("guard", entry.id, entry.place, says, "correct it, or the topics of the steps", "possible", formula)


def first_action(formulas: Formulas) -> Iterator[Statement]:
    """Every danger of the highest level brings an action of that level, which speaks of what the danger is about."""
    knowledge = formulas.knowledge
    if not knowledge.plan.declared:
        return
    highest = list(knowledge.levels)[-1]
    actions = [
        (step, _about(step.rule.condition, knowledge))
        for step in knowledge.next_steps.values()
        if step.level == highest and step.kind in _ACTIONS
    ]
    for rule in _dangers(knowledge, highest):
        about = _about(rule.condition, knowledge) | {rule.target}
        own = [step for step, what in actions if about & what]
        demanded = (formulas.demanded(rule, highest), *(negation(formulas.shown(step)) for step in own))
        says = f"the danger {rule.id} may bring no step of its own that is {highest}"
        fix = "add a step, or let one apply to it"
        yield Statement("first_action", rule.id, rule.place, says, fix, "impossible", demanded)


def concerned(entry: Invariant, formulas: Formulas) -> tuple[Formula, ...]:
    """Say that a patient is one of those whom an invariant is about."""
    when = () if entry.when is None else (formulas.true(entry.when),)
    return when if entry.unless is None else (*when, negation(formulas.true(entry.unless)))


def asked(formulas: Formulas) -> Iterator[Statement]:
    """An interview comes to ask what invariants.yaml says that it asks."""
    reaching = reaching_of(formulas)
    for entry in formulas.knowledge.invariants.statements.values():
        for level, names in entry.asks.items():
            below = (*concerned(entry, formulas), negation(formulas.urgency_at_least(level)))
            for name in names:
                says = f"{entry.id} does not hold ({entry.says}): {name} may not be asked"
                fix = "let a danger of this level look for it, or correct the invariant"
                missed = (*below, reaching.unasked(name))
                yield Statement("asked", entry.id, entry.place, says, fix, "impossible", missed, given=reaching.given)


def looked_for(formulas: Formulas) -> Iterator[Statement]:
    """Every danger that anybody would look for is reached by pertinent questions from what everybody is asked."""
    reaching = reaching_of(formulas)
    for rule in _dangers(formulas.knowledge):
        missed = _missed(reaching, [rule], looked_for=True)
        says = f"pertinent questions may not lead to {rule.id}, although something speaks for it"
        fix = "let `look_for` name what everybody is asked, or what another danger asks for"
        yield Statement("looked_for", rule.id, rule.place, says, fix, "impossible", missed, given=reaching.given)


def screened(formulas: Formulas) -> Iterator[Statement]:
    """No patient has a danger that the interview does not come to know of."""
    reaching, knowledge = reaching_of(formulas), formulas.knowledge
    lowest = next(iter(knowledge.levels))
    for sign in knowledge.warning_signs.values():
        rules = [rule for rule in sign.rules if rule.level != lowest]
        if rules:
            says = f"a patient can have {sign.id} without being asked for it"
            fix = "screen for it, widen `look_for`, or say in `accepted` of invariants.yaml why nobody looks for it"
            missed = _missed(reaching, rules, looked_for=False)
            yield Statement("screened", sign.id, sign.place, says, fix, "impossible", missed, given=reaching.given)


def _missed(reaching: Reaching, rules: list[Rule], *, looked_for: bool) -> tuple[Formula, ...]:
    formulas = reaching.formulas
    missed = [
        both(
            reaching.demands(rule),
            negation(formulas.urgency_at_least(rule.level or "")),
            *([reaching.looked_for(rule)] if looked_for else []),
        )
        for rule in rules
    ]
    return (any_of(missed),)


def _dangers(knowledge: KnowledgeBase, level: str | None = None) -> Iterator[Rule]:
    lowest = next(iter(knowledge.levels))
    for sign in knowledge.warning_signs.values():
        yield from (rule for rule in sign.rules if rule.level != lowest and level in (None, rule.level))


def _about(tree: Expression, knowledge: KnowledgeBase) -> set[str]:
    """Return the findings, definitions and conclusions that a condition is about, those behind its definitions too."""
    about = {leaf.finding for leaf in leaves(tree)}
    for name in names_used(tree):
        about.add(name)
        if name in knowledge.definitions:
            about |= _about(knowledge.conditions[name], knowledge)
    return about
