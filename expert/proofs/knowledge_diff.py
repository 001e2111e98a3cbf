"""What a change of knowledge does to patients: all that can come out otherwise, each with a patient and the rules behind.

Both knowledge bases become formulas about one patient; whatever z3 finds possible is a difference, and where it finds none
there is none. Patients whose answers either of the two refuses as contradictory are left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import permutations

from expert.inference.assessing import Assessor, ContradictoryCase
from expert.proofs.connectives import Formula, all_of, negation
from expert.proofs.formulas import Formulas, Patient
from expert.proofs.solver import Decider
from facts.case import Case
from facts.vocabulary import ChoiceFinding, Finding, QuantityFinding, Value
from knowledge_base.judging.judgement import Judge
from knowledge_base.judging.thresholds import thresholds_of
from knowledge_base.model import Cause, KnowledgeBase, Rule


@dataclass(frozen=True, slots=True)
class Changed:
    """Something that comes out otherwise for the patient with these findings: rules that fire only before, and only after."""

    subject: str
    before: str
    after: str
    patient: Mapping[str, Value]
    rules_before: tuple[str, ...]
    rules_after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RuleChanged:
    """A rule that is new, gone or written otherwise, and for whom it fires only before or only after."""

    id: str
    before: Rule | None
    after: Rule | None
    only_before: Mapping[str, Value] | None
    only_after: Mapping[str, Value] | None


@dataclass(frozen=True, slots=True)
class CaseChanged:
    """A case that comes out otherwise: what of it, before and after."""

    case: str
    what: str
    before: str
    after: str


@dataclass(frozen=True)
class CasesCompared:
    """How many cases were compared, and what came out otherwise."""

    count: int
    changed: tuple[CaseChanged, ...]


@dataclass(frozen=True)
class Difference:
    """Everything in which two knowledge bases differ for some patient; `undecided` names what z3 gave up on."""

    old: KnowledgeBase
    new: KnowledgeBase
    urgency: tuple[Changed, ...]
    signs: tuple[Changed, ...]
    standings: tuple[Changed, ...]
    rules: tuple[RuleChanged, ...]
    vocabulary: tuple[str, ...]
    medicines: tuple[str, ...]
    undecided: tuple[str, ...]


def difference(old: KnowledgeBase, new: KnowledgeBase) -> Difference:
    """Compare two knowledge bases for every patient that both can be told of."""
    return _Comparing(old, new).difference()


class _Comparing:
    def __init__(self, old: KnowledgeBase, new: KnowledgeBase) -> None:
        self.old, self.new = old, new
        findings = dict(old.vocabulary.findings)
        for name, finding in new.vocabulary.findings.items():
            findings[name] = _joined(findings[name], finding) if name in findings else finding
        self.patient = Patient(findings)
        self.before, self.after = Formulas(old, self.patient), Formulas(new, self.patient)
        possible = [negation(self.before.contradictory), negation(self.after.contradictory)]
        thresholds = thresholds_of(old)
        for name, numbers in thresholds_of(new).items():
            thresholds[name] = sorted({*thresholds.get(name, ()), *numbers})
        self.decide = Decider(self.patient, possible, thresholds)
        self.judges = Judge(old), Judge(new)
        self.undecided: list[str] = []

    def difference(self) -> Difference:
        return Difference(
            self.old,
            self.new,
            tuple(self.urgency()),
            tuple(self.signs()),
            tuple(self.standings()),
            tuple(self.rules()),
            tuple(self.vocabulary()),
            tuple(self.medicines()),
            tuple(self.undecided),
        )

    def witness(self, subject: str, *formulas: Formula) -> dict[str, Value] | None:
        answer = self.decide(*formulas)
        if answer == "undecided":
            self.undecided.append(subject)
        return self.decide.witness(*formulas) if answer == "possible" else None

    def changed(
        self, subject: str, before: str, after: str, formulas: Sequence[Formula], about: Sequence[str]
    ) -> Iterator[Changed]:
        """Return a patient to whom the formulas apply, with the rules among those of `about` that fire only on one side."""
        patient = self.witness(f"{subject}: {before} → {after}", *formulas)
        if patient is not None:
            fired = [_fired(judge, patient) for judge in self.judges]
            only = [tuple(rule for rule in about if rule in fired[side] - fired[1 - side]) for side in (0, 1)]
            yield Changed(subject, before, after, patient, only[0], only[1])

    def urgency(self) -> Iterator[Changed]:
        if list(self.old.levels) != list(self.new.levels):
            return
        warns = _ids(
            rule for knowledge in (self.old, self.new) for sign in knowledge.warning_signs.values() for rule in sign.rules
        )
        for before, after in permutations(self.old.levels, 2):
            exactly = (_exactly(self.before, before), _exactly(self.after, after))
            yield from self.changed("urgency", before, after, exactly, warns)

    def signs(self) -> Iterator[Changed]:
        for name in [name for name in self.old.warning_signs if name in self.new.warning_signs]:
            held, holds = (formulas.true(formulas.knowledge.conditions[name]) for formulas in (self.before, self.after))
            about = _ids((*self.old.warning_signs[name].rules, *self.new.warning_signs[name].rules))
            yield from self.changed(name, "present", "not known to be present", (held, negation(holds)), about)
            yield from self.changed(name, "not known to be present", "present", (negation(held), holds), about)

    def standings(self) -> Iterator[Changed]:
        graded_alike = self.old.grading == self.new.grading
        for name, cause in self.old.causes.items():
            other = self.new.causes.get(name)
            if other is None or (graded_alike and self._argued_alike(cause, other)):
                continue
            about = _ids((*cause.rules, *other.rules))
            for before in self.old.grading.standings:
                for after in self.new.grading.standings:
                    if before != after:
                        pair = (self.before.standing(name, [before]), self.after.standing(name, [after]))
                        yield from self.changed(name, before, after, pair, about)

    def _argued_alike(self, cause: Cause, other: Cause) -> bool:
        """Return whether two states of a cause have the same formulas, which z3 then keeps as one."""
        sides = ((self.before, cause), (self.after, other))
        numbered = [
            [(rule.counts_as, formulas.true(rule.condition).get_id()) for rule in side.rules] for formulas, side in sides
        ]
        return sorted(numbered[0]) == sorted(numbered[1])

    def rules(self) -> Iterator[RuleChanged]:
        for name in [*self.old.rules, *(name for name in self.new.rules if name not in self.old.rules)]:
            before, after = self.old.rules.get(name), self.new.rules.get(name)
            if before is None or after is None:
                yield RuleChanged(name, before, after, None, None)
                continue
            fired, fires = self.before.true(before.condition), self.after.true(after.condition)
            only_before = only_after = None
            if fired.get_id() != fires.get_id():
                only_before = self.witness(f"rule {name}", fired, negation(fires))
                only_after = self.witness(f"rule {name}", fires, negation(fired))
            if only_before is not None or only_after is not None or _written(before) != _written(after):
                yield RuleChanged(name, before, after, only_before, only_after)

    def vocabulary(self) -> Iterator[str]:
        old, new = self.old.vocabulary.findings, self.new.vocabulary.findings
        yield from (f"{name} is new" for name in new if name not in old)
        yield from (f"{name} is gone" for name in old if name not in new)
        for kind, before, after in (
            ("warning sign", self.old.warning_signs, self.new.warning_signs),
            ("cause", self.old.causes, self.new.causes),
        ):
            yield from (f"the {kind} {name} is new" for name in after if name not in before)
            yield from (f"the {kind} {name} is gone" for name in before if name not in after)
        for name in (name for name in old if name in new and old[name] != new[name]):
            parts = [part for part, value in vars(old[name]).items() if value != getattr(new[name], part, None)]
            yield f"{name}: {', '.join(parts)} changed"

    def medicines(self) -> Iterator[str]:
        sides = [_told_by_medicines(knowledge) for knowledge in (self.old, self.new)]
        for name in sorted(sides[0].keys() | sides[1].keys()):
            before, after = (side.get(name) for side in sides)
            if before is None or after is None:
                yield f"{name} is {'new' if before is None else 'gone'}"
            elif before != after:
                yield f"{name} told {', '.join(sorted(before)) or 'nothing'}, and tells {', '.join(sorted(after)) or 'nothing'}"


def compared(old: KnowledgeBase, new: KnowledgeBase, cases: Sequence[Case]) -> CasesCompared:
    """Assess cases, read with the new vocabulary, with both knowledge bases."""
    sides = Assessor(old), Assessor(new)
    changed: list[CaseChanged] = []
    for case in cases:
        before, after = (_outcome(side, case) for side in sides)
        for what in dict.fromkeys((*before, *after)):
            if before.get(what) != after.get(what):
                changed.append(CaseChanged(case.name, what, before.get(what, "–"), after.get(what, "–")))
    return CasesCompared(len(cases), tuple(changed))


def _outcome(assessor: Assessor, case: Case) -> dict[str, str]:
    known = {name: told for name, told in case.findings.items() if name in assessor.knowledge.vocabulary.findings}
    try:
        assessment = assessor.assess(Case(case.name, known))
    except ContradictoryCase:
        return {"refused": "contradictory"}
    grading = assessor.knowledge.grading
    outcome = {"urgency": assessment.urgency.level}
    leading = next((cause.id for cause in assessment.causes if grading.at_least(cause.standing, grading.likely)), None)
    outcome["leading cause"] = leading or "none"
    return outcome


def _exactly(formulas: Formulas, level: str) -> Formula:
    levels = list(formulas.knowledge.levels)
    above = levels[levels.index(level) + 1 :]
    return all_of([formulas.urgency_at_least(level), *(negation(formulas.urgency_at_least(higher)) for higher in above[:1])])


def _fired(judge: Judge, patient: Mapping[str, Value]) -> set[str]:
    return {name for name, truth in judge.truths(judge(patient)).items() if truth}


def _ids(rules: Iterable[Rule]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(rule.id for rule in rules))


def _written(rule: Rule) -> tuple[object, ...]:
    return rule.kind, rule.target, rule.condition, rule.strength, rule.level, rule.because, rule.sources


def _joined(old: Finding, new: Finding) -> Finding:
    """Return a finding that can hold what either of two states of it can."""
    if isinstance(old, QuantityFinding) and isinstance(new, QuantityFinding):
        return replace(new, range=[min(old.range[0], new.range[0]), max(old.range[1], new.range[1])])
    if isinstance(old, ChoiceFinding) and isinstance(new, ChoiceFinding):
        return replace(new, choices={**old.choices, **new.choices})
    return new


def _told_by_medicines(knowledge: KnowledgeBase) -> dict[str, frozenset[str]]:
    """Return for each medicine the findings that taking it, or having stopped it, can decide."""
    classes = knowledge.dictionary.classes
    return {
        name: frozenset(finding for group in medicine.classes for finding in (*classes[group].current, *classes[group].stopped))
        for name, medicine in knowledge.dictionary.medicines.items()
    }
