"""And, or and not of formulas, made as z3's own library makes them.

z3's Python functions first look into every operand for what it might be besides a formula; a proof makes some 50,000 of these
formulas, and that looking took a third of its time.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import z3
from z3 import z3core

Formula: TypeAlias = Any
"""A z3 formula; z3 ships no types."""


def all_of(formulas: Iterable[Formula]) -> Formula:
    """Say that all of the formulas hold."""
    return _joined(z3core.Z3_mk_and, list(formulas))


def any_of(formulas: Iterable[Formula]) -> Formula:
    """Say that one of the formulas holds."""
    return _joined(z3core.Z3_mk_or, list(formulas))


def both(*formulas: Formula) -> Formula:
    """Say all of these."""
    return all_of(formulas)


def either(*formulas: Formula) -> Formula:
    """Say one of these."""
    return any_of(formulas)


def negation(formula: Formula) -> Formula:
    """Say that a formula does not hold."""
    return z3.BoolRef(z3core.Z3_mk_not(z3.main_ctx().ref(), formula.ast))


def same(left: Formula, right: Formula) -> Formula:
    """Say that two formulas have the same truth."""
    return left == right


def number_of(formula: Formula) -> int:
    """Return a number that is a formula's own for as long as it is kept: equal formulas are one to z3."""
    number: int = formula.ast.value
    return number


def _joined(join: Callable[[Any, int, Any], Any], operands: list[Formula]) -> Formula:
    # The list keeps the operands: z3 forgets a formula as soon as nobody holds it.
    asts = (z3.Ast * len(operands))(*[operand.ast for operand in operands])
    return z3.BoolRef(join(z3.main_ctx().ref(), len(operands), asts))
