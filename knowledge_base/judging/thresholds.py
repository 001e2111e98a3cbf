"""The numbers that conditions compare quantities with: between two neighbors every value means the same."""

from collections.abc import Iterable

from knowledge_base.conditions.expression import Compared, Expression, leaves
from knowledge_base.model import KnowledgeBase


def thresholds(conditions: Iterable[Expression]) -> dict[str, list[float]]:
    """Return the numbers that each quantity is compared with in these conditions, ascending."""
    found: dict[str, set[float]] = {}
    for condition in conditions:
        for leaf in leaves(condition):
            if isinstance(leaf, Compared):
                found.setdefault(leaf.finding, set()).add(leaf.threshold)
    return {name: sorted(numbers) for name, numbers in found.items()}


def thresholds_of(knowledge: KnowledgeBase) -> dict[str, list[float]]:
    """Return the numbers that each quantity is compared with anywhere in a knowledge base, ascending."""
    rules = [rule.condition for rule in knowledge.rules.values()]
    contradictions = [entry.condition for entry in knowledge.contradictions.values()]
    return thresholds([*knowledge.conditions.values(), *rules, *contradictions, *knowledge.invariants.conditions])
