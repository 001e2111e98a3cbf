"""Patients who fulfill a condition, found by trying the ways to fulfill it, the simplest first.

What becomes of a condition is asked of the reference, name by name as far as the condition reaches: a patient in a few words
needs a few steps of the whole knowledge. Only where a condition reaches a large part of it is the program of all faster.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TypeAlias

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
    operands,
)
from knowledge_base.conditions.logic import Truth, evaluate, push_negation_inward
from knowledge_base.judging.judgement import Judge
from knowledge_base.judging.thresholds import thresholds
from knowledge_base.model import KnowledgeBase

_FEW = 60
"""Leaves up to which the reference is faster than the program of all conditions."""
_STEPS = 20_000
"""Steps of the search for one patient; a condition that excludes a whole list of dangers could take forever."""


@dataclass(frozen=True)
class Range:
    """The values that a quantity may still have."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False


Wanted: TypeAlias = bool | Range | frozenset[str]
Demand: TypeAlias = Mapping[str, Wanted]


class _AsNamed(dict[str, Truth]):
    def __init__(self, conditions: Mapping[str, Expression], values: Mapping[str, Value]) -> None:
        super().__init__()
        self.conditions, self.values_known = conditions, values

    def __missing__(self, name: str) -> Truth:
        self[name] = evaluate(self.conditions[name], self.values_known, self)
        return self[name]


class Patients:
    """Finds patients for the conditions of one knowledge base."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge, self.judge = knowledge, Judge(knowledge)
        self.findings = knowledge.vocabulary.findings
        self.order = {name: place for place, name in enumerate(self.findings)}
        self.steps_left = _STEPS
        self._counted: dict[str, int] = {}

    def fulfilling(self, tree: Expression, most: int, *, steps: int = _STEPS) -> Iterator[dict[str, Value]]:
        """Return patients for whom a condition is true, of the first `most` ways to fulfill it."""
        self.steps_left = steps
        for demand in islice(self.demands(push_negation_inward(tree), {}), most):
            values = self.values(demand)
            if self.possible(values) and self.worth(tree, values) is True:
                yield values

    def truth(self, name: str, values: Mapping[str, Value]) -> Truth:
        """Return what a condition of the judge's is worth for a patient."""
        if self._leaves(name) > _FEW:
            return self.judge(values).truth(self.judge.position[name])
        return self.worth(self.judge.conditions[name], values)

    def worth(self, tree: Expression, values: Mapping[str, Value]) -> Truth:
        """Return what any condition is worth for a patient, by the reference."""
        return evaluate(tree, values, self.named(values))

    def named(self, values: Mapping[str, Value]) -> Mapping[str, Truth]:
        """Return what definitions and conclusions are worth for a patient, each found out when it is asked for."""
        return _AsNamed(self.knowledge.conditions, values)

    def possible(self, values: Mapping[str, Value]) -> bool:
        """Return whether a patient can have these values: nothing they require is denied, and no contradiction holds."""
        for condition, about in self._contradictions:
            if not about.isdisjoint(values) and self.worth(condition, values) is True:
                return False
        return all(
            value is False or (needed := self.findings[name].requires) is None or values.get(needed) is True
            for name, value in values.items()
        )

    def _leaves(self, name: str) -> int:
        if name not in self._counted:
            self._counted[name] = sum(1 for _ in self.all_leaves(self.judge.conditions[name]))
        return self._counted[name]

    @cached_property
    def _contradictions(self) -> list[tuple[Expression, frozenset[str]]]:
        trees = [entry.condition for entry in self.knowledge.contradictions.values()]
        return [(tree, frozenset(leaf.finding for leaf in self.all_leaves(tree))) for tree in trees]

    # Fulfilling a condition

    def demands(self, tree: Expression, so_far: Demand) -> Iterator[Demand]:
        """Return the ways to make a condition (negation pushed inward) true, on top of what is demanded already."""
        self.steps_left -= 1
        if self.steps_left < 0:
            return
        match tree:
            case Present() | Compared() | OneOf():
                yield from self.merge(so_far, tree, True)
            case Not(Present() | Compared() | OneOf() as leaf):
                yield from self.merge(so_far, leaf, False)
            case Named(name):
                yield from self.demands(push_negation_inward(self.knowledge.conditions[name]), so_far)
            case Not(Named(name)):
                yield from self.demands(push_negation_inward(self.knowledge.conditions[name], negate=True), so_far)
            case And(operands):
                yield from self.all_of(operands, so_far)
            case Or(operands):
                for operand in operands:
                    yield from islice(self.demands(operand, so_far), 4)
            case AtLeast(count, operands):
                for start in range(len(operands) - count + 1):
                    yield from islice(self.all_of(operands[start : start + count], so_far), 4)

    def all_of(self, operands: tuple[Expression, ...], so_far: Demand) -> Iterator[Demand]:
        if not operands:
            yield so_far
            return
        for demand in islice(self.demands(operands[0], so_far), 12):
            yield from self.all_of(operands[1:], demand)

    def merge(self, so_far: Demand, leaf: Leaf, truth: bool) -> Iterator[Demand]:
        wanted = self.wanted(leaf, truth)
        before = so_far.get(leaf.finding)
        if before is not None:
            both = _both(before, wanted)
            if both is None:
                return
            wanted = both
        yield {**so_far, leaf.finding: wanted}

    def wanted(self, leaf: Leaf, truth: bool) -> Wanted:
        finding = self.findings[leaf.finding]
        match leaf:
            case OneOf(_, choices) if isinstance(finding, ChoiceFinding):
                return frozenset(choice for choice in finding.choices if (choice in choices) is truth)
            case Compared(_, operator, threshold) if isinstance(finding, QuantityFinding):
                low, high = finding.range
                below = (operator in ("<", "<=")) is truth
                # "not x < 3" is "x >= 3": the open end changes sides with the truth.
                opened = (operator in ("<", ">")) is truth
                return Range(low, threshold, high_open=opened) if below else Range(threshold, high, low_open=opened)
            case _:
                return truth

    def values(self, demand: Demand) -> dict[str, Value]:
        chosen = {name: self.value(self.findings[name], wanted) for name, wanted in demand.items()}
        for name in list(chosen):
            above = name
            while chosen[name] is not False and (needed := self.findings[above].requires) is not None:
                chosen.setdefault(needed, True)
                above = needed
        return {name: chosen[name] for name in sorted(chosen, key=self.order.__getitem__)}

    def value(self, finding: Finding, wanted: Wanted) -> Value:
        if isinstance(wanted, frozenset):
            assert isinstance(finding, ChoiceFinding)
            return next(choice for choice in finding.choices if choice in wanted)
        if isinstance(wanted, Range):
            assert isinstance(finding, QuantityFinding)
            low, high = finding.range
            # As near to a threshold as it goes: that is where a wrong one shows.
            if wanted.high < high:
                return round(wanted.high - (self.step(finding.id) if wanted.high_open else 0), 6)
            if wanted.low > low:
                return round(wanted.low + (self.step(finding.id) if wanted.low_open else 0), 6)
            return low
        return wanted

    def step(self, name: str) -> float:
        """Return the smallest step that the finding's thresholds are written in."""
        texts = [f"{threshold:g}" for threshold in self.thresholds.get(name, ())]
        digits = max((len(text.partition(".")[2]) for text in texts), default=0)
        return float(10**-digits)

    @cached_property
    def thresholds(self) -> dict[str, list[float]]:
        """The numbers that each finding is compared with."""
        rules = self.knowledge.rules.values()
        return thresholds([*(rule.condition for rule in rules), *self.knowledge.conditions.values()])

    # What else a patient might have said

    def stands(self, name: str, values: Mapping[str, Value]) -> bool:
        needed = self.findings[name].requires
        return needed is None or values[name] is False or (values.get(needed) is True and self.stands(needed, values))

    def others(self, name: str, value: Value) -> Iterable[Value]:
        finding = self.findings[name]
        if isinstance(finding, ChoiceFinding):
            return [choice for choice in finding.choices if choice != value]
        if isinstance(finding, QuantityFinding):
            step, (low, high) = self.step(name), finding.range
            near = [t + d for t in self.thresholds.get(name, []) for d in (-step, 0.0, step)]
            return [round(v, 6) for v in sorted(near, key=lambda v: abs(v - float(value))) if low <= v <= high and v != value]
        return [not value]

    def all_leaves(self, tree: Expression) -> Iterator[Leaf]:
        if isinstance(tree, Leaf):
            yield tree
        for part in (self.knowledge.conditions[tree.name],) if isinstance(tree, Named) else operands(tree):
            yield from self.all_leaves(part)


def _both(first: Wanted, second: Wanted) -> Wanted | None:
    if isinstance(first, Range) and isinstance(second, Range):
        low = max(first.low, second.low)
        high = min(first.high, second.high)
        both = replace(
            first,
            low=low,
            high=high,
            low_open=any(r.low_open for r in (first, second) if r.low == low),
            high_open=any(r.high_open for r in (first, second) if r.high == high),
        )
        return both if low < high or (low == high and not (both.low_open or both.high_open)) else None
    if isinstance(first, frozenset) and isinstance(second, frozenset):
        return first & second or None
    return first if first == second else None
