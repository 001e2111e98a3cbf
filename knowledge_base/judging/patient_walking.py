"""The program of a knowledge base carried out for one patient step by step: nothing is compiled, so the first answer is soon.

What `patient_judging` compiles judges each patient a few times as fast, and takes as long to make as some hundreds of patients
do here. A command that reports one case never gets that far; whoever judges many patients does (`judgement.Judge`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, TypeAlias, assert_never

from facts.vocabulary import Value
from knowledge_base.conditions.expression import And, AtLeast, Compared, Leaf, Not, OneOf, Or, Present
from knowledge_base.conditions.logic import Truth, evaluate_leaf
from knowledge_base.judging.patient_judging import ANSWERABLE, Exacter, JudgePatient
from knowledge_base.judging.program import Program

_Code: TypeAlias = Literal["leaf", "and", "or", "not", "at_least"]

_TRUE, _FALSE = 0, -1
"""What a step is worth that is decided; one that is not is worth the bits of the findings that could decide it.

So the worth of an `and` is the `|` of its operands: what is true adds nothing, and what is false hides all the rest.
"""

_ONCE_MORE_IS_KNOWN = 0b1010
_FOR, _AGAINST = 0b0011, 0b1100
"""An outlook has four bits for each step: is it true, can it become so; and two places to the left the same of false."""


def walk_judging(program: Program, findings: Sequence[str]) -> JudgePatient:
    """Return what judges one patient: the outcomes that are true, and the bits of the findings that are missing."""
    steps, outcomes = list(_lower(program, findings)), tuple(program.outcomes.values())

    def judge(known: Mapping[str, Value]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
        worth: list[int] = []
        opposite: list[int] = []
        for code, leaf, number, operands in steps:
            if code == "not":
                worth.append(opposite[operands[0]])
                opposite.append(worth[operands[0]])
                continue
            if code == "leaf":
                state = number if leaf.finding not in known else _worth(evaluate_leaf(leaf, known), number)
            elif code == "and":
                state = _TRUE
                for operand in operands:
                    state |= worth[operand]
            elif code == "or":
                state = _TRUE
                for operand in operands:
                    state |= opposite[operand]
                state = _negate(state)
            else:
                state = _at_least(number, [worth[operand] for operand in operands])
            worth.append(state)
            opposite.append(_negate(state))
        found = [worth[outcome] for outcome in outcomes]
        return tuple([state == _TRUE for state in found]), tuple([max(state, 0) for state in found])

    return judge


def walk_outlook(program: Program, findings: Sequence[str]) -> JudgePatient:
    """Return what looks ahead: the outcomes that can become true, and the bits of the findings that would help."""
    steps, outcomes = list(_lower(program, findings)), tuple(program.outcomes.values())

    def judge(known: Mapping[str, Value]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
        states: list[int] = []
        wanted: list[int] = []
        unwanted: list[int] = []
        for code, leaf, number, operands in steps:
            more = less = 0
            if code == "leaf":
                state = _leaf_ahead(leaf, known.get(leaf.finding))
                more = less = number
            elif code == "not":
                state, more, less = _turn(states[operands[0]]), unwanted[operands[0]], wanted[operands[0]]
            else:
                every, some = _FOR | _AGAINST, 0
                for operand in operands:
                    every &= states[operand]
                    some |= states[operand]
                    more |= wanted[operand]
                    less |= unwanted[operand]
                if code == "and":
                    state = every & _FOR | some & _AGAINST
                elif code == "or":
                    state = some & _FOR | every & _AGAINST
                else:
                    state = _at_least_ahead(number, [states[operand] for operand in operands])
            states.append(state)
            # What is so already needs no answer, and what cannot become so gains nothing from one.
            wanted.append(more if state & _FOR == _FOR & _ONCE_MORE_IS_KNOWN else 0)
            unwanted.append(less if state & _AGAINST == _AGAINST & _ONCE_MORE_IS_KNOWN else 0)
        can = _FOR & _ONCE_MORE_IS_KNOWN
        return tuple([states[outcome] & can for outcome in outcomes]), tuple([wanted[outcome] for outcome in outcomes])

    return judge


def _lower(program: Program, findings: Sequence[str]) -> Iterator[tuple[_Code, Any, int, tuple[int, ...]]]:
    """Return of each step what is done, with which leaf, with which number (a finding's bit, or a count), and to what."""
    bits = {name: 1 << position for position, name in enumerate(findings)}
    for step in program.steps:
        match step.operation:
            case Present() | Compared() | OneOf() as leaf:
                yield "leaf", leaf, bits[leaf.finding], ()
            case Not():
                yield "not", None, 0, step.operands
            case And():
                yield "and", None, 0, step.operands
            case Or():
                yield "or", None, 0, step.operands
            case AtLeast(count, _):
                yield "at_least", None, count, step.operands
            case _:
                assert_never(step.operation)


def _worth(truth: Truth, bit: int) -> int:
    return bit if truth is None else _TRUE if truth else _FALSE


def _negate(worth: int) -> int:
    return worth if worth > 0 else ~worth


def _at_least(count: int, worths: Sequence[int]) -> int:
    if worths.count(_TRUE) >= count:
        return _TRUE
    if worths.count(_FALSE) > len(worths) - count:
        return _FALSE
    bits = 0
    for worth in worths:
        bits |= max(worth, 0)
    return bits


def _leaf_ahead(leaf: Leaf, value: Any) -> int:
    can_be_answered = value is ANSWERABLE or (type(value) is Exacter and isinstance(leaf, Compared))
    truth = None if value is None or value is ANSWERABLE else evaluate_leaf(leaf, {leaf.finding: value})
    if truth is None:
        return _ONCE_MORE_IS_KNOWN if can_be_answered else 0
    return _FOR if truth else _AGAINST


def _turn(state: int) -> int:
    return state >> 2 | (state & _FOR) << 2


def _at_least_ahead(count: int, states: Sequence[int]) -> int:
    state = 0
    for bit in (0b0001, 0b0010, 0b0100, 0b1000):
        having = sum(1 for operand in states if operand & bit)
        if having >= count if bit & _FOR else having > len(states) - count:
            state |= bit
    return state
