"""The judge's program on bit planes: where each condition is true and where it is false; where neither, it is unknown."""

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import NamedTuple, Protocol, assert_never

from expert.cohorts.planes.adders import at_least, is_at_least
from expert.cohorts.planes.assembly import NONE, Assembly, Plane
from knowledge_base.conditions.expression import And, AtLeast, Compared, Expression, Leaf, Named, Not, OneOf, Or, Present
from knowledge_base.judging.program import Program, Step


class Truth(NamedTuple):
    """Where a condition is true, and where it is false."""

    true: Plane
    false: Plane


UNKNOWN = Truth(NONE, NONE)


class Answers(Protocol):
    """What is known of each row's patient, as planes."""

    def truth(self, leaf: Leaf) -> Truth:
        """Return what one finding is worth against what the leaf asks of it."""

    def known(self, finding: str) -> Plane:
        """Return where something is known of the finding."""

    def partly(self, finding: str) -> Plane:
        """Return where a number is known in part."""


def judge_all(assembly: Assembly, program: Program, answers: Answers) -> dict[str, Truth]:
    """Put together what judges every condition of the program."""
    truths: list[Truth] = []
    for step in program.steps:
        truths.append(_judge(assembly, step, truths, answers))
    return {name: truths[number] for name, number in program.outcomes.items()}


def _judge(assembly: Assembly, step: Step, earlier: Sequence[Truth], answers: Answers) -> Truth:
    parts = [earlier[number] for number in step.operands]
    true, false = [part.true for part in parts], [part.false for part in parts]
    match step.operation:
        case Present() | Compared() | OneOf() as leaf:
            return answers.truth(leaf)
        case Not():
            return Truth(false[0], true[0])
        case And():
            return Truth(assembly.every(true), assembly.any(false))
        case Or():
            return Truth(assembly.any(true), assembly.every(false))
        case AtLeast(count, _):
            return Truth(at_least(assembly, count, true), at_least(assembly, len(parts) - count + 1, false))
        case _:
            assert_never(step.operation)


class Outlook(NamedTuple):
    """What can still come of a condition, beside what it is worth.

    `can` is where it is true or could become so, `cannot` where it is false or could become so. `wanted` and `unwanted` are
    where one of certain findings could help it to become so: a plane for each set of findings that is asked about.
    """

    truth: Truth
    can: Plane
    cannot: Plane
    wanted: tuple[Plane, ...]
    unwanted: tuple[Plane, ...]


def look_ahead(
    assembly: Assembly,
    program: Program,
    answers: Answers,
    answerable: Mapping[str, Plane],
    asked_about: Sequence[Mapping[str, Plane]],
) -> dict[str, Outlook]:
    """Put together what looks ahead, as `Judge.outlook` does for one patient.

    `answerable` is where a finding can become known, or known more exactly. Each of `asked_about` is a set of findings: by
    finding, where it belongs to the set.
    """
    outlooks: list[Outlook] = []
    for step in program.steps:
        parts = [outlooks[number] for number in step.operands]
        match step.operation:
            case Present() | Compared() | OneOf() as leaf:
                outlooks.append(_leaf_ahead(assembly, leaf, answers.truth(leaf), answerable, asked_about))
            case Not():
                inner = parts[0]
                swapped = Truth(inner.truth.false, inner.truth.true)
                outlooks.append(Outlook(swapped, inner.cannot, inner.can, inner.unwanted, inner.wanted))
            case And():
                outlooks.append(_weigh(assembly, parts, len(parts)))
            case Or():
                outlooks.append(_weigh(assembly, parts, 1))
            case AtLeast(count, _):
                outlooks.append(_weigh(assembly, parts, count))
            case _:
                assert_never(step.operation)
    return {name: outlooks[number] for name, number in program.outcomes.items()}


def _leaf_ahead(
    assembly: Assembly, leaf: Leaf, truth: Truth, answerable: Mapping[str, Plane], asked_about: Sequence[Mapping[str, Plane]]
) -> Outlook:
    true, false = truth
    open_ = assembly.unless(answerable.get(leaf.finding, NONE), assembly.either(true, false))
    bits = tuple(assembly.both(open_, findings.get(leaf.finding, NONE)) for findings in asked_about)
    return Outlook(truth, assembly.either(true, open_), assembly.either(false, open_), bits, bits)


def _weigh(assembly: Assembly, parts: Sequence[Outlook], count: int) -> Outlook:
    """Weigh conditions of which at least `count` must be true."""
    against = len(parts) - count + 1
    true = at_least(assembly, count, [part.truth.true for part in parts])
    false = at_least(assembly, against, [part.truth.false for part in parts])
    can = at_least(assembly, count, [part.can for part in parts])
    cannot = at_least(assembly, against, [part.cannot for part in parts])
    could, could_not = assembly.unless(can, true), assembly.unless(cannot, false)
    wanted = zip(*(part.wanted for part in parts), strict=True)
    unwanted = zip(*(part.unwanted for part in parts), strict=True)
    return Outlook(
        Truth(true, false),
        can,
        cannot,
        tuple(assembly.both(could, assembly.any(bits)) for bits in wanted),
        tuple(assembly.both(could_not, assembly.any(bits)) for bits in unwanted),
    )


def grade(assembly: Assembly, condition: Expression, counts: Mapping[str, Sequence[Plane]]) -> Plane:
    """Return where a grade's condition holds, given the digits of each count."""
    match condition:
        case Compared(kind, operator, threshold):
            whole = ceil(threshold) if operator in ("<", ">=") else floor(threshold) + 1
            reached = is_at_least(assembly, counts[kind], whole)
            return reached if operator in (">", ">=") else assembly.inverse(reached)
        case Not(operand):
            return assembly.inverse(grade(assembly, operand, counts))
        case And(operands):
            return assembly.every(grade(assembly, operand, counts) for operand in operands)
        case Or(operands):
            return assembly.any(grade(assembly, operand, counts) for operand in operands)
        case AtLeast(count, operands):
            return at_least(assembly, count, [grade(assembly, operand, counts) for operand in operands])
        case Present() | OneOf() | Named():
            raise AssertionError(f"a grade compares counts, and {condition} does not")
        case _:
            assert_never(condition)
