"""Propose cases in which one part of a condition decides alone, so that a slip in any part of it shows.

What else a rule asks for is left unknown where it can be: then a rule that fires does so by the part at hand, and without it
would not.
"""

from collections.abc import Iterator

from facts.vocabulary import ChoiceFinding, Value
from knowledge_base.conditions.expression import (
    And,
    AtLeast,
    Expression,
    Named,
    Not,
    OneOf,
    Or,
    conjunction,
    leaves,
    names_used,
)
from knowledge_base.conditions.logic import push_negation_inward
from knowledge_base.model import Rule
from tests.knowledge.proposing.patients import Patients

_TRIED = 40
"""Ways to fulfill a condition that are tried for one case."""
_USERS = 6
"""Rules that name a definition, and are tried for one case."""


class PartCaseProposer(Patients):
    """Proposes cases for the parts of conditions."""

    def parts(self, tree: Expression) -> Iterator[Expression]:
        """Return conditions (negation pushed inward) in each of which one part of the tree decides."""
        match tree:
            case Or(operands):
                for operand in operands:
                    yield operand
                    yield from self.parts(operand)
            case And(operands):
                for index, operand in enumerate(operands):
                    before, after = operands[:index], operands[index + 1 :]
                    for instead in (push_negation_inward(operand, negate=True), *self.parts(operand)):
                        yield conjunction([*before, instead, *after])
            case AtLeast(count, operands):
                for index, operand in enumerate(operands):
                    others = [*operands[index + 1 :], *operands[:index]]
                    for instead in (operand, *self.parts(operand)):
                        yield conjunction([instead, *others[: count - 1]])
                    if count > 1:
                        yield conjunction([operand, *others[: count - 2]])
            case OneOf(name, choices) if len(choices) > 1:
                yield from (OneOf(name, (choice,)) for choice in choices)
            case Not(OneOf(name, choices)):
                finding = self.findings[name]
                assert isinstance(finding, ChoiceFinding)
                yield from (OneOf(name, (choice,)) for choice in finding.choices if choice not in choices)

    def deciding(self, tree: Expression, name: str) -> Iterator[tuple[Expression, bool]]:
        """Return each place where the tree names a definition: the tree cut to where that decides, and whether it is negated.

        The definition stands in it as a mark, which `put` replaces.
        """
        match tree:
            case Named(named) if named == name:
                yield _MARK, False
            case Not(Named(named)) if named == name:
                yield _MARK, True
            case Or(operands):
                for operand in operands:
                    yield from self.deciding(operand, name)
            case And(operands) | AtLeast(_, operands):
                count = tree.count if isinstance(tree, AtLeast) else len(operands)
                for index, operand in enumerate(operands):
                    others = [*operands[:index], *operands[index + 1 :]][: count - 1]
                    for inner, negated in self.deciding(operand, name):
                        yield And((inner, *others)), negated

    def cases(self, rule: Rule) -> Iterator[dict[str, Value]]:
        """Return patients for the parts of one rule, and one in whom all of it is ruled out."""
        tree = push_negation_inward(rule.condition)
        for part in (tree, push_negation_inward(tree, negate=True), *self.parts(tree)):
            patient = self.patient(part)
            if patient is not None:
                yield patient
        if rule.kind == "opposes":
            supporting = (other for other in self.knowledge.causes[rule.target].rules if other.kind == "supports")
            for other in sorted(supporting, key=lambda other: other.strength != "strong"):
                patient = self.patient(conjunction([tree, push_negation_inward(other.condition)]), alone=rule)
                if patient is not None:
                    yield patient
                    break

    def definition_cases(self, name: str) -> Iterator[tuple[Rule, dict[str, Value]]]:
        """Return patients for the parts of a definition, each with a rule that the part decides."""
        users = sorted(
            (rule for rule in self.knowledge.rules.values() if name in names_used(rule.condition)),
            key=lambda rule: sum(1 for _ in leaves(rule.condition)) + sum(1 for _ in names_used(rule.condition)),
        )
        tree = self.knowledge.definitions[name].condition
        for negate in (False, True):
            inward = push_negation_inward(tree, negate=negate)
            for part in (inward, *self.parts(inward)):
                for rule, patient in self.through(users[:_USERS], name, part, negate=negate):
                    yield rule, patient
                    break

    def through(
        self, users: list[Rule], name: str, part: Expression, *, negate: bool
    ) -> Iterator[tuple[Rule, dict[str, Value]]]:
        for rule in users:
            for place, negated in self.deciding(push_negation_inward(rule.condition), name):
                put = part if negated == negate else push_negation_inward(part, negate=True)
                patient = self.patient(_put(place, put))
                if patient is not None:
                    yield rule, patient

    def patient(self, tree: Expression, alone: Rule | None = None) -> dict[str, Value] | None:
        """Find the patient told in the fewest words for whom a condition is true, and few other arguments fire."""
        fitting = self.fulfilling(tree, _TRIED)
        return min(fitting, key=lambda values: (self.fired(alone, values), len(values)), default=None)

    def fired(self, rule: Rule | None, values: dict[str, Value]) -> int:
        """Return how many arguments about the cause of a rule fire."""
        if rule is None:
            return 0
        return sum(self.truth(other.id, values) is True for other in self.knowledge.causes[rule.target].rules)


_MARK = Or(())
"""Stands for what is to be put into a condition; no condition that was written holds it."""


def _put(tree: Expression, instead: Expression) -> Expression:
    if tree == _MARK:
        return instead
    return conjunction([_put(operand, instead) for operand in tree.operands]) if isinstance(tree, And) else tree
