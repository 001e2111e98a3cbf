"""Every possible patient at once: conditions, standings and urgency as formulas, which z3 decides.

The only module that imports z3. A finding of a patient is a pair: is it known, and its value; a condition is two formulas, when
it is true and when it is false, and where neither holds it is unknown, as the meaning (`knowledge_base.logic`) has it. What no
patient can be (a value outside its plausible range, a child without its parent, answers that contradict each other) is assumed
away. Effort is counted in z3's own steps, not in seconds, so that a verdict is the same on every machine.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import ceil, floor
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, assert_never

import z3

from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.expression import And, AtLeast, Compared, Expression, Leaf, Named, Not, OneOf, Or, Present, leaves
from knowledge_base.grading import WEIGHT

if TYPE_CHECKING:
    from knowledge_base.model import Cause, KnowledgeBase, Rule

Formula: TypeAlias = Any
"""A z3 formula; z3 ships no types."""
Answer: TypeAlias = Literal["possible", "impossible", "undecided"]
Remembered: TypeAlias = dict[tuple[int, ...], tuple[tuple[Formula, ...], Answer]]
"""Questions that were decided, by the numbers of their formulas."""

_STEP = 128
"""More than any count of arguments of one kind."""
STEPS = 20_000_000
"""z3's steps for one question; far above what any question of the shipped knowledge takes (below 400,000)."""


def z3_version() -> str:
    """Give the version of z3 that decides."""
    return str(z3.get_version_string())


class Patient:
    """A patient of whom anything may be known: for every finding whether it is known, and its value.

    `mark` sets two patients apart. Quantities are reals in the finding's own unit; a choice has one formula for each value.
    """

    def __init__(self, findings: Mapping[str, Finding], mark: str = "") -> None:
        self.findings, self.mark = findings, mark
        self.known: dict[str, Formula] = {name: z3.Bool(f"{mark}known {name}") for name in findings}
        self.value: dict[str, Formula] = {}
        self.choices: dict[str, dict[str, Formula]] = {}
        for name, finding in findings.items():
            if isinstance(finding, QuantityFinding):
                self.value[name] = z3.Real(f"{mark}{name}")
            elif isinstance(finding, ChoiceFinding):
                self.choices[name] = {choice: z3.Bool(f"{mark}{name} {choice}") for choice in finding.choices}
            else:
                self.value[name] = z3.Bool(f"{mark}{name}")

    @cached_property
    def possible(self) -> list[Formula]:
        """What holds of every patient: plausible values, one choice at a time, and nothing without what it requires."""
        return [formula for name, finding in self.findings.items() for formula in self._possible(name, finding)]

    def _possible(self, name: str, finding: Finding) -> Iterator[Formula]:
        known = self.known[name]
        if isinstance(finding, QuantityFinding):
            low, high = finding.range
            yield z3.And(_number(low) <= self.value[name], self.value[name] <= _number(high))
        elif isinstance(finding, ChoiceFinding):
            yield z3.PbEq([(choice, 1) for choice in self.choices[name].values()], 1)
        if finding.requires is not None:
            denied = z3.Not(self.value[name]) if finding.kind == "yes_no" else z3.BoolVal(False)
            yield z3.Implies(known, z3.Or(denied, z3.And(self.known[finding.requires], self.value[finding.requires])))

    def is_(self, name: str, value: Value) -> Formula:
        """Say that a finding's value is this; says nothing of whether it is known."""
        if name in self.choices:
            return self.choices[name][str(value)]
        if isinstance(value, bool):
            return self.value[name] if value else z3.Not(self.value[name])
        return self.value[name] == _number(float(value))

    def pinned(self, values: Mapping[str, Value]) -> list[Formula]:
        """Say that exactly these findings are known, with these values."""
        known = [self.known[name] if name in values else z3.Not(self.known[name]) for name in self.findings]
        return known + [self.is_(name, value) for name, value in values.items()]

    def variables(self, name: str) -> list[Formula]:
        """Give everything that stands for one finding: known, and its value or its choices."""
        return [self.known[name], *(self.choices[name].values() if name in self.choices else [self.value[name]])]

    def leaf(self, leaf: Leaf) -> Formula:
        """Say that a known finding's value is what a leaf asks for."""
        match leaf:
            case Present(name):
                return self.value[name]
            case OneOf(name, choices):
                return z3.Or([self.choices[name][choice] for choice in choices])
            case Compared(name, "<", threshold):
                return self.value[name] < _number(threshold)
            case Compared(name, "<=", threshold):
                return self.value[name] <= _number(threshold)
            case Compared(name, ">", threshold):
                return self.value[name] > _number(threshold)
            case Compared(name, _, threshold):
                return self.value[name] >= _number(threshold)


def _number(number: float) -> Formula:
    # By its decimal digits: 0.1 is a tenth, as it was written.
    return z3.RealVal(repr(number))


class Formulas:
    """The formulas of one knowledge base about one patient."""

    def __init__(self, knowledge: "KnowledgeBase", patient: Patient | None = None) -> None:
        self.knowledge = knowledge
        self.patient = patient or Patient(knowledge.vocabulary.findings)
        self._made: dict[tuple[Expression, bool], Formula] = {}
        self._counts: dict[tuple[str, str, int], Formula] = {}
        self._urgency: dict[str, Formula] = {}

    def true(self, tree: Expression) -> Formula:
        """Say that a condition is true."""
        return self._formula(tree, True)

    def false(self, tree: Expression) -> Formula:
        """Say that a condition is false: ruled out, not merely unknown."""
        return self._formula(tree, False)

    def _formula(self, tree: Expression, truth: bool) -> Formula:
        made = self._made.get((tree, truth))
        if made is None:
            made = self._made[tree, truth] = self._make(tree, truth)
        return made

    def _make(self, tree: Expression, truth: bool) -> Formula:
        match tree:
            case Present() | Compared() | OneOf():
                holds = self.patient.leaf(tree)
                return z3.And(self.patient.known[tree.finding], holds if truth else z3.Not(holds))
            case Named(name):
                return self._formula(self.knowledge.conditions[name], truth)
            case Not(operand):
                return self._formula(operand, not truth)
            case And(operands):
                return (z3.And if truth else z3.Or)([self._formula(operand, truth) for operand in operands])
            case Or(operands):
                return (z3.Or if truth else z3.And)([self._formula(operand, truth) for operand in operands])
            case AtLeast(count, operands):
                wanted = count if truth else len(operands) - count + 1
                return _at_least(wanted, [self._formula(operand, truth) for operand in operands])
            case _:
                assert_never(tree)

    def fires(self, rule: str) -> Formula:
        """Say that a rule fires."""
        return self.true(self.knowledge.rules[rule].condition)

    def urgency_at_least(self, level: str) -> Formula:
        """Say that what is known demands at least this level."""
        if level not in self._urgency:
            demanded = [self.true(rule.condition) for rule in self._demanding(level)]
            self._urgency[level] = z3.Or(demanded + self._lowest(level))
        return self._urgency[level]

    def ceiling_at_least(self, level: str) -> Formula:
        """Say that this level, or a higher one, is demanded or is not yet ruled out."""
        return z3.Or([z3.Not(self.false(rule.condition)) for rule in self._demanding(level)] + self._lowest(level))

    def _demanding(self, level: str) -> list["Rule"]:
        rank = self.knowledge.level_rank
        rules = (rule for sign in self.knowledge.warning_signs.values() for rule in sign.rules)
        return [rule for rule in rules if rule.level and rank[rule.level] >= rank[level]]

    def _lowest(self, level: str) -> list[Formula]:
        return [z3.BoolVal(True)] if self.knowledge.level_rank[level] == 0 else []

    def standing(self, cause: str, standings: Iterable[str]) -> Formula:
        """Say that a cause's arguments, as far as they fired, add up to one of these standings."""
        wanted, grading = set(standings), self.knowledge.grading
        formula = z3.BoolVal(grading.otherwise in wanted)
        for name, condition in reversed(grading.grades):
            formula = z3.If(self._grade(condition, self.knowledge.causes[cause]), z3.BoolVal(name in wanted), formula)
        return formula

    def _grade(self, tree: Expression, cause: "Cause") -> Formula:
        match tree:
            case Compared(kind, operator, threshold):
                above = operator in (">", "<=")
                reached = self.count_reaches(cause, kind, floor(threshold) + 1 if above else ceil(threshold))
                return reached if operator in (">", ">=") else z3.Not(reached)
            case Not(operand):
                return z3.Not(self._grade(operand, cause))
            case And(operands):
                return z3.And([self._grade(operand, cause) for operand in operands])
            case Or(operands):
                return z3.Or([self._grade(operand, cause) for operand in operands])
            case _:
                raise TypeError(f"a grade is made of comparisons, and, or, not; found {tree!r}")

    def count_reaches(self, cause: "Cause", kind: str, count: int) -> Formula:
        """Say that at least `count` arguments of one kind fired for a cause."""
        key = (cause.id, kind, count)
        if key not in self._counts:
            fired = [self.true(rule.condition) for rule in cause.rules if rule.counts_as == kind]
            self._counts[key] = _at_least(count, fired)
        return self._counts[key]

    def with_other(self, formula: Formula, pairs: Sequence[tuple[Formula, Formula]]) -> Formula:
        """Say the same with other variables in the place of some."""
        return z3.substitute(formula, *pairs)

    def still_possible(self, pairs: Sequence[tuple[Formula, Formula]]) -> list[Formula]:
        """Say that, with other variables in the place of some, the patient is possible and not contradictory."""
        return [z3.substitute(self._not_impossible, *pairs)]

    @cached_property
    def _not_impossible(self) -> Formula:
        # One formula, because it is renamed for every finding that has an order.
        return z3.And(*self.patient.possible, z3.Not(self.contradictory))

    def place(self, cause: str) -> Formula:
        """Give the number by which a cause is listed: standing, then weight, then id."""
        knowledge, grading = self.knowledge, self.knowledge.grading
        order = list(grading.standings)
        number = z3.IntVal(order.index(grading.otherwise))
        for standing, condition in reversed(grading.grades):
            graded = self._grade(condition, knowledge.causes[cause])
            number = z3.If(graded, z3.IntVal(order.index(standing)), number)
        for more, less in WEIGHT:
            number = number * _STEP + (_STEP // 2 - self._fired(cause, more) + self._fired(cause, less))
        return number * len(knowledge.causes) + sorted(knowledge.causes).index(cause)

    def _fired(self, cause: str, kind: str) -> Formula:
        rules = [rule for rule in self.knowledge.causes[cause].rules if rule.counts_as == kind]
        return z3.Sum([z3.If(self.true(rule.condition), 1, 0) for rule in rules]) if rules else z3.IntVal(0)

    def leads(self, cause: str | None) -> Formula:
        """Say that a cause is listed first and at least likely; None: that no cause is at least likely."""
        order, causes = list(self.knowledge.grading.standings), self.knowledge.causes
        limit = (order.index(self.knowledge.grading.likely) + 1) * _STEP ** len(WEIGHT) * len(causes)
        if cause is None:
            return z3.And([self.place(other) >= limit for other in causes])
        place = self.place(cause)
        return z3.And([place < limit, *(place < self.place(other) for other in causes if other != cause)])

    @cached_property
    def contradictory(self) -> Formula:
        """Say that the answers contradict each other; such a case is refused."""
        return z3.Or([self.true(entry.condition) for entry in self.knowledge.contradictions.values()])


def _at_least(count: int, formulas: Sequence[Formula]) -> Formula:
    if count <= 0 or count > len(formulas):
        return z3.BoolVal(count <= 0)
    return z3.Or(list(formulas)) if count == 1 else z3.PbGe([(formula, 1) for formula in formulas], count)


def any_of(formulas: Iterable[Formula]) -> Formula:
    """Say that one of the formulas holds."""
    return z3.Or(list(formulas))


def all_of(formulas: Iterable[Formula]) -> Formula:
    """Say that all of the formulas hold."""
    return z3.And(list(formulas))


def negation(formula: Formula) -> Formula:
    """Say that a formula does not hold."""
    return z3.Not(formula)


def same(left: Formula, right: Formula) -> Formula:
    """Say that two formulas have the same truth."""
    return left == right


@dataclass
class Decider:
    """Answers whether some patient can be as formulas say, and gives one that is.

    Equal questions are asked once; `remembered` may be shared by the deciders of several knowledge bases.
    """

    patient: Patient
    assumed: Sequence[Formula] = ()
    thresholds: Mapping[str, Sequence[float]] = field(default_factory=dict)
    steps: int = STEPS
    remembered: Remembered = field(default_factory=dict)

    @cached_property
    def solver(self) -> Any:
        solver = z3.Solver()
        solver.set("rlimit", self.steps)
        solver.add(*self.patient.possible, *self.assumed)
        return solver

    def __call__(self, *formulas: Formula) -> Answer:
        """Tell whether some patient is as all these formulas say."""
        key = tuple(formula.get_id() for formula in (*self.assumed, *formulas))
        if key not in self.remembered:
            # The formulas are kept with the answer: z3 gives the number of one that is gone to another.
            self.remembered[key] = ((*self.assumed, *formulas), self._ask(formulas))
        return self.remembered[key][1]

    def _ask(self, formulas: Sequence[Formula]) -> Answer:
        self.solver.push()
        try:
            self.solver.add(*formulas)
            return _ANSWERS[str(self.solver.check())]
        finally:
            self.solver.pop()

    def witness(self, *formulas: Formula) -> dict[str, Value]:
        """Give a patient who is as the formulas say, with as little known as shows it. Raises ValueError when there is none."""
        return self._witness(formulas, None)[0]

    def two_witnesses(self, finding: str, then: Patient, *formulas: Formula) -> tuple[dict[str, Value], dict[str, Value]]:
        """Give such a patient twice: as the formulas say of the first, and with the `finding` as they say of `then`."""
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
        value = model.eval(patient.value[name], model_completion=True)
        finding = patient.findings[name]
        if isinstance(finding, QuantityFinding):
            return plain_number(float(value.as_fraction()), self.thresholds.get(name, ()), finding.range)
        return bool(z3.is_true(value))

    def _smallest(self, values: dict[str, Value]) -> dict[str, Value]:
        """Leave out what the formulas (added already) hold without, one finding after the other, children first."""
        kept = dict(values)
        if str(self.solver.check(*self.patient.pinned(kept))) != "sat":
            raise AssertionError("the patient that was read off is not as the formulas say; please report this")
        for name in reversed(list(self.patient.findings)):
            if name in kept:
                fewer = {other: value for other, value in kept.items() if other != name}
                if str(self.solver.check(*self.patient.pinned(fewer))) == "sat":
                    kept = fewer
        return {name: kept[name] for name in self.patient.findings if name in kept}


_ANSWERS: Mapping[str, Answer] = {"sat": "possible", "unsat": "impossible", "unknown": "undecided"}


def plain_number(number: float, thresholds: Collection[float], range_: Sequence[float]) -> float:
    """Give the plainest number that lies to every threshold as this one does; the same whatever z3 happened to choose."""
    if number in thresholds:
        return number
    below = max((threshold for threshold in thresholds if threshold < number), default=range_[0])
    above = min((threshold for threshold in thresholds if threshold > number), default=range_[1])
    plain = (round((below + above) / 2, digits) for digits in range(12))
    return next((candidate for candidate in plain if below < candidate < above), number)


def thresholds_of(knowledge: "KnowledgeBase") -> dict[str, list[float]]:
    """Give the numbers that each quantity is compared with anywhere, ascending."""
    found: dict[str, set[float]] = {}
    conditions = [*knowledge.conditions.values(), *(rule.condition for rule in knowledge.rules.values())]
    conditions += [entry.condition for entry in knowledge.contradictions.values()]
    conditions += knowledge.invariants.conditions
    for condition in conditions:
        for leaf in leaves(condition):
            if isinstance(leaf, Compared):
                found.setdefault(leaf.finding, set()).add(leaf.threshold)
    return {name: sorted(numbers) for name, numbers in found.items()}


class Opaque:
    """Two states of one patient, of whom more is known in the second; what is named is any three-valued thing."""

    def __init__(self, patient: Patient, findings: Iterable[str], names: Iterable[str]) -> None:
        self.patient = patient
        self.later = {name: z3.Bool(f"later known {name}") for name in findings}
        self.named = {
            name: [[z3.Bool(f"{when} {truth} {name}") for truth in (False, True)] for when in ("now", "later")]
            for name in names
        }

    @property
    def known_pairs(self) -> list[tuple[Formula, Formula]]:
        """What says of each finding that it is known, now and later."""
        return [(self.patient.known[name], later) for name, later in self.later.items()]

    @property
    def more_is_known(self) -> list[Formula]:
        """Say that what is known stays known, and that every named thing is at most one of true and false and stays so."""
        grows = [z3.Implies(self.patient.known[name], later) for name, later in self.later.items()]
        for now, later in self.named.values():
            grows += [z3.Not(z3.And(later)), *(z3.Implies(before, after) for before, after in zip(now, later, strict=True))]
        return grows

    def unsaid(self, tree: Expression, truth: bool) -> Formula:
        """Say that a condition had this truth and has it no more."""
        return z3.And(self._formula(tree, truth, 0), z3.Not(self._formula(tree, truth, 1)))

    def _formula(self, tree: Expression, truth: bool, when: int) -> Formula:
        formulas = _Renamed(self, when)
        return formulas.true(tree) if truth else formulas.false(tree)


class _Renamed(Formulas):
    """Formulas about one of the two states."""

    def __init__(self, opaque: Opaque, when: int) -> None:
        self.opaque, self.when, self.patient, self._made = opaque, when, opaque.patient, {}

    def _make(self, tree: Expression, truth: bool) -> Formula:
        if isinstance(tree, Named):
            return self.opaque.named[tree.name][self.when][truth]
        made = super()._make(tree, truth)
        if self.when and isinstance(tree, Present | Compared | OneOf):
            return z3.substitute(made, (self.patient.known[tree.finding], self.opaque.later[tree.finding]))
        return made


def better_and_worse(patient: Patient, then: Patient, finding: str, order: str | Sequence[str | bool]) -> list[Formula]:
    """Say that a finding is known of both, and worse of the second."""
    known = [patient.known[finding], then.known[finding]]
    if order == "higher":
        return [*known, then.value[finding] > patient.value[finding]]
    if order == "lower":
        return [*known, then.value[finding] < patient.value[finding]]
    worse = [
        z3.And(patient.is_(finding, before), then.is_(finding, after))
        for place, before in enumerate(order)
        for after in order[place + 1 :]
    ]
    return [*known, z3.Or(worse)]


@dataclass(frozen=True)
class Smallest:
    """The smallest sets of findings whose change makes a goal true, one patient being as the formulas in `fixed` say."""

    patient: Patient
    fixed: Sequence[Formula]
    changed: Mapping[str, Formula]
    """What says of a finding that it is changed; findings that are not here stay as they are."""
    steps: int = STEPS

    def sets(self, goal: Formula, most: int) -> tuple[list[tuple[str, ...]], bool]:
        """Give up to `most` sets of the least size, and whether these are all of them."""
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
                solver.add(z3.Not(z3.And([self.changed[name] for name in names])))
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

    What requires a finding that is denied now goes with it, and is no change of its own.
    """
    fixed, changed = [], {}
    for name, finding in patient.findings.items():
        known = patient.known[name]
        if name not in values:
            fixed.append(z3.Not(known))
            continue
        above = None if values[name] is False else finding.requires
        stays = z3.BoolVal(True) if above is None else z3.And(patient.known[above], patient.value[above])
        fixed.append(known == stays)
        changed[name] = z3.And(known, z3.Not(patient.is_(name, values[name])))
    return fixed, changed


def answered(patient: Patient, values: Mapping[str, Value]) -> tuple[list[Formula], dict[str, Formula]]:
    """Say that the findings in `values` are known as they are; and of each other one, that it is answered.

    What an answer implies (a finding that it requires) is no answer of its own.
    """
    implied: dict[str, list[Formula]] = {}
    for name, finding in patient.findings.items():
        if finding.requires is not None:
            denied = z3.Not(patient.value[name]) if finding.kind == "yes_no" else z3.BoolVal(False)
            implied.setdefault(finding.requires, []).append(z3.And(patient.known[name], z3.Not(denied)))
    fixed = [z3.And(patient.known[name], patient.is_(name, value)) for name, value in values.items()]
    changed = {
        name: z3.And(patient.known[name], z3.Not(any_of(implied.get(name, []))))
        for name in patient.findings
        if name not in values
    }
    return fixed, changed
