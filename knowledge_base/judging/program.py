"""The conditions of a whole knowledge base as one straight line of steps, each made of earlier ones.

Whoever judges carries the steps out in their order, at a width of their own: one patient, an outlook, or 64 patients in each
machine word. Equal parts of conditions are one step.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from knowledge_base.conditions.expression import And, AtLeast, Expression, Leaf, Named, Not, Or, operands

Operation: TypeAlias = Leaf | Not | And | Or | AtLeast


@dataclass(frozen=True, slots=True)
class Step:
    """A leaf, or an operation on the outcomes of earlier steps, which `operands` numbers from 0."""

    operation: Operation
    operands: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Program:
    """All steps in order, and by the name of each condition the step that is its outcome."""

    steps: tuple[Step, ...]
    outcomes: Mapping[str, int]


def write_program(conditions: Mapping[str, Expression], names: Iterable[str] | None = None) -> Program:
    """Write the program of some conditions, or of all, which may refer to each other by name but not in a circle."""
    writing = _Writing(conditions)
    outcomes = {name: writing.step(conditions[name]) for name in (conditions if names is None else names)}
    return Program(tuple(writing.steps), outcomes)


class _Writing:
    def __init__(self, conditions: Mapping[str, Expression]) -> None:
        self.conditions = conditions
        self.steps: list[Step] = []
        self.known: dict[int, int] = {}
        """The steps of trees that were met, by their identity: to hash a tree takes as long as to write it."""
        self.alike: dict[tuple[object, ...], int] = {}

    def step(self, tree: Expression) -> int:
        known = self.known.get(id(tree))
        if known is None:
            known = self.known[id(tree)] = self.write(tree)
        return known

    def write(self, tree: Expression) -> int:
        if isinstance(tree, Named):
            return self.step(self.conditions[tree.name])
        parts = tuple(self.step(operand) for operand in operands(tree))
        # Two conditions that name the same in different ways are alike once names are followed.
        alike = (tree if not parts else type(tree), tree.count if isinstance(tree, AtLeast) else 0, parts)
        if alike not in self.alike:
            self.alike[alike] = len(self.steps)
            self.steps.append(Step(tree, parts))
        return self.alike[alike]
