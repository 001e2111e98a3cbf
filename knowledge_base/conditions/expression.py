"""The condition language: text such as `serum_potassium < 3.5 and not vomiting` parsed into one small frozen tree.

The tree holds meaning and nothing else; everything that runs is an interpreter of it. Python's own parser reads the text and a
whitelist admits what the language has: `and`, `or`, `not`, comparisons of a finding with a number, `==`, `!=` and `in` on
choices, `at_least(n, …)`, names and brackets.

Longer than other modules: the parser is one walk, and most of it is what it says of mistakes.
"""

import ast
import math
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NoReturn, TypeAlias, assert_never

from facts.problems import did_you_mean
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding

Operator: TypeAlias = Literal["<", "<=", ">", ">="]


@dataclass(frozen=True, slots=True)
class Present:
    """A yes/no finding that is answered yes."""

    finding: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A quantity against a threshold in the finding's own unit."""

    finding: str
    operator: Operator
    threshold: float


@dataclass(frozen=True, slots=True)
class OneOf:
    """A choice finding that has one of these values."""

    finding: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Named:
    """A definition or a conclusion, referred to by its id."""

    name: str


@dataclass(frozen=True, slots=True)
class Not:
    """The negation of a condition."""

    operand: "Expression"


@dataclass(frozen=True, slots=True)
class And:
    """All of several conditions."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Any of several conditions."""

    operands: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class AtLeast:
    """At least `count` of several conditions."""

    count: int
    operands: tuple["Expression", ...]


Leaf: TypeAlias = Present | Compared | OneOf
Expression: TypeAlias = Leaf | Named | Not | And | Or | AtLeast

DEEPEST = 30
"""Levels of nesting that a condition may have; a clinician loses track long before."""
LONGEST = 2_000
"""Characters that a condition may have."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The names a condition may use: findings, definitions (which may be negated) and conclusions (which may not).

    A group's name stands for any of its conclusions.
    """

    findings: Mapping[str, Finding]
    definitions: Set[str] = frozenset()
    conclusions: Set[str] = frozenset()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def names(self) -> set[str]:
        """All of them."""
        return {*self.findings, *self.definitions, *self.conclusions, *self.groups}


class ConditionError(ValueError):
    """A condition that cannot be read; `column` counts from 0 in its text."""

    def __init__(self, message: str, fix: str, column: int = 0) -> None:
        super().__init__(message)
        self.message, self.fix, self.column = message, fix, column


def parse(text: str, scope: Scope) -> Expression:
    """Parse a condition; what a finding requires is made part of it. Raises ConditionError.

    A finding with `requires` means nothing without the other: `weakness_onset == sudden` becomes `muscle_weakness and
    weakness_onset == sudden`, so that it is false, not unknown, once weakness is denied.
    """
    if len(text) > LONGEST:
        raise ConditionError(f"the condition has more than {LONGEST:,} characters", "split it into definitions")
    try:
        tree = ast.parse(" ".join(text.split("\n")).strip(), mode="eval")
    except SyntaxError as error:
        raise ConditionError(
            f"not a condition: {error.msg}", "see Conditions in docs/writing-knowledge.md", (error.offset or 1) - 1
        ) from None
    except (ValueError, RecursionError, MemoryError):
        raise ConditionError("not a condition", "see Conditions in docs/writing-knowledge.md") from None
    if _is_deeper(tree.body, 2 * DEEPEST):
        # As 1,900 minus signs before a number: what is said of a mistake could not be written either.
        raise ConditionError(f"nested more than {DEEPEST} levels deep", "split it into definitions")
    return _Parser(scope).expression(tree.body, 0)


def _is_deeper(node: ast.AST, levels: int) -> bool:
    layer = [node]
    for _ in range(levels):
        layer = [child for parent in layer for child in ast.iter_child_nodes(parent)]
    return bool(layer)


class _Parser:
    def __init__(self, scope: Scope) -> None:
        self.scope = scope

    def expression(self, node: ast.expr, depth: int) -> Expression:  # noqa: RET503 - refuse never returns
        if depth > DEEPEST:
            self.refuse(node, f"nested more than {DEEPEST} levels deep", "split it into definitions")
        match node:
            case ast.Name():
                return self.name(node)
            case ast.BoolOp(op=ast.And(), values=values):
                return conjunction(self.expression(value, depth + 1) for value in values)
            case ast.BoolOp(values=values):
                return disjunction(self.expression(value, depth + 1) for value in values)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                return self.negation(operand, depth)
            case ast.Compare():
                return self.comparison(node)
            case ast.Call(func=ast.Name(id="at_least"), keywords=[]):
                return self.at_least(node, depth)
            case ast.Call(func=ast.Name(id=name)):
                self.refuse(node, f"{name}(…) is not known here", "the only function is at_least(n, a, b, …)")
            case ast.Constant():
                self.refuse(node, f"{node.value!r} alone is not a condition", "compare a finding with it")
            case _:
                self.refuse(
                    node,
                    f"{ast.unparse(node)!r} is not part of the condition language",
                    "see Conditions in docs/writing-knowledge.md",
                )

    def name(self, node: ast.Name) -> Expression:
        name = node.id
        if name in self.scope.definitions or name in self.scope.conclusions:
            return Named(name)
        if name in self.scope.groups:
            return disjunction(Named(conclusion) for conclusion in self.scope.groups[name])
        finding = self.finding(node)
        if finding.kind != "yes_no":
            how = f"{name} < number" if finding.kind == "quantity" else f"{name} == {next(iter(finding.choices))}"
            self.refuse(node, f"{name} is not a yes/no finding", f"compare it, as in `{how}`")
        return self.with_requirement(finding, Present(name))

    def finding(self, node: ast.Name) -> Finding:
        finding = self.scope.findings.get(node.id)
        if finding is None:
            self.refuse(node, f"the name {node.id} is not known", did_you_mean(node.id, self.scope.names()) or "declare it")
        return finding

    def with_requirement(self, finding: Finding, leaf: Leaf) -> Expression:
        if finding.requires is None:
            return leaf
        needed = self.scope.findings[finding.requires]
        return conjunction([self.with_requirement(needed, Present(needed.id)), leaf])

    def negation(self, operand: ast.expr, depth: int) -> Expression:
        inner = self.expression(operand, depth + 1)
        self.refuse_conclusions(operand, inner)
        return Not(inner)

    def refuse_conclusions(self, node: ast.expr, tree: Expression) -> None:
        for name in names_used(tree):
            if name in self.scope.conclusions:
                fix = "negate the findings that speak for it; that nothing was concluded is no evidence"
                self.refuse(node, f"{name} is a conclusion, and a conclusion cannot be negated", fix)

    def at_least(self, node: ast.Call, depth: int) -> Expression:
        count = node.args[0] if node.args else None
        if not isinstance(count, ast.Constant) or type(count.value) is not int:
            self.refuse(node, "at_least needs a whole number first", "write at_least(2, a, b, c)")
        operands = tuple(self.expression(argument, depth + 1) for argument in node.args[1:])
        if not 1 <= count.value <= len(operands):
            self.refuse(node, f"at_least({count.value}, …) has {len(operands)} conditions", "ask for 1 to that many")
        if len(set(operands)) < len(operands):
            self.refuse(node, "at_least counts one condition twice", "name each once")
        return AtLeast(count.value, operands)

    def comparison(self, node: ast.Compare) -> Expression:
        terms = [node.left, *node.comparators]
        parts = [
            self.pair(node, left, operator, right) for left, operator, right in zip(terms, node.ops, terms[1:], strict=False)
        ]
        if len(parts) > 1:
            if not all(isinstance(operator, ast.Lt | ast.LtE) for operator in node.ops) or len(parts) > 2:
                self.refuse(node, "a chain must run upwards", "write it as in `3.5 <= x <= 5.0`")
            if not isinstance(terms[1], ast.Name):
                self.refuse(node, "a chain must have the finding in its middle", "write it as in `3.5 <= x <= 5.0`")
            low, high = (_number(term) for term in (terms[0], terms[2]))
            if low is not None and high is not None and low >= high:
                self.refuse(node, f"no value is above {low:g} and below {high:g}", "exchange the two")
        return conjunction(parts)

    def pair(self, node: ast.Compare, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Expression:
        if isinstance(operator, ast.In | ast.NotIn):
            return self.membership(left, right, negated=isinstance(operator, ast.NotIn))
        if isinstance(operator, ast.Eq | ast.NotEq):
            return self.equality(node, left, right, negated=isinstance(operator, ast.NotEq))
        symbols: dict[type[ast.cmpop], Operator] = {ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">="}
        symbol = symbols.get(type(operator))
        if symbol is None:
            self.refuse(node, "`is` is not part of the condition language", "use ==")
        if _number(left) is not None:
            mirrored: dict[Operator, Operator] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
            return self.threshold(right, mirrored[symbol], left)
        return self.threshold(left, symbol, right)

    def threshold(self, name: ast.expr, operator: Operator, number: ast.expr) -> Expression:
        value = _number(number)
        if not isinstance(name, ast.Name) or value is None:
            self.refuse(name, "a comparison needs a finding on one side and a number on the other", "as in `age >= 60`")
        finding = self.finding(name)
        if not isinstance(finding, QuantityFinding):
            self.refuse(name, f"{finding.id} is not a quantity", "only quantities are compared with numbers")
        low, high = finding.range
        if not low <= value <= high:
            message = (
                f"the threshold {value:g} is outside the plausible range of {finding.id}, {low:g} to {high:g} {finding.unit}"
            )
            self.refuse(number, message, "check the threshold and its unit")
        return self.with_requirement(finding, Compared(finding.id, operator, value))

    def equality(self, node: ast.Compare, left: ast.expr, right: ast.expr, *, negated: bool) -> Expression:
        if isinstance(left, ast.Name) and isinstance(self.scope.findings.get(left.id), QuantityFinding):
            self.refuse(node, f"{left.id} is a quantity, and a measurement is never exactly a number", "use < <= > >=")
        return self.membership(left, ast.List(elts=[right]), negated=negated)

    def membership(self, name: ast.expr, listed: ast.expr, *, negated: bool) -> Expression:
        if not isinstance(name, ast.Name) or not isinstance(listed, ast.List) or not listed.elts:
            self.refuse(name, "`in` needs a choice finding and a list", "as in `weakness_onset in [sudden, gradual]`")
        finding = self.finding(name)
        if not isinstance(finding, ChoiceFinding):
            self.refuse(name, f"{finding.id} is not a choice", "only choices are compared with ==, != and in")
        for element in listed.elts:
            value = element.id if isinstance(element, ast.Name) else ast.unparse(element)
            if not isinstance(element, ast.Name) or value not in finding.choices:
                fix = did_you_mean(value, finding.choices) or f"use {' or '.join(finding.choices)}"
                self.refuse(
                    element if hasattr(element, "col_offset") else name,
                    f"{value} is not a choice of {finding.id}",
                    fix,
                )
        values = {element.id for element in listed.elts if isinstance(element, ast.Name)}
        # In the order of declaration: `in [b, a]` and `in [a, b]` are one condition.
        leaf = self.with_requirement(
            finding, OneOf(finding.id, tuple(choice for choice in finding.choices if choice in values))
        )
        return Not(leaf) if negated else leaf

    def refuse(self, node: ast.expr, message: str, fix: str) -> NoReturn:
        raise ConditionError(message, fix, getattr(node, "col_offset", 0))


def _number(node: ast.expr) -> float | None:
    sign = 1.0
    while isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        sign = -sign if isinstance(node.op, ast.USub) else sign
        node = node.operand
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        try:
            return sign * float(node.value)
        except OverflowError:
            # More digits than a number can have: like any other that is too large, outside of every plausible range.
            return sign * math.inf
    return None


def conjunction(operands: "Iterator[Expression] | list[Expression]") -> Expression:
    """Join conditions with `and`: nested ones are flattened and equal ones kept once."""
    flat = dict.fromkeys(
        part for operand in operands for part in (operand.operands if isinstance(operand, And) else (operand,))
    )
    return And(tuple(flat)) if len(flat) > 1 else next(iter(flat))


def disjunction(operands: "Iterator[Expression] | list[Expression]") -> Expression:
    """Join conditions with `or`: nested ones are flattened and equal ones kept once."""
    flat = dict.fromkeys(part for operand in operands for part in (operand.operands if isinstance(operand, Or) else (operand,)))
    return Or(tuple(flat)) if len(flat) > 1 else next(iter(flat))


def opposite(operator: Operator) -> Operator:
    """Return the comparison that a known number meets exactly where it does not meet this one."""
    match operator:
        case "<":
            return ">="
        case "<=":
            return ">"
        case ">":
            return "<="
        case ">=":
            return "<"
        case _:
            assert_never(operator)


def operands(tree: Expression) -> tuple[Expression, ...]:
    """Return the conditions that a condition is made of directly: none for a leaf or a name."""
    match tree:
        case Present() | Compared() | OneOf() | Named():
            return ()
        case Not(operand):
            return (operand,)
        case And(parts) | Or(parts) | AtLeast(_, parts):
            return parts
        case _:
            assert_never(tree)


def leaves(tree: Expression) -> Iterator[Leaf]:
    """Return every comparison and finding of a condition, in reading order."""
    if isinstance(tree, Leaf):
        yield tree
    for operand in operands(tree):
        yield from leaves(operand)


def names_used(tree: Expression) -> Iterator[str]:
    """Return every definition and conclusion that a condition names, in reading order."""
    if isinstance(tree, Named):
        yield tree.name
    for operand in operands(tree):
        yield from names_used(operand)
