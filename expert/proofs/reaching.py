"""What pertinent questions reach: one patient of whom everything is so, and the part of it that an interview comes to know.

The variables of `Formulas` say what is known; here they say what the interview knows, and a value is what is so, known or not.
A part is *closed* when nothing that a pertinent question asks for is unknown in it. The part that an interview reaches is the
least closed one, so that whatever holds of every closed part holds of what is reached, and no order of questions has to be
followed.
"""

from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import assert_never

import z3

from expert.proofs.connectives import Formula, any_of, both, either, negation
from expert.proofs.formulas import Encoding, Formulas
from knowledge_base.conditions.expression import And, AtLeast, Compared, Expression, Leaf, Named, Not, OneOf, Or, Present
from knowledge_base.interview import asked_by, told_by_lists
from knowledge_base.model import Rule


@lru_cache(maxsize=1)
def reaching_of(formulas: Formulas) -> "Reaching":
    """Return what pertinent questions reach in one knowledge base; kept for the last one, as three properties ask of it."""
    return Reaching(formulas)


_Wanted = dict[str, Formula]


class Reaching:
    """The formulas of one knowledge base about what is so of a patient and what pertinent questions reach of it."""

    def __init__(self, formulas: Formulas) -> None:
        self.formulas, self.knowledge, self.patient = formulas, formulas.knowledge, formulas.patient
        vocabulary, interview = self.knowledge.vocabulary, self.knowledge.interview
        self.by = asked_by(interview, vocabulary)
        self.listed = told_by_lists(vocabulary, self.knowledge.dictionary)
        self.always = self.listed | interview.always
        # What is so is exact (see `possible`), so that a leaf of it is surely so or surely not.
        self._so = Encoding(self.patient.leaf, lambda name, truth: self._so(self.knowledge.conditions[name], truth))
        self._sought = Encoding(self._is_sought, lambda name, truth: self._sought(self.knowledge.conditions[name], truth))
        self._can = Encoding(self._can_be, lambda name, truth: self._can(self.knowledge.conditions[name], truth))
        self._wanted: dict[tuple[Expression, bool], _Wanted] = {}

    # What is so

    def so(self, tree: Expression) -> Formula:
        """Say that a condition holds of the patient, known or not."""
        return self._so(tree, True)

    @cached_property
    def possible(self) -> list[Formula]:
        """What is so of a patient is exact and not contradictory, and nothing is so without what it requires."""
        rules = [self.patient.exact(name) for name in self.patient.least]
        rules += [negation(self.so(entry.condition)) for entry in self.knowledge.contradictions.values()]
        for name, finding in self.knowledge.vocabulary.findings.items():
            if finding.requires is not None and finding.kind == "yes_no":
                rules.append(z3.Implies(self.patient.value[name], self.patient.value[finding.requires]))
        return rules

    def demands(self, rule: Rule) -> Formula:
        """Say that a warning rule holds of the patient and that nothing that is so answers its concern."""
        return both(self.so(rule.condition), *(negation(self.so(entry.condition)) for entry in self._downgrades(rule)))

    def _downgrades(self, rule: Rule) -> tuple[Rule, ...]:
        return self.knowledge.downgrades.get(rule.id, ())

    def looked_for(self, rule: Rule) -> Formula:
        """Say that anybody would look for a danger in this patient, and by which it holds.

        By what is so, is worth asking and, where it is a test, is ordered.
        """
        looked = z3.BoolVal(True) if rule.look_for is None else self._sought(rule.look_for, True)
        return both(looked, self._sought(rule.condition, True))

    def _is_sought(self, leaf: Leaf, truth: bool) -> Formula:
        name, only_if = leaf.finding, self.knowledge.interview.only_if.get(leaf.finding)
        worth = z3.BoolVal(True) if only_if is None else self.so(only_if)
        ordered = self._ordered(name) if self.by.get(name) == "test" else z3.BoolVal(True)
        return both(self.patient.leaf(leaf, truth), worth, either(ordered, self.patient.known[name]))

    # What an interview reaches

    @cached_property
    def given(self) -> tuple[Formula, ...]:
        """What holds of every patient and of the part of it that an interview reaches."""
        return (*self.possible, *self.closed)

    @cached_property
    def closed(self) -> list[Formula]:
        """Say that what is known is closed: everybody's questions were asked, and every pertinent question after them."""
        asked: dict[str, list[Formula]] = {name: [self._worth_asking(name)] for name in sorted(self.always)}
        for rule in self._dangers():
            pertinent, wanted = both(self._above(rule), self._looked_for_by_known(rule)), self.wanted(rule.condition, True)
            for name, formula in wanted.items():
                asked.setdefault(name, []).append(both(pertinent, formula))
        patient = self.patient
        return [
            z3.Implies(both(any_of(reasons), self._can_be_put(name)), patient.known[name]) for name, reasons in asked.items()
        ]

    def unasked(self, name: str) -> Formula:
        """Say that a finding could be asked and is unknown in the part that an interview reaches."""
        return both(self._can_be_put(name), negation(self.patient.known[name]))

    def _dangers(self) -> Iterator[Rule]:
        for sign in self.knowledge.warning_signs.values():
            yield from sign.rules

    def _above(self, rule: Rule) -> Formula:
        """Say that a danger demands more than is demanded by what is known, less what is known to answer it."""
        formulas, rank = self.formulas, self.knowledge.level_rank
        above: Formula = negation(formulas.urgency_at_least(rule.level or ""))
        for entry in sorted(self._downgrades(rule), key=lambda entry: -rank[entry.level or ""]):
            lower = negation(formulas.urgency_at_least(entry.level or ""))
            above = z3.If(formulas.true(entry.condition), both(above, lower), above)
        return above

    def _looked_for_by_known(self, rule: Rule) -> Formula:
        return z3.BoolVal(True) if rule.look_for is None else self.formulas.true(rule.look_for)

    def _can_be_put(self, name: str) -> Formula:
        needed = self.knowledge.vocabulary.findings[name].requires
        if needed is None:
            return z3.BoolVal(True)
        return both(self.patient.known[needed], self.patient.value[needed])

    def _worth_asking(self, name: str) -> Formula:
        only_if = self.knowledge.interview.only_if.get(name)
        return z3.BoolVal(True) if only_if is None else negation(self.formulas.false(only_if))

    def _ordered(self, name: str) -> Formula:
        """Say that a step that applies orders what would tell a finding."""
        steps = [step for step in self.knowledge.next_steps.values() if name in step.answers]
        return any_of([self.formulas.shown(step) for step in steps])

    def _answerable(self, name: str) -> Formula:
        worth = self._worth_asking(name)
        return both(worth, self._ordered(name)) if self.by[name] == "test" else worth

    def _can_be(self, leaf: Leaf, truth: bool) -> Formula:
        """Say that a leaf has this truth by what is known, or could come to have it by what can be answered."""
        unknown = both(negation(self.patient.known[leaf.finding]), self._answerable(leaf.finding))
        return either(self.patient.tells(leaf, truth), unknown)

    def wanted(self, tree: Expression, truth: bool) -> _Wanted:
        """Return, for every finding that a condition is about, what says that it could still help it to this truth."""
        key = (tree, truth)
        made = self._wanted.get(key)
        if made is None:
            made = self._wanted[key] = self._make_wanted(tree, truth)
        return made

    def _make_wanted(self, tree: Expression, truth: bool) -> _Wanted:
        match tree:
            case Present(name) | Compared(name, _, _) | OneOf(name, _):
                return {name: both(negation(self.patient.known[name]), self._answerable(name))}
            case Named(name):
                return self.wanted(self.knowledge.conditions[name], truth)
            case Not(operand):
                return self.wanted(operand, not truth)
            case And(operands) | Or(operands) | AtLeast(_, operands):
                parts: dict[str, list[Formula]] = {}
                for operand in operands:
                    for name, formula in self.wanted(operand, truth).items():
                        parts.setdefault(name, []).append(formula)
                decided = self.formulas.true(tree) if truth else self.formulas.false(tree)
                here = both(self._can(tree, truth), negation(decided))
                return {name: both(here, any_of(formulas)) for name, formulas in parts.items()}
            case _:
                assert_never(tree)
