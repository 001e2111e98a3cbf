"""A knowledge base as ground rules: conjunctions of facts, without `or`, `not` or variables, for any rule engine.

Negation is pushed down to the comparisons, because engines read `not` as "not stated". Every definition becomes rules for "is"
and rules for "is not". An `or` or `at_least` inside a condition becomes a part of its own, with one rule for each way to fulfil
it; all those ways fire, so that a justification is complete.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb
from typing import Literal, NamedTuple, TypeAlias, assert_never

from knowledge_base.conditions.expression import And, AtLeast, Compared, Expression, Leaf, Named, Not, OneOf, Or, Present
from knowledge_base.conditions.logic import push_negation_inward
from knowledge_base.model import KnowledgeBase

Kind: TypeAlias = Literal["part", "definition", "conclusion", "rule", "argued", "arguments", "case"]
"""What is derived; the last three stand between the arguments and what is concluded over all of them."""

MOST_WAYS = 1_000
"""Ways to fulfil one `at_least` that are written out as rules; beyond it, it should be split into definitions."""


class Observation(NamedTuple):
    """A premise about a finding: that the leaf is true (or false) of its known value."""

    leaf: Leaf
    truth: bool


class Derived(NamedTuple):
    """A premise or conclusion about something derived: definitions are true or false; all else is only ever true."""

    kind: Kind
    id: str
    truth: bool = True


Premise: TypeAlias = Observation | Derived


@dataclass(frozen=True, slots=True)
class GroundRule:
    """A conjunction of premises and what follows from it. `rank` orders firing: 0 fires first, and no two are equal."""

    premises: tuple[Premise, ...]
    conclusion: Derived
    rank: int


_TIERS = {"warns": 1, "downgrades": 1, "confirms": 2, "supports": 2, "opposes": 2, "excludes": 2, "advises": 4}
CONCLUDING_TIER = 3
"""Standing and urgency are concluded after every argument and before the next steps."""


@dataclass(frozen=True, slots=True)
class GroundRules:
    """All ground rules of a knowledge base in firing order; those before `first_step` do not depend on next steps."""

    rules: tuple[GroundRule, ...]
    first_step: int


def ground_rules(knowledge: KnowledgeBase) -> GroundRules:
    """Turn a knowledge base into ground rules, the same for the same knowledge whatever the hash seed."""
    return _Grounding(knowledge).ground()


class _Grounding:
    def __init__(self, knowledge: KnowledgeBase) -> None:
        self.knowledge = knowledge
        self.parts: dict[Expression, str] = {}
        self.needed: set[Derived] = set()
        # (tier, order in it, premises, conclusion)
        self.found: list[tuple[int, str, tuple[Premise, ...], Derived]] = []

    def ground(self) -> GroundRules:
        for rule in self.knowledge.rules.values():
            self.add(_TIERS[rule.kind], rule.id, push_negation_inward(rule.condition), Derived("rule", rule.id))
        if self.knowledge.complaint:
            for truth in (True, False):
                self.need(Derived("definition", self.knowledge.complaint.definition, truth))
        ordered = sorted(enumerate(self.found), key=lambda entry: (entry[1][0], entry[1][1], entry[0]))
        rules = tuple(GroundRule(premises, conclusion, rank) for rank, (_, (_, _, premises, conclusion)) in enumerate(ordered))
        first_step = sum(tier < CONCLUDING_TIER for tier, _, _, _ in self.found)
        return GroundRules(rules, first_step)

    def add(self, tier: int, order: str, condition: Expression, conclusion: Derived) -> None:
        for way in self.ways(condition):
            # Each way is a conjunction; what is still an `or` inside it becomes a part.
            flat = [premise for operand in way for premise in self.premises(operand)]
            self.found.append((tier, order, tuple(dict.fromkeys(flat)), conclusion))

    def need(self, derived: Derived) -> Derived:
        """Ground what a premise names; what no rule ever asks for is not derived at all."""
        if derived not in self.needed:
            self.needed.add(derived)
            if derived.kind == "definition":
                condition = self.knowledge.definitions[derived.id].condition
                self.add(0, derived.id, push_negation_inward(condition, negate=not derived.truth), derived)
            elif derived.kind == "conclusion":
                target = self.knowledge.warning_signs.get(derived.id) or self.knowledge.causes[derived.id]
                for rule in target.rules:
                    if rule.kind in ("warns", "confirms", "supports"):
                        self.found.append((_TIERS[rule.kind], rule.id, (Derived("rule", rule.id),), derived))
        return derived

    def ways(self, tree: Expression) -> Iterator[tuple[Expression, ...]]:
        match tree:
            case Or(operands):
                for operand in operands:
                    yield from self.ways(operand)
            case AtLeast(count, operands):
                if comb(len(operands), count) > MOST_WAYS:
                    message = f"at_least({count}, …) of {len(operands)} conditions can be fulfilled in too many ways"
                    raise OverflowError(f"{message}; split it into definitions")
                yield from combinations(operands, count)
            case Present() | Compared() | OneOf() | Named() | Not() | And():
                yield (tree,)
            case _:
                assert_never(tree)

    def premises(self, tree: Expression) -> Iterator[Premise]:
        match tree:
            case And(operands):
                for operand in operands:
                    yield from self.premises(operand)
            case Present() | Compared() | OneOf():
                yield Observation(tree, True)
            case Not(Present() | Compared() | OneOf() as leaf):
                yield Observation(leaf, False)
            case Named(name):
                yield self.named(name, True)
            case Not(Named(name)):
                yield self.named(name, False)
            case Not(operand):
                yield from self.premises(push_negation_inward(operand, negate=True))
            case Or() | AtLeast():
                yield Derived("part", self.part(tree))
            case _:
                assert_never(tree)

    def named(self, name: str, truth: bool) -> Derived:
        return self.need(Derived("definition" if name in self.knowledge.definitions else "conclusion", name, truth))

    def part(self, tree: Expression) -> str:
        """Return the name of an inner `or` or `at_least`; equal ones are shared between rules."""
        if tree not in self.parts:
            self.parts[tree] = name = f"part-{len(self.parts) + 1}"
            self.add(0, f"~{name}", tree, Derived("part", name))
        return self.parts[tree]
