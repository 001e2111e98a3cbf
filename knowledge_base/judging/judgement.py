"""The meaning of a whole knowledge base as one program: every condition judged at once for a case, with what is missing.

`logic.evaluate` is the reference, slow and obvious; this says the same much faster, and a generative test holds
the two together. The program is written once (`program.py`) and runs at three widths: over one patient and over an outlook
here, and over the patients of a cohort, 64 in a machine word, in `expert.cohorts.planes`.

An outlook looks ahead: of the unknown findings some can still be answered and the others will stay unknown. It says
which conditions can still become true, and which answers could help them to it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple
from functools import cached_property, lru_cache, partial
from typing import Any, NamedTuple, TypeAlias

from facts.quantities import Interval
from facts.vocabulary import Value
from knowledge_base.conditions.expression import Expression
from knowledge_base.conditions.logic import Truth
from knowledge_base.judging.patient_judging import ANSWERABLE, Exacter, JudgePatient, compile_judging, compile_outlook
from knowledge_base.judging.patient_walking import walk_judging, walk_outlook
from knowledge_base.judging.program import Program, write_program
from knowledge_base.model import KnowledgeBase

_Making: TypeAlias = Callable[[Program, Sequence[str]], JudgePatient]

WALKED = 200
"""Patients whose program is walked before it is compiled: about as many as take as long as compiling does."""


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
        self.conditions, self._findings = conditions, findings

    @cached_property
    def program(self) -> Program:
        """The steps that judge every condition, whatever judges them."""
        return write_program(self.conditions)

    @cached_property
    def program_of_dangers(self) -> Program:
        """The steps that an outlook at the dangers needs."""
        return write_program(self.conditions, self.danger_position)

    @cached_property
    def _judging(self) -> "_Judging":
        return _Judging(self.program, self._findings, walk_judging, compile_judging)

    @cached_property
    def _looking_ahead(self) -> "_Judging":
        return _Judging(self.program, self._findings, walk_outlook, compile_outlook)

    @cached_property
    def _looking_ahead_at_dangers(self) -> "_Judging":
        return _Judging(self.program_of_dangers, self._findings, walk_outlook, compile_outlook)

    def compile(self) -> None:
        """Compile what every patient needs now, for a service of which no caller should wait for it."""
        self._judging.compile()
        self._looking_ahead_at_dangers.compile()

    def danger_outlook(self, values: Mapping[str, Value], answerable: Iterable[str]) -> Outlook:
        """Look ahead as `outlook` does, at the rules of warning signs and what one looks for them by (`danger_position`)."""
        return self.lookout(values, answerable).at_dangers()

    def lookout(self, values: Mapping[str, Value], answerable: Iterable[str]) -> "Lookout":
        """Return what looks ahead as `outlook` does, at some conditions after others."""
        return Lookout(self, _ahead(values, answerable))

    def outlook(self, values: Mapping[str, Value], answerable: Iterable[str]) -> Outlook:
        """Look ahead from the known findings; of the others, only the `answerable` can still become known.

        A number that is known in part can be answered more exactly where it is among the `answerable`.
        """
        return Outlook(*self._looking_ahead(_ahead(values, answerable)))

    def look_ahead(self, names: tuple[str, ...]) -> JudgePatient:
        """Return what looks ahead at a few conditions, compiled when they are first asked for."""
        return self._looking_ahead_at(names)

    @cached_property
    def _looking_ahead_at(self) -> Callable[[tuple[str, ...]], JudgePatient]:
        def compile_some(names: tuple[str, ...]) -> JudgePatient:
            return compile_outlook(write_program(self.conditions, names), self._findings)

        return lru_cache(maxsize=1_024)(compile_some)

    def __call__(self, values: Mapping[str, Value]) -> Judgement:
        """Judge everything for the known findings of one case."""
        return Judgement(*self._judging(values))

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


class _Judging:
    """Carries a program out for one patient after another: walks it at first, and compiles it once there are many."""

    def __init__(self, program: Program, findings: Sequence[str], walk: _Making, compiling: _Making) -> None:
        self._make = partial(compiling, program, findings)
        self._judge = walk(program, findings)
        self._left = WALKED

    def compile(self) -> None:
        if self._left >= 0:
            self._judge, self._left = self._make(), -1

    def __call__(self, known: Mapping[str, Value]) -> tuple[tuple[Any, ...], tuple[int, ...]]:
        # Two threads may count one patient twice, or compile both: then it is compiled sooner, or once more than needed.
        if self._left >= 0:
            self._left -= 1
            if self._left < 0:
                self._judge = self._make()
        return self._judge(known)


class Lookout:
    """Looks ahead for one patient: at the dangers, or at a few conditions, which takes as long as these have steps."""

    def __init__(self, judge: Judge, known: Mapping[str, Any]) -> None:
        self.judge, self.known = judge, known

    def at_dangers(self) -> Outlook:
        """Look ahead at the rules of warning signs and what one looks for them by, in the order of `danger_position`."""
        return Outlook(*self.judge._looking_ahead_at_dangers(self.known))

    def at(self, names: tuple[str, ...]) -> Outlook:
        """Look ahead at these conditions, in their order."""
        return Outlook(*self.judge.look_ahead(names)(self.known))


def _ahead(values: Mapping[str, Value], answerable: Iterable[str]) -> dict[str, Any]:
    ahead: dict[str, Any] = dict.fromkeys(answerable, ANSWERABLE)
    if Interval in map(type, values.values()):
        exacter = {name: values[name] for name in ahead if name in values}
        ahead.update(values)
        ahead.update((name, Exacter(*astuple(value))) for name, value in exacter.items() if isinstance(value, Interval))
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
