"""What a condition means: Kleene's three-valued logic over what is known of a case. The reference for every engine.

None stands for unknown. A finding that a case does not hold is unknown, and so is a comparison of which a number that is
known in part can lie on both sides. `not`, `and`, `or`, comparisons and `at_least` are Kleene's, so that more knowledge never
changes True or False into anything else.
"""

from collections.abc import Iterator, Mapping
from typing import TypeAlias, assert_never

from facts.quantities import Interval
from facts.vocabulary import Value
from knowledge_base.expression import And, AtLeast, Compared, Expression, Leaf, Named, Not, OneOf, Or, Present

Truth: TypeAlias = bool | None
Values: TypeAlias = Mapping[str, Value]
"""The known findings of a case; what is absent is unknown."""
Truths: TypeAlias = Mapping[str, Truth]
"""What every definition and conclusion that a condition may name is worth."""


def evaluate(tree: Expression, values: Values, named: Truths) -> Truth:
    """Judge a condition for one case: True, False or None (unknown)."""
    match tree:
        case Present() | Compared() | OneOf():
            return evaluate_leaf(tree, values)
        case Named(name):
            return named[name]
        case Not(operand):
            truth = evaluate(operand, values, named)
            return None if truth is None else not truth
        case And(operands):
            truths = [evaluate(operand, values, named) for operand in operands]
            return False if False in truths else None if None in truths else True
        case Or(operands):
            truths = [evaluate(operand, values, named) for operand in operands]
            return True if True in truths else None if None in truths else False
        case AtLeast(count, operands):
            truths = [evaluate(operand, values, named) for operand in operands]
            if truths.count(True) >= count:
                return True
            return False if truths.count(True) + truths.count(None) < count else None
        case _:
            assert_never(tree)


def evaluate_leaf(leaf: Leaf, values: Values) -> Truth:
    """Judge one finding against what the leaf asks of it."""
    value = values.get(leaf.finding)
    if value is None:
        return None
    if type(value) is Interval and type(leaf) is Compared:
        return _compare(value, leaf.operator, leaf.threshold)
    match leaf:
        case Present():
            return value is True
        case OneOf(_, choices):
            return value in choices
        case Compared(_, "<", threshold):
            return value < threshold  # type: ignore[operator]
        case Compared(_, "<=", threshold):
            return value <= threshold  # type: ignore[operator]
        case Compared(_, ">", threshold):
            return value > threshold  # type: ignore[operator]
        case Compared(_, _, threshold):
            return value >= threshold  # type: ignore[operator]


def _compare(interval: Interval, operator: str, threshold: float) -> Truth:
    """Compare a number that is known in part: true where all of the interval meets it, false where none of it does."""
    match operator:
        case "<":
            return True if interval < threshold else False if interval >= threshold else None
        case "<=":
            return True if interval <= threshold else False if interval > threshold else None
        case ">":
            return True if interval > threshold else False if interval <= threshold else None
        case _:
            return True if interval >= threshold else False if interval < threshold else None


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
        case Not(operand):
            if isinstance(operand, Present | Compared | OneOf | Named):
                yield operand, False
        case Present() | Compared() | OneOf() | Named():
            yield tree, True
        case And(operands) | Or(operands) | AtLeast(_, operands):
            for operand in operands:
                if evaluate(operand, values, named) is True:
                    yield from _carriers(operand, values, named)


def residue(tree: Expression, values: Values, named: Truths, conditions: Mapping[str, Expression]) -> Expression | Truth:
    """Return what remains to be known: the condition with everything decided taken out, or its truth when nothing remains.

    A definition or conclusion of which nothing is decided keeps its name; of another, what remains is told.
    """
    truth = evaluate(tree, values, named)
    if truth is not None:
        return truth
    match tree:
        case Not(operand):
            inner = residue(operand, values, named, conditions)
            return None if isinstance(inner, bool) or inner is None else Not(inner)
        case And(operands) | Or(operands):
            parts = _undecided(operands, values, named, conditions)
            return parts[0] if len(parts) == 1 else type(tree)(parts)
        case AtLeast(count, operands):
            parts = _undecided(operands, values, named, conditions)
            wanted = count - sum(evaluate(operand, values, named) is True for operand in operands)
            if wanted == len(parts):
                return parts[0] if wanted == 1 else And(parts)
            return Or(parts) if wanted == 1 else AtLeast(wanted, parts)
        case Named(name):
            rest = residue(conditions[name], values, named, conditions)
            return tree if rest == conditions[name] else rest
        case _:
            return tree


def _undecided(
    operands: tuple[Expression, ...], values: Values, named: Truths, conditions: Mapping[str, Expression]
) -> tuple[Expression, ...]:
    rests = (residue(operand, values, named, conditions) for operand in operands)
    return tuple(rest for rest in rests if rest is not None and not isinstance(rest, bool))


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
        match part:
            case Present(finding) | Compared(finding, _, _) | OneOf(finding, _):
                found[finding] = None
            case Named(name):
                waiting.append(conditions[name])
            case Not(operand):
                waiting.append(operand)
            case And(operands) | Or(operands) | AtLeast(_, operands):
                waiting.extend(reversed(operands))
    return tuple(found)
