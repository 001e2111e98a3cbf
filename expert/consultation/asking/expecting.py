"""The answers to expect, for choosing what is worth asking beside other questions; nothing is concluded from them.

A danger is expected to be absent, since most are; of a cause that something supports, what would speak for it is expected.
"""

from collections.abc import Iterator

from knowledge_base.conditions.expression import Expression, Named, Not, Present, operands
from knowledge_base.model import Cause, KnowledgeBase, WarningSign


def absences(knowledge: KnowledgeBase) -> dict[str, frozenset[str]]:
    """Return, for every cause and warning sign, the signs whose absence alone speaks for it."""
    found: dict[str, frozenset[str]] = {}
    conclusions: list[Cause | WarningSign] = [*knowledge.causes.values(), *knowledge.warning_signs.values()]
    for conclusion in conclusions:
        wanted: dict[bool, set[str]] = {True: set(), False: set()}
        for rule in conclusion.rules:
            if rule.kind in ("confirms", "supports", "warns"):
                for tree in (rule.condition, *([] if rule.look_for is None else [rule.look_for])):
                    for name, truth in _signs(tree, True, knowledge):
                        wanted[truth].add(name)
        found[conclusion.id] = frozenset(wanted[False] - wanted[True])
    return found


def _signs(tree: Expression, truth: bool, knowledge: KnowledgeBase) -> Iterator[tuple[str, bool]]:
    """Return every sign that a condition names, with what it should be for the condition to have this truth."""
    match tree:
        case Present(name):
            yield name, truth
        case Named(name):
            yield from _signs(knowledge.conditions[name], truth, knowledge)
        case Not(operand):
            yield from _signs(operand, not truth, knowledge)
        case _:
            for operand in operands(tree):
                yield from _signs(operand, truth, knowledge)
