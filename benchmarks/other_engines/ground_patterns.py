"""The premises of a ground rule as one pattern for each fact, in the shape in which other rule engines want them."""

from collections.abc import Iterable
from dataclasses import dataclass

from expert.inference.ground_rules import Derived, GroundRule, Observation, Premise
from facts.vocabulary import ChoiceFinding, Vocabulary
from knowledge_base.conditions.expression import Compared, OneOf, Operator, Present

_OPPOSITE: dict[Operator, Operator] = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}


@dataclass(frozen=True, slots=True)
class Pattern:
    """What one fact must be worth: one of these answers, one of these choices, or a number within all of these bounds."""

    about: str
    derived: bool
    answers: tuple[bool, ...] = ()
    choices: tuple[str, ...] = ()
    bounds: tuple[tuple[Operator, float], ...] = ()


def about(premise: Premise) -> str:
    """Name what a premise or conclusion is about; the hyphen keeps what is derived apart from every finding."""
    return f"{premise.kind}-{premise.id}" if isinstance(premise, Derived) else premise.leaf.finding


def patterns(rule: GroundRule, vocabulary: Vocabulary) -> tuple[Pattern, ...] | None:
    """Return one pattern for each fact that the rule mentions, in the order of its premises; None when it can never fire."""
    by_fact: dict[str, list[Premise]] = {}
    for premise in rule.premises:
        by_fact.setdefault(about(premise), []).append(premise)
    joined = tuple(_join(name, premises, vocabulary) for name, premises in by_fact.items())
    if any(not (pattern.answers or pattern.choices or pattern.bounds) for pattern in joined):
        return None
    return joined


def _join(name: str, premises: Iterable[Premise], vocabulary: Vocabulary) -> Pattern:
    answers, bounds = {True, False}, []
    finding = vocabulary.findings.get(name)
    choices = list(finding.choices) if isinstance(finding, ChoiceFinding) else []
    asks_for_an_answer = False
    for premise in premises:
        match premise:
            case Derived(_, _, truth) | Observation(Present(), truth):
                asks_for_an_answer = True
                answers &= {truth}
            case Observation(Compared(_, operator, threshold), truth):
                bounds.append((operator if truth else _OPPOSITE[operator], threshold))
            case Observation(OneOf(_, wanted), truth):
                choices = [choice for choice in choices if (choice in wanted) is truth]
    derived = isinstance(next(iter(premises)), Derived)
    return Pattern(name, derived, tuple(sorted(answers)) if asks_for_an_answer else (), tuple(choices), tuple(bounds))
