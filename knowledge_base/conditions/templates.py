"""The `because` sentences: which values they may quote, so that no sentence ever has to quote what is not known."""

from collections.abc import Mapping
from string import Formatter
from typing import assert_never

from knowledge_base.conditions.expression import And, AtLeast, Compared, Expression, Named, Not, OneOf, Or, Present
from knowledge_base.conditions.logic import push_negation_inward

WHICH = "which"
"""The placeholder for the alternatives that are true in the first `or` or `at_least` of a condition."""


class TemplateError(ValueError):
    """A sentence with a placeholder that cannot always be filled; the text says which and what to do."""


def placeholders(template: str) -> tuple[str, ...]:
    """Return the names in braces, in order. Raises TemplateError for anything but plain names."""
    names: list[str] = []
    try:
        for _, name, form, conversion in Formatter().parse(template):
            if name is None:
                continue
            if not name.isidentifier() or form or conversion:
                raise TemplateError(f"{{{name}}} is not a plain name; write {{finding}} or {{which}}")
            names.append(name)
    except TemplateError:
        raise
    except ValueError as error:
        raise TemplateError(f"the braces do not match ({error}); write {{{{ for a brace") from None
    return tuple(names)


def check_template(template: str, condition: Expression, conditions: Mapping[str, Expression]) -> None:
    """Check that every placeholder can be filled whenever the condition is true. Raises TemplateError."""
    for name in placeholders(template):
        if name == WHICH:
            if first_alternatives(condition, conditions) is None:
                raise TemplateError("{which} needs an `or` or `at_least` in the condition; name the finding instead")
        elif name not in always_known(push_negation_inward(condition), conditions):
            raise TemplateError(
                f"{{{name}}} may be unknown when the rule fires; quote what every branch of it needs, or {{which}}"
            )


def always_known(tree: Expression, conditions: Mapping[str, Expression]) -> frozenset[str]:
    """Return the findings that are known whenever a condition (negation pushed inward) is true."""
    match tree:
        case Present(finding) | Compared(finding, _, _) | OneOf(finding, _):
            return frozenset({finding})
        case Not(Named(name)):
            return always_known(push_negation_inward(conditions[name], negate=True), conditions)
        case Not(operand):
            return always_known(operand, conditions)
        case Named(name):
            return always_known(push_negation_inward(conditions[name]), conditions)
        case And(operands):
            return frozenset().union(*(always_known(operand, conditions) for operand in operands))
        case Or(operands):
            return frozenset.intersection(*(always_known(operand, conditions) for operand in operands))
        case AtLeast(count, operands):
            known = [always_known(operand, conditions) for operand in operands]
            # Any `count` of them may be the true ones: a finding is sure if fewer than that do without it.
            return frozenset(
                finding for finding in frozenset().union(*known) if sum(finding not in part for part in known) < count
            )
        case _:
            assert_never(tree)


def first_alternatives(tree: Expression, conditions: Mapping[str, Expression]) -> tuple[Expression, ...] | None:
    """Find the operands of the first `or` or `at_least` that the condition has, else its definitions; None when there is none.

    "The patient has a fever and {which}" means the alternatives beside the fever, not those that make one.
    """
    return _alternatives(push_negation_inward(tree), conditions)


def _alternatives(tree: Expression, conditions: Mapping[str, Expression]) -> tuple[Expression, ...] | None:
    match tree:
        case Or(operands) | AtLeast(_, operands):
            return operands
        case And(operands):
            written_first = sorted(operands, key=lambda operand: isinstance(operand, Named))
            found = (_alternatives(operand, conditions) for operand in written_first)
            return next((alternatives for alternatives in found if alternatives), None)
        case Named(name):
            return _alternatives(push_negation_inward(conditions[name]), conditions)
        case Present() | Compared() | OneOf() | Not():
            return None
        case _:
            assert_never(tree)
