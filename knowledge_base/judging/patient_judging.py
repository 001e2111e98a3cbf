"""The program of a knowledge base carried out for one patient, and for an outlook: plain Python, compiled once.

Each step becomes three assignments: is it true, is it false, and (as the bits of a number) which findings could still decide
it. The source is made from the steps alone: names in it are positions, never text.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, assert_never

from facts.quantities import Interval
from facts.vocabulary import Value
from knowledge_base.conditions.expression import And, AtLeast, Compared, Leaf, Not, OneOf, Or, Present, opposite
from knowledge_base.judging.program import Program, Step

JudgePatient: TypeAlias = Callable[[Mapping[str, Value]], tuple[tuple[Any, ...], tuple[int, ...]]]

ANSWERABLE: Any = object()
"""Stands, in an outlook, for the value of a finding that is not known and can still be answered."""


class Exacter(Interval):
    """Stands, in an outlook, for a number that is known in part and can still be answered more exactly."""

    __slots__ = ()


def compile_judging(program: Program, findings: Sequence[str]) -> JudgePatient:
    """Compile what judges one patient: the outcomes that are true, and the bits of the findings that are missing."""
    return _compile(_Writer(findings), program)


def compile_outlook(program: Program, findings: Sequence[str]) -> JudgePatient:
    """Compile what looks ahead: the outcomes that can become true, and the bits of the findings that would help."""
    return _compile(_OutlookWriter(findings), program)


def _compile(writer: "_Writer", program: Program) -> JudgePatient:
    for step in program.steps:
        writer.write(step)
    body = "\n    ".join(writer.lines)
    columns = (f"({''.join(f'{kind}{number}, ' for number in program.outcomes.values())})" for kind in writer.columns)
    source = f"def judge(known):\n    get = known.get\n    {body}\n    return {', '.join(columns)}\n"
    namespace: dict[str, Any] = dict(writer.constants)
    exec(compile(source, "<judgement>", "exec"), namespace)  # noqa: S102 - made from frozen trees, holds no text of anybody's
    function: JudgePatient = namespace["judge"]
    return function


class _Writer:
    """Writes the assignments of each step, which has the number of its place."""

    columns = "tm"

    def __init__(self, findings: Sequence[str]) -> None:
        self.positions = {name: position for position, name in enumerate(findings)}
        self.lines: list[str] = []
        self.next = 0
        self.constants: dict[str, object] = {}
        self.values: dict[str, str] = {}

    def write(self, step: Step) -> None:
        numbers = list(step.operands)
        match step.operation:
            case Present() | Compared() | OneOf() as leaf:
                self.leaf(leaf)
            case Not():
                self.negation(numbers[0])
            case And():
                self.combination("and", "or", numbers)
            case Or():
                self.combination("or", "and", numbers)
            case AtLeast(count, _):
                self.at_least(count, numbers)
            case _:
                assert_never(step.operation)

    def negation(self, inner: int) -> None:
        self.assign(t=f"f{inner}", f=f"t{inner}", m=f"m{inner}")

    def combination(self, for_true: str, for_false: str, numbers: list[int]) -> None:
        self.assign(
            t=_join("t", numbers, for_true), f=_join("f", numbers, for_false), m=self.unless_decided(_join("m", numbers, "|"))
        )

    def at_least(self, count: int, numbers: list[int]) -> None:
        self.assign(
            t=_count("t", numbers, f">= {count}"),
            f=_count("f", numbers, f"> {len(numbers) - count}"),
            m=self.unless_decided(_join("m", numbers, "|")),
        )

    def unless_decided(self, missing: str) -> str:
        # Once a condition is decided, nothing inside it matters any more.
        return f"0 if t{self.next} or f{self.next} else {missing}"

    def leaf(self, leaf: Leaf) -> None:
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
        self.decision(position, true, false)

    def reading(self, position: int, _leaf: Leaf) -> str:
        return f"v{position} = get(n{position}); u{position} = v{position} is None"

    def decision(self, position: int, true: str, false: str) -> None:
        # A number that is known in part is on neither side of a threshold that lies inside it.
        number = self.next
        self.assign(t=true, f=false, m=f"0 if t{number} or f{number} else {1 << position}")

    def assign(self, **columns: str) -> None:
        """Write one assignment for each column of a step, in the order given."""
        number = self.next
        self.lines.append("; ".join(f"{column}{number} = {text}" for column, text in columns.items()))
        self.next += 1


class _OutlookWriter(_Writer):
    """Writes what can still be: beside true and false (t, f), can it become so (a, b), and which answers would help (p, q)."""

    columns = "ap"

    def __init__(self, findings: Sequence[str]) -> None:
        super().__init__(findings)
        self.constants["answerable"] = ANSWERABLE
        self.constants["exacter"] = Exacter

    def negation(self, inner: int) -> None:
        self.assign(**dict(zip("tfabpq", (f"{column}{inner}" for column in "ftbaqp"), strict=True)))

    def combination(self, for_true: str, for_false: str, numbers: list[int]) -> None:
        true, can = (_join(column, numbers, for_true) for column in "ta")
        false, cannot = (_join(column, numbers, for_false) for column in "fb")
        self.weigh(numbers, true, false, can, cannot)

    def at_least(self, count: int, numbers: list[int]) -> None:
        true, can = (_count(column, numbers, f">= {count}") for column in "ta")
        false, cannot = (_count(column, numbers, f"> {len(numbers) - count}") for column in "fb")
        self.weigh(numbers, true, false, can, cannot)

    def weigh(self, numbers: list[int], true: str, false: str, can: str, cannot: str) -> None:
        number = self.next
        wanted = f"{_join('p', numbers, '|')} if a{number} and not t{number} else 0"
        unwanted = f"{_join('q', numbers, '|')} if b{number} and not f{number} else 0"
        self.assign(t=true, f=false, a=can, b=cannot, p=wanted, q=unwanted)

    def reading(self, position: int, leaf: Leaf) -> str:
        value = f"v{position}"
        exacter = f" or type({value}) is exacter" if isinstance(leaf, Compared) else ""
        unknown = f"u{position} = {value} is answerable or {value} is None"
        return f"{value} = get(n{position}); {unknown}; e{position} = {value} is answerable{exacter}"

    def decision(self, position: int, true: str, false: str) -> None:
        number = self.next
        can, cannot = f"t{number} or e{position} and not f{number}", f"f{number} or e{position} and not t{number}"
        bit = f"{1 << position} if e{position} and not t{number} and not f{number} else 0"
        self.assign(t=true, f=false, a=can, b=cannot, p=bit, q=bit)


def _join(kind: str, numbers: list[int], operator: str) -> str:
    if not numbers:
        return {"and": "True", "or": "False", "|": "0"}[operator]
    return f"({f' {operator} '.join(f'{kind}{number}' for number in numbers)})"


def _count(kind: str, numbers: list[int], relation: str) -> str:
    return " + ".join(f"(1 if {kind}{number} else 0)" for number in numbers) + f" {relation}"
