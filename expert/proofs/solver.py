"""Asking z3: decisions, witnesses, and the smallest sets of answers."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal, TypeAlias

import z3

from expert.proofs.connectives import Formula, all_of, any_of, both, either, negation, number_of
from expert.proofs.formulas import Patient
from facts.quantities import Interval, Quantity
from facts.requirements import implies_required
from facts.vocabulary import Finding, QuantityFinding, Value

Answer: TypeAlias = Literal["possible", "impossible", "undecided"]


Remembered: TypeAlias = dict[tuple[int, ...], tuple[tuple[Formula, ...], Answer]]
"""Questions that were decided, by the numbers of their formulas."""


STEPS = 20_000_000
"""z3's steps for one question; far above what any question of the shipped knowledge takes (below 400,000)."""


_WORTH_SHARING = 3
"""From so many questions on, asking them together is tried first."""


def z3_version() -> str:
    """Return the version of z3 that decides."""
    return str(z3.get_version_string())


@dataclass(repr=False)
class Decider:
    """Answers whether some patient can be as formulas say, and gives one that is.

    Equal questions are asked once; `remembered` may be shared by the deciders of several knowledge bases.
    """

    patient: Patient
    assumed: Sequence[Formula] = ()
    thresholds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    steps: int = STEPS
    remembered: Remembered = field(default_factory=dict)
    _given: dict[tuple[int, ...], "Decider"] = field(default_factory=dict)

    @cached_property
    def solver(self) -> Any:
        solver = z3.Solver()
        solver.set("rlimit", self.steps)
        solver.add(*self.patient.possible, *self.assumed)
        return solver

    def given(self, formulas: Sequence[Formula]) -> "Decider":
        """Return one that assumes these formulas too; the same for the same ones, so that z3 learns them once."""
        if not formulas:
            return self
        key = tuple(map(number_of, formulas))
        if key not in self._given:
            assumed = (*self.assumed, *formulas)
            self._given[key] = Decider(self.patient, assumed, self.thresholds, self.steps, self.remembered)
        return self._given[key]

    def __call__(self, *formulas: Formula) -> Answer:
        """Return whether some patient is as all these formulas say."""
        key = self._key(formulas)
        if key not in self.remembered:
            # The formulas are kept with the answer: z3 gives the number of one that is gone to another.
            self.remembered[key] = ((*self.assumed, *formulas), self._ask(formulas))
        return self.remembered[key][1]

    def ask_together(self, questions: Sequence[tuple[Formula, ...]]) -> None:
        """Decide many questions of which most are impossible: all at once, and in halves where one of them is possible.

        Each is then remembered, or asked by itself when it is wanted.
        """
        fresh = [formulas for formulas in questions if self._key(formulas) not in self.remembered]
        if len(fresh) < _WORTH_SHARING:
            return
        if self._ask([any_of(all_of(formulas) for formulas in fresh)]) == "impossible":
            for formulas in fresh:
                self.remembered[self._key(formulas)] = ((*self.assumed, *formulas), "impossible")
        else:
            middle = len(fresh) // 2
            self.ask_together(fresh[:middle])
            self.ask_together(fresh[middle:])

    def _key(self, formulas: Sequence[Formula]) -> tuple[int, ...]:
        return (*self._assumed_key, *map(number_of, formulas))

    @cached_property
    def _assumed_key(self) -> tuple[int, ...]:
        return tuple(map(number_of, self.assumed))

    def _ask(self, formulas: Sequence[Formula]) -> Answer:
        self.solver.push()
        try:
            self.solver.add(*formulas)
            return _ANSWERS[str(self.solver.check())]
        finally:
            self.solver.pop()

    def witness(self, *formulas: Formula) -> dict[str, Value]:
        """Return a patient who is as the formulas say, with as little known as shows it. Raises ValueError when none exists."""
        return self._witness(formulas, None)[0]

    def two_witnesses(self, finding: str, then: Patient, *formulas: Formula) -> tuple[dict[str, Value], dict[str, Value]]:
        """Return such a patient twice: as the formulas say of the first, and with the `finding` as they say of `then`."""
        values, other = self._witness(formulas, (finding, then))
        return values, {**values, finding: other}

    def _witness(self, formulas: Sequence[Formula], second: tuple[str, Patient] | None) -> tuple[dict[str, Value], Any]:
        self.solver.push()
        try:
            self.solver.add(*formulas)
            if str(self.solver.check()) != "sat":
                raise ValueError("no such patient was found")
            model = self.solver.model()
            known = [name for name in self.patient.findings if z3.is_true(model.eval(self.patient.known[name]))]
            values = self._smallest({name: self._read(model, self.patient, name) for name in known})
            if second is None:
                return values, None
            self.solver.add(*self.patient.pinned(values))
            self.solver.check()
            return values, self._read(self.solver.model(), second[1], second[0])
        finally:
            self.solver.pop()

    def _read(self, model: Any, patient: Patient, name: str) -> Value:
        if name in patient.choices:
            choices = patient.choices[name]
            return next(choice for choice, formula in choices.items() if z3.is_true(model.eval(formula, True)))
        finding = patient.findings[name]
        if isinstance(finding, QuantityFinding):
            ends = (model.eval(end[name], model_completion=True) for end in (patient.least, patient.greatest))
            least, greatest = (float(end.as_fraction()) for end in ends)
            return plain_quantity(least, greatest, self.thresholds.get(name, ()), finding.range)
        return bool(z3.is_true(model.eval(patient.value[name], model_completion=True)))

    def _smallest(self, values: dict[str, Value]) -> dict[str, Value]:
        """Leave out what the formulas (added already) hold without, one finding after the other, children first.

        A number is known in part only where the formulas do not hold of a figure within it.
        """
        kept = dict(values)
        if str(self.solver.check(*self.patient.pinned(kept))) != "sat":
            raise AssertionError("the patient that was read off is not as the formulas say; please report this")
        for name in reversed(list(self.patient.findings)):
            if name in kept:
                fewer = {other: value for other, value in kept.items() if other != name}
                if str(self.solver.check(*self.patient.pinned(fewer))) == "sat":
                    kept = fewer
        for name, value in list(kept.items()):
            for figure in figures_within(value, self.thresholds.get(name, ()), self.patient.findings[name]):
                exact = {**kept, name: figure}
                if str(self.solver.check(*self.patient.pinned(exact))) == "sat":
                    kept = exact
                    break
        return {name: kept[name] for name in self.patient.findings if name in kept}


_ANSWERS: Mapping[str, Answer] = {"sat": "possible", "unsat": "impossible", "unknown": "undecided"}


def plain_number(number: float, thresholds: Collection[float], range_: Sequence[float]) -> float:
    """Return the plainest number that lies to every threshold as this one does; the same whatever z3 happened to choose."""
    if number in thresholds:
        return number
    below = max((threshold for threshold in thresholds if threshold < number), default=range_[0])
    above = min((threshold for threshold in thresholds if threshold > number), default=range_[1])
    plain = (round((below + above) / 2, digits) for digits in range(12))
    return next((candidate for candidate in plain if below < candidate < above), number)


def plain_quantity(least: float, greatest: float, thresholds: Collection[float], range_: Sequence[float]) -> Quantity:
    """Return the plainest quantity of which every threshold says what it says of the one between these ends.

    A figure where no threshold tells the ends apart, and else all that lies up to the next threshold on either side.
    """
    plain = plain_number(least, thresholds, range_)
    if plain == plain_number(greatest, thresholds, range_):
        return plain
    low, high = least, greatest
    if least not in thresholds:
        low = max((threshold for threshold in thresholds if threshold < least), default=range_[0])
    if greatest not in thresholds:
        high = min((threshold for threshold in thresholds if threshold > greatest), default=range_[1])
    return Interval(low, high, least in thresholds or low not in thresholds, greatest in thresholds or high not in thresholds)


def figures_within(value: Value, thresholds: Collection[float], finding: Finding) -> Iterator[float]:
    """Return a figure for each part of an interval that thresholds set apart, and the thresholds in it."""
    if not isinstance(value, Interval) or not isinstance(finding, QuantityFinding):
        return
    inside = sorted(threshold for threshold in thresholds if value.least <= threshold <= value.greatest)
    edges = [value.least, *inside, value.greatest]
    for low, high in pairwise(edges):
        if low < high:
            yield plain_number((low + high) / 2, thresholds, finding.range)
        if high in inside:
            yield high


@dataclass(frozen=True, repr=False)
class Smallest:
    """The smallest sets of findings whose change makes a goal true, one patient being as the formulas in `fixed` say."""

    patient: Patient
    fixed: Sequence[Formula]
    changed: Mapping[str, Formula]
    """What says of a finding that it is changed; findings that are not here stay as they are."""
    steps: int = STEPS

    def sets(self, goal: Formula, most: int) -> tuple[list[tuple[str, ...]], bool]:
        """Return up to `most` sets of the least size, and whether these are all of them."""
        solver = z3.Solver()
        solver.set("rlimit", self.steps)
        solver.add(*self.patient.possible, *self.fixed, goal)
        answer = str(solver.check())
        if answer != "sat":
            return [], answer == "unsat"
        found: list[tuple[str, ...]] = []
        size = 1
        while size <= len(self.changed):
            solver.push()
            solver.add(z3.PbLe([(formula, 1) for formula in self.changed.values()], size))
            while (answer := str(solver.check())) == "sat" and len(found) < most:
                model = solver.model()
                names = tuple(name for name, formula in self.changed.items() if z3.is_true(model.eval(formula, True)))
                found.append(names)
                solver.add(negation(all_of([self.changed[name] for name in names])))
            solver.pop()
            if found or answer == "unknown":
                return sorted(found, key=self._order), answer == "unsat"
            size += 1
        return [], True

    def _order(self, names: tuple[str, ...]) -> tuple[int, ...]:
        order = list(self.changed)
        return tuple(order.index(name) for name in names)


def altered(patient: Patient, values: Mapping[str, Value]) -> tuple[list[Formula], dict[str, Formula]]:
    """Say that only findings in `values` are known, other than they are perhaps; and of each, that it is other.

    A number is other when it is another figure, or is known exactly where it was known in part. What requires a finding that
    is denied now goes with it, and is no change of its own.
    """
    fixed, changed = [], {}
    for name, finding in patient.findings.items():
        known = patient.known[name]
        if name not in values:
            fixed.append(negation(known))
            continue
        above = finding.requires if implies_required(values[name]) else None
        stays = z3.BoolVal(True) if above is None else both(patient.known[above], patient.value[above])
        same = patient.is_(name, values[name])
        fixed += [known == stays, either(same, patient.exact(name))]
        changed[name] = both(known, negation(same))
    return fixed, changed


def answered(patient: Patient, values: Mapping[str, Value]) -> tuple[list[Formula], dict[str, Formula]]:
    """Say that the findings in `values` are known as they are; and of each other one, that it is answered.

    A number that is known in part is answered when it is known exactly. What an answer implies (a finding that it requires)
    is no answer of its own.
    """
    implied: dict[str, list[Formula]] = {}
    for name, finding in patient.findings.items():
        if finding.requires is not None:
            implied.setdefault(finding.requires, []).append(patient.implies_required(name))
    fixed, changed = [], {}
    for name in patient.findings:
        value, known = values.get(name), patient.known[name]
        if isinstance(value, Interval):
            fixed += [known, patient.lies_within(name, value), either(patient.is_(name, value), patient.exact(name))]
            changed[name] = patient.exact(name)
        elif value is not None:
            fixed.append(both(known, patient.is_(name, value)))
        else:
            fixed.append(patient.exact(name))
            changed[name] = both(known, negation(any_of(implied.get(name, []))))
    return fixed, changed
