"""The meaning of a whole knowledge base as one function: every condition judged at once for a case, with what is missing.

`logic.evaluate` is the reference, slow and obvious; this says the same much faster, and a generative test holds
the two together. Each condition becomes three assignments of plain Python: is it true, is it false, and (as the bits of a
number) which unknown findings could still decide it. The source is made from the trees alone: names in it are positions,
never text.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias, assert_never

from facts.vocabulary import Value
from knowledge_base.expression import And, AtLeast, Compared, Expression, Leaf, Named, Not, OneOf, Or, Present
from knowledge_base.logic import Truth
from knowledge_base.model import KnowledgeBase

_Function: TypeAlias = Callable[[Mapping[str, Value]], tuple[tuple[Any, ...], tuple[int, ...]]]


class Judgement(NamedTuple):
    """What every condition is worth for one case, in the order of the judge's names.

    A condition is true where `true` is truthy, unknown where `missing` (the bits of the findings that could decide it) is not
    0, and else false.
    """

    true: tuple[Any, ...]
    missing: tuple[int, ...]

    def truth(self, position: int) -> Truth:
        """Give what the condition at this position is worth."""
        return True if self.true[position] else None if self.missing[position] else False


class Judge:
    """Judges definitions, conclusions and rules by their ids, and contradictions by "contradiction " and their id."""

    def __init__(self, knowledge: KnowledgeBase) -> None:
        conditions: dict[str, Expression] = dict(knowledge.conditions)
        conditions.update((rule.id, rule.condition) for rule in knowledge.rules.values())
        conditions.update((contradiction_key(entry.id), entry.condition) for entry in knowledge.contradictions.values())
        self.position = {name: position for position, name in enumerate(conditions)}
        first_rule = len(knowledge.conditions)
        self.rules = slice(first_rule, first_rule + len(knowledge.rules))
        findings = tuple(knowledge.vocabulary.findings)
        self.by_bit = {1 << position: name for position, name in enumerate(findings)}
        self._function = _compile(conditions, findings)

    def __call__(self, values: Mapping[str, Value]) -> Judgement:
        """Judge everything for the known findings of one case."""
        return Judgement(*self._function(values))

    def truths(self, judgement: Judgement) -> dict[str, Truth]:
        """Give what each condition is worth by its name."""
        return {name: judgement.truth(position) for name, position in self.position.items()}

    def findings_of(self, bits: int) -> tuple[str, ...]:
        """Give the findings that a number of `missing` stands for, in the vocabulary's order."""
        names = []
        while bits:
            lowest = bits & -bits
            names.append(self.by_bit[lowest])
            bits ^= lowest
        return tuple(names)


def contradiction_key(name: str) -> str:
    """Give the name under which a contradiction is judged; a space keeps it out of every other namespace."""
    return f"contradiction {name}"


def _compile(conditions: Mapping[str, Expression], findings: tuple[str, ...]) -> _Function:
    writer = _Writer(conditions, {name: position for position, name in enumerate(findings)})
    tops = [writer.node(tree) for tree in conditions.values()]
    body = "\n    ".join(writer.lines)
    columns = (f"({''.join(f'{kind}{number}, ' for number in tops)})" for kind in "tm")
    source = f"def judge(known):\n    get = known.get\n    {body}\n    return {', '.join(columns)}\n"
    namespace: dict[str, Any] = dict(writer.constants)
    exec(compile(source, "<judgement>", "exec"), namespace)  # noqa: S102 - made from frozen trees, holds no text of anybody's
    function: _Function = namespace["judge"]
    return function


class _Writer:
    """Writes the assignments; equal parts of conditions are computed once."""

    def __init__(self, conditions: Mapping[str, Expression], positions: Mapping[str, int]) -> None:
        self.conditions, self.positions = conditions, positions
        self.lines: list[str] = []
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
                inner = self.node(operand)
                return self.assign(f"f{inner}", f"t{inner}", f"m{inner}")
            case And(operands):
                numbers = [self.node(operand) for operand in operands]
                return self.assign(_join("t", numbers, "and"), _join("f", numbers, "or"), _join("m", numbers, "|"))
            case Or(operands):
                numbers = [self.node(operand) for operand in operands]
                return self.assign(_join("t", numbers, "or"), _join("f", numbers, "and"), _join("m", numbers, "|"))
            case AtLeast(count, operands):
                return self.at_least(count, [self.node(operand) for operand in operands])
            case _:
                assert_never(tree)

    def at_least(self, count: int, numbers: list[int]) -> int:
        true = " + ".join(f"(1 if t{number} else 0)" for number in numbers)
        false = " + ".join(f"(1 if f{number} else 0)" for number in numbers)
        return self.assign(f"{true} >= {count}", f"{false} > {len(numbers) - count}", _join("m", numbers, "|"))

    def leaf(self, leaf: Leaf) -> int:
        position = self.positions[leaf.finding]
        value = f"v{position}"
        if leaf.finding not in self.values:
            self.values[leaf.finding] = value
            self.constants[f"n{position}"] = leaf.finding
            self.lines.append(f"{value} = get(n{position}); u{position} = {value} is None")
        match leaf:
            case Present():
                true, false = f"{value} is True", f"{value} is False"
            case Compared(_, operator, threshold):
                constant = f"c{len(self.constants)}"
                self.constants[constant] = threshold
                opposite = {"<": ">=", "<=": ">", ">": "<=", ">=": "<"}[operator]
                true = f"not u{position} and {value} {operator} {constant}"
                false = f"not u{position} and {value} {opposite} {constant}"
            case OneOf(_, choices):
                constant = f"c{len(self.constants)}"
                self.constants[constant] = frozenset(choices)
                true, false = f"{value} in {constant}", f"not u{position} and {value} not in {constant}"
        number = len(self.nodes) + len(self.lines)
        self.lines.append(f"t{number} = {true}; f{number} = {false}; m{number} = {1 << position} if u{position} else 0")
        return number

    def assign(self, true: str, false: str, missing: str) -> int:
        number = len(self.nodes) + len(self.lines)
        # Once a condition is decided, nothing inside it matters any more.
        self.lines.append(f"t{number} = {true}; f{number} = {false}; m{number} = 0 if t{number} or f{number} else {missing}")
        return number


def _join(kind: str, numbers: list[int], operator: str) -> str:
    if not numbers:
        return {"and": "True", "or": "False", "|": "0"}[operator]
    return f" {operator} ".join(f"{kind}{number}" for number in numbers)
