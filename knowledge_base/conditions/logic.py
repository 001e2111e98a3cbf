"""What a condition means: Kleene's three-valued logic over what is known of a case. The reference for every engine.

None stands for unknown. A finding that a case does not hold is unknown, and so is a comparison of which a number that is
known in part can lie on both sides. `not`, `and`, `or`, comparisons and `at_least` are Kleene's, so that more knowledge never
changes True or False into anything else.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from facts.vocabulary import Value
from knowledge_base.conditions.expression import (
    And,
    AtLeast,
    Compared,
    Expression,
    Leaf,
    Named,
    Not,
    OneOf,
    Operator,
    Or,
    Present,
    operands,
    opposite,
)

Truth: TypeAlias = bool | None
Values: TypeAlias = Mapping[str, Value]
"""The known findings of a case; what is absent is unknown."""
Truths: TypeAlias = Mapping[str, Truth]
"""What every definition and conclusion that a condition may name is worth."""


def evaluate(tree: Expression, values: Values, named: Truths) -> Truth:
    """Judge a condition for one case: True, False or None (unknown)."""
    return combine(tree, lambda leaf: evaluate_leaf(leaf, values), named)


def combine(tree: Expression, truth_of: Callable[[Leaf], Truth], named: Truths) -> Truth:
    """Judge a condition, `truth_of` telling what each of its leaves is worth: True, False or None (unknown)."""
    match tree:
        case Present() | Compared() | OneOf():
            return truth_of(tree)
        case Named(name):
            return named[name]
        case Not(operand):
            truth = combine(operand, truth_of, named)
            return None if truth is None else not truth
        case And(parts):
            return _first(parts, False, truth_of, named)
        case Or(parts):
            return _first(parts, True, truth_of, named)
        case AtLeast(count, parts):
            truths = [combine(part, truth_of, named) for part in parts]
            if truths.count(True) >= count:
                return True
            return False if truths.count(True) + truths.count(None) < count else None
        case _:
            assert_never(tree)


def _first(parts: Sequence[Expression], decisive: bool, truth_of: Callable[[Leaf], Truth], named: Truths) -> Truth:
    """Return the decisive truth as soon as a part has it; unknown where one is unknown, and else the other truth."""
    is_open = False
    for part in parts:
        truth = combine(part, truth_of, named)
        if truth is decisive:
            return decisive
        is_open = is_open or truth is None
    return None if is_open else not decisive


def evaluate_leaf(leaf: Leaf, values: Values) -> Truth:
    """Judge one finding against what the leaf asks of it."""
    value = values.get(leaf.finding)
    if value is None:
        return None
    match leaf:
        case Present():
            return value is True
        case OneOf(_, choices):
            return value in choices
        case Compared(_, operator, threshold):
            if compare(value, operator, threshold):
                return True
            # A number that is known in part may meet neither the comparison nor its opposite with all of its interval.
            return False if compare(value, opposite(operator), threshold) else None
        case _:
            assert_never(leaf)


def compare(left: Any, operator: Operator, right: Any) -> Any:
    """Compare two numbers, columns of numbers or terms that stand for numbers; an interval meets it with all that it holds."""
    match operator:
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case _:
            assert_never(operator)


def could_be_true(tree: Expression, values: Values, named: Truths) -> bool:
    """Return whether some completion of the unknown findings might make the condition true.

    False is certain; True is exact where the condition names each finding once, and otherwise errs on the side of caution.
    """
    return evaluate(tree, values, named) is not False


def push_negation_inward(tree: Expression, *, negate: bool = False) -> Expression:
    """Return the condition (or with `negate` its negation) with `not` on leaves and names alone."""
    match tree:
        case Present() | Compared() | OneOf() | Named():
            return Not(tree) if negate else tree
        case Not(operand):
            return push_negation_inward(operand, negate=not negate)
        case And(operands):
            parts = tuple(push_negation_inward(operand, negate=negate) for operand in operands)
            return Or(parts) if negate else And(parts)
        case Or(operands):
            parts = tuple(push_negation_inward(operand, negate=negate) for operand in operands)
            return And(parts) if negate else Or(parts)
        case AtLeast(count, operands):
            parts = tuple(push_negation_inward(operand, negate=negate) for operand in operands)
            # Fewer than `count` of k hold exactly when more than k - count fail.
            return AtLeast(len(operands) - count + 1 if negate else count, parts)
        case _:
            assert_never(tree)


Support: TypeAlias = tuple[Leaf | Named, bool]
"""A leaf or name of a condition, and the truth it has."""


def supports(tree: Expression, values: Values, named: Truths) -> Iterator[Support]:
    """Return what makes a condition that is known true or false so: every decided leaf and name on a branch that carries it."""
    truth = evaluate(tree, values, named)
    if truth is not None:
        yield from _carriers(push_negation_inward(tree, negate=not truth), values, named)


def _carriers(tree: Expression, values: Values, named: Truths) -> Iterator[Support]:
    match tree:
        case Present() | Compared() | OneOf() | Named():
            yield tree, True
        case Not(Present() | Compared() | OneOf() | Named() as denied):
            yield denied, False
        case Not(operand):
            yield from _carriers(push_negation_inward(operand, negate=True), values, named)
        case And(operands) | Or(operands) | AtLeast(_, operands):
            for operand in operands:
                if evaluate(operand, values, named) is True:
                    yield from _carriers(operand, values, named)
        case _:
            assert_never(tree)


def residue(tree: Expression, truth_of: Callable[[Leaf], Truth], conditions: Mapping[str, Expression]) -> Expression | bool:
    """Return what remains to be known: the condition with everything decided taken out, or its truth when nothing remains.

    `truth_of` tells what a leaf is worth. A definition or conclusion of which nothing is decided keeps its name; of another,
    what remains is told.
    """
    match tree:
        case Present() | Compared() | OneOf():
            truth = truth_of(tree)
            return tree if truth is None else truth
        case Named(name):
            rest = residue(conditions[name], truth_of, conditions)
            return tree if rest == conditions[name] else rest
        case Not(operand):
            inner = residue(operand, truth_of, conditions)
            return not inner if isinstance(inner, bool) else Not(inner)
        case And(operands) | Or(operands):
            parts = [residue(operand, truth_of, conditions) for operand in operands]
            decisive = isinstance(tree, Or)
            open_ = tuple(part for part in parts if not isinstance(part, bool))
            if not open_ or any(part is decisive for part in parts):
                return decisive if any(part is decisive for part in parts) else not decisive
            return open_[0] if len(open_) == 1 else type(tree)(open_)
        case AtLeast(count, operands):
            parts = [residue(operand, truth_of, conditions) for operand in operands]
            open_ = tuple(part for part in parts if not isinstance(part, bool))
            wanted = count - sum(part is True for part in parts)
            if wanted <= 0 or wanted > len(open_):
                return wanted <= 0
            if wanted == len(open_):
                return open_[0] if wanted == 1 else And(open_)
            return Or(open_) if wanted == 1 else AtLeast(wanted, open_)
        case _:
            assert_never(tree)


def evaluate_named(conditions: Mapping[str, Expression], values: Values) -> dict[str, Truth]:
    """Judge every definition and conclusion for one case; `conditions` must name only what stands before in it."""
    truths: dict[str, Truth] = {}
    for name, tree in conditions.items():
        truths[name] = evaluate(tree, values, truths)
    return truths


def open_findings(tree: Expression, values: Values, named: Truths, conditions: Mapping[str, Expression]) -> tuple[str, ...]:
    """Return the findings that could still decide an undecided condition, those behind named conditions too.

    They are unknown, or known in part.
    """
    found: dict[str, None] = {}
    waiting = [tree]
    while waiting:
        part = waiting.pop()
        if evaluate(part, values, named) is not None:
            continue
        if isinstance(part, Leaf):
            found[part.finding] = None
        elif isinstance(part, Named):
            waiting.append(conditions[part.name])
        else:
            waiting.extend(reversed(operands(part)))
    return tuple(found)
