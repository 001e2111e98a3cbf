"""The meaning of a whole knowledge base as one function: every condition judged at once for a case, with what is missing.

`logic.evaluate` is the reference, slow and obvious; this says the same much faster, and a generative test holds
the two together. Each condition becomes three assignments of plain Python: is it true, is it false, and (as the bits of a
number) which findings could still decide it. The source is made from the trees alone: names in it are positions,
never text.

An outlook looks ahead: of the unknown findings some can still be answered and the others will stay unknown. It says
which conditions can still become true, and which answers could help them to it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import astuple
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias, assert_never

from facts.quantities import Interval
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
    Or,
    Present,
    opposite,
)
from knowledge_base.conditions.logic import Truth
from knowledge_base.model import KnowledgeBase

_Function: TypeAlias = Callable[[Mapping[str, Value]], tuple[tuple[Any, ...], tuple[int, ...]]]

ANSWERABLE: Any = object()
"""Stands, in an outlook, for the value of a finding that is not known and can still be answered."""


class _Exacter(Interval):
    """Stands, in an outlook, for a number that is known in part and can still be answered more exactly."""

    __slots__ = ()


class Judgement(NamedTuple):
    """What every condition is worth for one case, in the order of the judge's names.

    A condition is true where `true` is truthy, unknown where `missing` (the bits of the findings that could decide it, unknown
    or known in part) is not 0, and else false.
    """

    true: tuple[Any, ...]
    missing: tuple[int, ...]

    def truth(self, position: int) -> Truth:
        """Return what the condition at this position is worth."""
        return True if self.true[position] else None if self.missing[position] else False

    def false(self, position: int) -> bool:
        """Return whether the condition at this position is known to be false."""
        return not self.true[position] and not self.missing[position]


class Outlook(NamedTuple):
    """What can still come of every condition, in the order of the judge's names, when only some findings can be answered.

    `can` is truthy where a condition is true or could become so; `wanted` has the bits of the findings that could still make it
    true (0 where it is true, or cannot become so). Sound: a condition that is not in `can` is true of no completion.
    """

    can: tuple[Any, ...]
    wanted: tuple[int, ...]


class Judge:
    """Judges every condition of a knowledge base: definitions, conclusions and rules by their ids, the others by their keys.

    The keys of the others are made by `contradiction_key`, `look_for_key`, `unless_key` and `only_if_key`.
    """

    def __init__(self, knowledge: KnowledgeBase) -> None:
        conditions: dict[str, Expression] = dict(knowledge.conditions)
        conditions.update((rule.id, rule.condition) for rule in knowledge.rules.values())
        conditions.update((contradiction_key(entry.id), entry.condition) for entry in knowledge.contradictions.values())
        dangers = [rule for sign in knowledge.warning_signs.values() for rule in sign.rules]
        conditions.update((look_for_key(rule.id), rule.look_for) for rule in dangers if rule.look_for is not None)
        steps = knowledge.next_steps.values()
        conditions.update((unless_key(step.id), step.unless) for step in steps if step.unless is not None)

        conditions.update((only_if_key(name), condition) for name, condition in knowledge.interview.only_if.items())
        self.position = {name: position for position, name in enumerate(conditions)}
        looked_at = [rule.id for rule in dangers] + [look_for_key(rule.id) for rule in dangers if rule.look_for is not None]
        self.danger_position = {name: position for position, name in enumerate(looked_at)}
        first_rule = len(knowledge.conditions)
        self.rules = slice(first_rule, first_rule + len(knowledge.rules))
        findings = tuple(knowledge.vocabulary.findings)
        self.by_bit = {1 << position: name for position, name in enumerate(findings)}
        self._conditions, self._findings = conditions, findings
        self._function = _compile(_Writer(conditions, findings))

    @cached_property
    def _looking_ahead(self) -> _Function:
        return _compile(_OutlookWriter(self._conditions, self._findings))

    @cached_property
    def _looking_ahead_at_dangers(self) -> _Function:
        return _compile(_OutlookWriter(self._conditions, self._findings), self.danger_position)

    def danger_outlook(self, values: Mapping[str, Value], answerable: Iterable[str]) -> Outlook:
        """Look ahead as `outlook` does, at the rules of warning signs and what one looks for them by (`danger_position`)."""
        return Outlook(*self._looking_ahead_at_dangers(_ahead(values, answerable)))

    def outlook(self, values: Mapping[str, Value], answerable: Iterable[str]) -> Outlook:
        """Look ahead from the known findings; of the others, only the `answerable` can still become known.

        A number that is known in part can be answered more exactly where it is among the `answerable`.
        """
        return Outlook(*self._looking_ahead(_ahead(values, answerable)))

    def __call__(self, values: Mapping[str, Value]) -> Judgement:
        """Judge everything for the known findings of one case."""
        return Judgement(*self._function(values))

    def truths(self, judgement: Judgement) -> dict[str, Truth]:
        """Return what each condition is worth by its name."""
        return {name: judgement.truth(position) for name, position in self.position.items()}

    def findings_of(self, bits: int) -> tuple[str, ...]:
        """Return the findings that a number of `missing` stands for, in the vocabulary's order."""
        names = []
        while bits:
            lowest = bits & -bits
            names.append(self.by_bit[lowest])
            bits ^= lowest
        return tuple(names)


def _ahead(values: Mapping[str, Value], answerable: Iterable[str]) -> dict[str, Any]:
    ahead: dict[str, Any] = dict.fromkeys(answerable, ANSWERABLE)
    if Interval in map(type, values.values()):
        exacter = {name: values[name] for name in ahead if name in values}
        ahead.update(values)
        ahead.update((name, _Exacter(*astuple(value))) for name, value in exacter.items() if isinstance(value, Interval))
    else:
        ahead.update(values)
    return ahead


def contradiction_key(name: str) -> str:
    """Return the name under which a contradiction is judged; a space keeps it out of every other namespace."""
    return f"contradiction {name}"


def look_for_key(rule: str) -> str:
    """Return the name under which it is judged whether anybody would look for what a warning rule finds."""
    return f"look for {rule}"


def unless_key(step: str) -> str:
    """Return the name under which it is judged whether a step is set aside."""
    return f"unless {step}"


def only_if_key(finding: str) -> str:
    """Return the name under which it is judged whether a finding is worth asking for."""
    return f"only if {finding}"


def _compile(writer: "_Writer", names: Iterable[str] | None = None) -> _Function:
    tops = [writer.node(writer.conditions[name]) for name in (writer.conditions if names is None else names)]
    body = "\n    ".join(writer.lines)
    columns = (f"({''.join(f'{kind}{number}, ' for number in tops)})" for kind in writer.columns)
    source = f"def judge(known):\n    get = known.get\n    {body}\n    return {', '.join(columns)}\n"
    namespace: dict[str, Any] = dict(writer.constants)
    exec(compile(source, "<judgement>", "exec"), namespace)  # noqa: S102 - made from frozen trees, holds no text of anybody's
    function: _Function = namespace["judge"]
    return function


class _Writer:
    """Writes the assignments; equal parts of conditions are computed once."""

    columns = "tm"

    def __init__(self, conditions: Mapping[str, Expression], findings: tuple[str, ...]) -> None:
        self.conditions = conditions
        self.positions = {name: position for position, name in enumerate(findings)}
        self.lines: list[str] = []
        self.next = 0
        self.constants: dict[str, object] = {}
        self.nodes: dict[Expression, int] = {}
        self.values: dict[str, str] = {}

    def node(self, tree: Expression) -> int:
        """Write what computes a node, and give its number."""
        known = self.nodes.get(tree)
        if known is None:
            known = self.write(tree)
            self.nodes[tree] = known
        return known

    def write(self, tree: Expression) -> int:
        match tree:
            case Present() | Compared() | OneOf():
                return self.leaf(tree)
            case Named(name):
                return self.node(self.conditions[name])
            case Not(operand):
                return self.negation(self.node(operand))
            case And(operands):
                return self.combination("and", "or", [self.node(operand) for operand in operands])
            case Or(operands):
                return self.combination("or", "and", [self.node(operand) for operand in operands])
            case AtLeast(count, operands):
                return self.at_least(count, [self.node(operand) for operand in operands])
            case _:
                assert_never(tree)

    def negation(self, inner: int) -> int:
        return self.assign(t=f"f{inner}", f=f"t{inner}", m=f"m{inner}")

    def combination(self, for_true: str, for_false: str, numbers: list[int]) -> int:
        return self.assign(
            t=_join("t", numbers, for_true), f=_join("f", numbers, for_false), m=self.unless_decided(_join("m", numbers, "|"))
        )

    def at_least(self, count: int, numbers: list[int]) -> int:
        return self.assign(
            t=_count("t", numbers, f">= {count}"),
            f=_count("f", numbers, f"> {len(numbers) - count}"),
            m=self.unless_decided(_join("m", numbers, "|")),
        )

    def unless_decided(self, missing: str) -> str:
        # Once a condition is decided, nothing inside it matters any more.
        return f"0 if t{self.next} or f{self.next} else {missing}"

    def leaf(self, leaf: Leaf) -> int:
        position = self.positions[leaf.finding]
        value = f"v{position}"
        if leaf.finding not in self.values:
            self.values[leaf.finding] = value
            self.constants[f"n{position}"] = leaf.finding
            self.lines.append(self.reading(position, leaf))
        match leaf:
            case Present():
                true, false = f"{value} is True", f"{value} is False"
            case Compared(_, operator, threshold):
                constant = f"c{len(self.constants)}"
                self.constants[constant] = threshold
                true = f"not u{position} and {value} {operator} {constant}"
                false = f"not u{position} and {value} {opposite(operator)} {constant}"
            case OneOf(_, choices):
                constant = f"c{len(self.constants)}"
                self.constants[constant] = frozenset(choices)
                true, false = f"{value} in {constant}", f"not u{position} and {value} not in {constant}"
            case _:
                assert_never(leaf)
        return self.decision(position, true, false)

    def reading(self, position: int, _leaf: Leaf) -> str:
        return f"v{position} = get(n{position}); u{position} = v{position} is None"

    def decision(self, position: int, true: str, false: str) -> int:
        # A number that is known in part is on neither side of a threshold that lies inside it.
        number = self.next
        return self.assign(t=true, f=false, m=f"0 if t{number} or f{number} else {1 << position}")

    def assign(self, **columns: str) -> int:
        """Write one assignment for each column of a node, in the order given, and give the node's number."""
        number = self.next
        self.lines.append("; ".join(f"{column}{number} = {text}" for column, text in columns.items()))
        self.next += 1
        return number


class _OutlookWriter(_Writer):
    """Writes what can still be: beside true and false (t, f), can it become so (a, b), and which answers would help (p, q)."""

    columns = "ap"

    def __init__(self, conditions: Mapping[str, Expression], findings: tuple[str, ...]) -> None:
        super().__init__(conditions, findings)
        self.constants["answerable"] = ANSWERABLE
        self.constants["exacter"] = _Exacter

    def negation(self, inner: int) -> int:
        return self.assign(**dict(zip("tfabpq", (f"{column}{inner}" for column in "ftbaqp"), strict=True)))

    def combination(self, for_true: str, for_false: str, numbers: list[int]) -> int:
        true, can = (_join(column, numbers, for_true) for column in "ta")
        false, cannot = (_join(column, numbers, for_false) for column in "fb")
        return self.weigh(numbers, true, false, can, cannot)

    def at_least(self, count: int, numbers: list[int]) -> int:
        true, can = (_count(column, numbers, f">= {count}") for column in "ta")
        false, cannot = (_count(column, numbers, f"> {len(numbers) - count}") for column in "fb")
        return self.weigh(numbers, true, false, can, cannot)

    def weigh(self, numbers: list[int], true: str, false: str, can: str, cannot: str) -> int:
        number = self.next
        wanted = f"{_join('p', numbers, '|')} if a{number} and not t{number} else 0"
        unwanted = f"{_join('q', numbers, '|')} if b{number} and not f{number} else 0"
        return self.assign(t=true, f=false, a=can, b=cannot, p=wanted, q=unwanted)

    def reading(self, position: int, leaf: Leaf) -> str:
        value = f"v{position}"
        exacter = f" or type({value}) is exacter" if isinstance(leaf, Compared) else ""
        unknown = f"u{position} = {value} is answerable or {value} is None"
        return f"{value} = get(n{position}); {unknown}; e{position} = {value} is answerable{exacter}"

    def decision(self, position: int, true: str, false: str) -> int:
        number = self.next
        can, cannot = f"t{number} or e{position} and not f{number}", f"f{number} or e{position} and not t{number}"
        bit = f"{1 << position} if e{position} and not t{number} and not f{number} else 0"
        return self.assign(t=true, f=false, a=can, b=cannot, p=bit, q=bit)


def _join(kind: str, numbers: list[int], operator: str) -> str:
    if not numbers:
        return {"and": "True", "or": "False", "|": "0"}[operator]
    return f"({f' {operator} '.join(f'{kind}{number}' for number in numbers)})"


def _count(kind: str, numbers: list[int], relation: str) -> str:
    return " + ".join(f"(1 if {kind}{number} else 0)" for number in numbers) + f" {relation}"
