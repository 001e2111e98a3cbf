"""Every possible patient at once: conditions, standings and urgency as formulas, which z3 decides.

A finding of a patient is a pair: is it known, and its value, which is two bounds for a number because that may be known in
part; a condition is two formulas, when it is true and when it is false, and where neither holds it is unknown, as the meaning
(`knowledge_base.conditions.logic`) has it. What no patient can be (a value outside its plausible range, a child without its
parent, answers that contradict each other) is assumed away. Effort is counted in z3's own steps, not in seconds, so that a
verdict is the same on every machine.

Longer than other modules: conditions, standings and urgency are formulas over the same variables of one patient.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property, partial
from math import ceil, floor
from typing import TYPE_CHECKING, assert_never

import z3

from expert.proofs.connectives import Formula, all_of, any_of, both, negation
from facts.quantities import Interval, bounds
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.conditions.expression import (
    And,
    AtLeast,
    Compared,
    Expression,
    Leaf,
    Named,
    Not,
    OneOf,
    Or,
    Present,
    opposite,
)
from knowledge_base.conditions.logic import compare

if TYPE_CHECKING:
    from knowledge_base.model import Cause, KnowledgeBase, NextStep, Rule


class Patient:
    """A patient of whom anything may be known: for every finding whether it is known, and its value.

    `mark` sets two patients apart. Quantities are reals in the finding's own unit: the least and the greatest that one can be,
    which are the same where it is known exactly. A choice has one formula for each value.
    """

    def __init__(self, findings: Mapping[str, Finding], mark: str = "") -> None:
        self.findings, self.mark = findings, mark
        self.known: dict[str, Formula] = {name: z3.Bool(f"{mark}known {name}") for name in findings}
        self.value: dict[str, Formula] = {}
        self.least: dict[str, Formula] = {}
        self.greatest: dict[str, Formula] = {}
        self.choices: dict[str, dict[str, Formula]] = {}
        for name, finding in findings.items():
            if isinstance(finding, QuantityFinding):
                self.least[name] = z3.Real(f"{mark}{name}")
                self.greatest[name] = z3.Real(f"{mark}{name} at most")
            elif isinstance(finding, ChoiceFinding):
                self.choices[name] = {choice: z3.Bool(f"{mark}{name} {choice}") for choice in finding.choices}
            else:
                self.value[name] = z3.Bool(f"{mark}{name}")

    @cached_property
    def possible(self) -> list[Formula]:
        """What holds of every patient: plausible values, one choice at a time, and nothing without what it requires."""
        return [formula for name, finding in self.findings.items() for formula in self._possible(name, finding)]

    def _possible(self, name: str, finding: Finding) -> Iterator[Formula]:
        if isinstance(finding, QuantityFinding):
            low, high = finding.range
            least, greatest = self.least[name], self.greatest[name]
            yield both(number(low) <= least, least <= greatest, greatest <= number(high))
        elif isinstance(finding, ChoiceFinding):
            yield z3.PbEq([(choice, 1) for choice in self.choices[name].values()], 1)
        if finding.requires is not None:
            yield z3.Implies(self.implies_required(name), both(self.known[finding.requires], self.value[finding.requires]))

    def implies_required(self, name: str) -> Formula:
        """Say that a finding has a value that implies what it requires (as `facts.requirements.implies_required`)."""
        known = self.known[name]
        return both(known, self.value[name]) if self.findings[name].kind == "yes_no" else known

    def is_(self, name: str, value: Value) -> Formula:
        """Say that a finding's value is this; says nothing of whether it is known."""
        if name in self.choices:
            return self.choices[name][str(value)]
        if isinstance(value, bool):
            return self.value[name] if value else negation(self.value[name])
        least, greatest = bounds(value if isinstance(value, Interval) else float(value))
        return both(self.least[name] == number(least), self.greatest[name] == number(greatest))

    def exact(self, name: str) -> Formula:
        """Say that a quantity, if it is known, is known exactly; of other findings it goes without saying."""
        return self.least[name] == self.greatest[name] if name in self.least else z3.BoolVal(True)

    def lies_within(self, name: str, interval: Interval) -> Formula:
        """Say that all that a quantity can be lies within an interval; says nothing of whether it is known."""
        return both(number(interval.least) <= self.least[name], self.greatest[name] <= number(interval.greatest))

    def pinned(self, values: Mapping[str, Value]) -> list[Formula]:
        """Say that exactly these findings are known, with these values."""
        known = [self.known[name] if name in values else negation(self.known[name]) for name in self.findings]
        return known + [self.is_(name, value) for name, value in values.items()]

    def variables(self, name: str) -> list[Formula]:
        """Return everything that stands for one finding: known, and its value or its choices."""
        if name in self.choices:
            return [self.known[name], *self.choices[name].values()]
        return [self.known[name], *([self.least[name], self.greatest[name]] if name in self.least else [self.value[name]])]

    def tells(self, leaf: Leaf, truth: bool) -> Formula:
        """Say that a leaf's finding is known, and that its value surely is what the leaf asks for, or surely is not."""
        return both(self.known[leaf.finding], self.leaf(leaf, truth))

    def leaf(self, leaf: Leaf, truth: bool) -> Formula:
        """Say that a known finding's value surely is what a leaf asks for, or (`truth` false) surely is not."""
        match leaf:
            case Present(name):
                return self.value[name] if truth else negation(self.value[name])
            case OneOf(name, choices):
                chosen = any_of([self.choices[name][choice] for choice in choices])
                return chosen if truth else negation(chosen)
            case Compared(name, operator, threshold):
                asked = operator if truth else opposite(operator)
                # Surely below when the greatest that it can be is; surely above when the least is.
                bound = self.greatest[name] if asked in ("<", "<=") else self.least[name]
                return compare(bound, asked, number(threshold))
            case _:
                assert_never(leaf)


@cache
def number(value: float) -> Formula:
    """Return a number as z3 knows it."""
    # By its decimal digits: 0.1 is a tenth, as it was written.
    return z3.RealVal(repr(value))


@dataclass(frozen=True, repr=False)
class Encoding:
    """When conditions are true and when they are false, as formulas, each made once.

    `leaf` and `named` tell when a leaf and when what a name stands for has a truth.
    """

    leaf: Callable[[Leaf, bool], Formula]
    named: Callable[[str, bool], Formula]
    made: dict[tuple[Expression, bool], Formula] = field(default_factory=dict)

    def __call__(self, tree: Expression, truth: bool) -> Formula:
        """Say that a condition has this truth."""
        made = self.made.get((tree, truth))
        if made is None:
            made = self.made[tree, truth] = self._make(tree, truth)
        return made

    def _make(self, tree: Expression, truth: bool) -> Formula:
        match tree:
            case Present() | Compared() | OneOf():
                return self.leaf(tree, truth)
            case Named(name):
                return self.named(name, truth)
            case Not(operand):
                return self(operand, not truth)
            case And(operands):
                return (all_of if truth else any_of)([self(operand, truth) for operand in operands])
            case Or(operands):
                return (any_of if truth else all_of)([self(operand, truth) for operand in operands])
            case AtLeast(count, operands):
                wanted = count if truth else len(operands) - count + 1
                return at_least(wanted, [self(operand, truth) for operand in operands])
            case _:
                assert_never(tree)


class Formulas:
    """The formulas of one knowledge base about one patient."""

    def __init__(self, knowledge: "KnowledgeBase", patient: Patient | None = None) -> None:
        self.knowledge = knowledge
        self.patient = patient or Patient(knowledge.vocabulary.findings)
        self._conditions = Encoding(self.patient.tells, self._named)
        self._grades = {cause.id: Encoding(partial(self._argued, cause), self._named) for cause in knowledge.causes.values()}
        self._counts: dict[tuple[str, str, int], Formula] = {}
        self._urgency: dict[str, Formula] = {}

    def true(self, tree: Expression) -> Formula:
        """Say that a condition is true."""
        return self._conditions(tree, True)

    def false(self, tree: Expression) -> Formula:
        """Say that a condition is false: ruled out, not merely unknown."""
        return self._conditions(tree, False)

    def _named(self, name: str, truth: bool) -> Formula:
        return self._conditions(self.knowledge.conditions[name], truth)

    def shown(self, step: "NextStep") -> Formula:
        """Say that a next step applies and is not known to be a hazard."""
        applies = self.true(step.rule.condition)
        return applies if step.unless is None else both(applies, negation(self.true(step.unless)))

    def demanded(self, rule: "Rule", level: str) -> Formula:
        """Say that a warning rule fires and that nothing known lowers what it demands below a level."""
        return both(self.true(rule.condition), self._stays(rule, level))

    def fires(self, rule: str) -> Formula:
        """Say that a rule fires."""
        return self.true(self.knowledge.rules[rule].condition)

    def urgency_at_least(self, level: str) -> Formula:
        """Say that what is known demands at least this level."""
        if level not in self._urgency:
            demanded = [both(self.true(rule.condition), self._stays(rule, level)) for rule in self._demanding(level)]
            self._urgency[level] = any_of(demanded + self._lowest(level))
        return self._urgency[level]

    def ceiling_at_least(self, level: str) -> Formula:
        """Say that this level, or a higher one, is demanded or is not yet ruled out."""
        open_ = [both(negation(self.false(rule.condition)), self._stays(rule, level)) for rule in self._demanding(level)]
        return any_of(open_ + self._lowest(level))

    def _stays(self, rule: "Rule", level: str) -> Formula:
        """Say that no downgrade of a warning rule that is known to hold lowers it below a level."""
        rank = self.knowledge.level_rank
        lowering = [entry for entry in self.knowledge.downgrades.get(rule.id, ()) if rank[entry.level or ""] < rank[level]]
        return all_of([negation(self.true(entry.condition)) for entry in lowering])

    def _demanding(self, level: str) -> list["Rule"]:
        rank = self.knowledge.level_rank
        rules = (rule for sign in self.knowledge.warning_signs.values() for rule in sign.rules)
        return [rule for rule in rules if rule.level and rank[rule.level] >= rank[level]]

    def _lowest(self, level: str) -> list[Formula]:
        return [z3.BoolVal(True)] if self.knowledge.level_rank[level] == 0 else []

    def standing(self, cause: str, standings: Iterable[str]) -> Formula:
        """Say that a cause's arguments, as far as they fired, add up to one of these standings."""
        wanted, grading = set(standings), self.knowledge.grading
        formula = z3.BoolVal(grading.otherwise in wanted)
        for name, condition in reversed(grading.grades):
            formula = z3.If(self._grades[cause](condition, True), z3.BoolVal(name in wanted), formula)
        return formula

    def _argued(self, cause: "Cause", leaf: Leaf, truth: bool) -> Formula:
        """Say that the count of a cause's arguments that a grade asks for is, or is not, as it asks."""
        match leaf:
            case Compared(kind, operator, threshold):
                above = operator in (">", "<=")
                reached = self.count_reaches(cause, kind, floor(threshold) + 1 if above else ceil(threshold))
                return reached if (operator in (">", ">=")) is truth else negation(reached)
            case Present() | OneOf():
                # A count is a number: neither yes nor one of several choices.
                return z3.BoolVal(not truth)
            case _:
                assert_never(leaf)

    def count_reaches(self, cause: "Cause", kind: str, count: int) -> Formula:
        """Say that at least `count` arguments of one kind fired for a cause."""
        key = (cause.id, kind, count)
        if key not in self._counts:
            fired = [self.true(rule.condition) for rule in cause.rules if rule.counts_as == kind]
            self._counts[key] = at_least(count, fired)
        return self._counts[key]

    def with_other(self, formula: Formula, pairs: Sequence[tuple[Formula, Formula]]) -> Formula:
        """Say the same with other variables in the place of some."""
        return z3.substitute(formula, *pairs)

    def still_possible(self, pairs: Sequence[tuple[Formula, Formula]]) -> list[Formula]:
        """Say that, with other variables in the place of some, the patient is possible and not contradictory."""
        return [z3.substitute(self._not_impossible, *pairs)]

    @cached_property
    def _not_impossible(self) -> Formula:
        # One formula, because it is renamed for every finding that has an order.
        return both(*self.patient.possible, negation(self.contradictory))

    def place(self, cause: str) -> Formula:
        """Return the place at which a cause is listed."""
        grading, ranking = self.knowledge.grading, self.knowledge.ranking
        number = z3.IntVal(grading.order[grading.otherwise])
        for standing, condition in reversed(grading.grades):
            number = z3.If(self._grades[cause](condition, True), z3.IntVal(grading.order[standing]), number)
        return ranking.combine(cause, number, partial(self._fired, cause))

    def _fired(self, cause: str, kind: str) -> Formula:
        rules = [rule for rule in self.knowledge.causes[cause].rules if rule.counts_as == kind]
        return z3.Sum([z3.If(self.true(rule.condition), 1, 0) for rule in rules]) if rules else z3.IntVal(0)

    def leads(self, cause: str | None) -> Formula:
        """Say that a cause is listed first and at least likely; None: that no cause is at least likely."""
        causes = self.knowledge.causes
        end = self.knowledge.ranking.end(self.knowledge.grading.likely)
        if cause is None:
            return all_of([self.place(other) >= end for other in causes])
        place = self.place(cause)
        return all_of([place < end, *(place < self.place(other) for other in causes if other != cause)])

    @cached_property
    def contradictory(self) -> Formula:
        """Say that the answers contradict each other; such a case is refused."""
        return any_of([self.true(entry.condition) for entry in self.knowledge.contradictions.values()])


def at_least(count: int, formulas: Sequence[Formula]) -> Formula:
    if count <= 0 or count > len(formulas):
        return z3.BoolVal(count <= 0)
    return any_of(formulas) if count == 1 else z3.PbGe([(formula, 1) for formula in formulas], count)
