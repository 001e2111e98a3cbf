"""From a case to its assessment: what forward chaining derived, with every argument, what is open, and what is missing.

Longer than other modules: every part of an assessment is read off the same derivation and judgement of one case.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import compress

from expert.inference.forward_chaining import Derivation, ForwardChaining, MatcherName
from expert.inference.ground_rules import Derived, GroundRule, Observation
from expert.inference.planning import Plan, Planned, Planner
from expert.inference.verdict import ASKED_BY, Verdict, Verdicts
from facts.assessment import (
    Argument,
    Assessment,
    CauseAssessed,
    Complaint,
    DefinitionUsed,
    EvidenceCited,
    FindingUsed,
    KnowledgeUsed,
    MissingFinding,
    OpenFindings,
    OpenWarning,
    StepAdvised,
    StepSetAside,
    UnrecognizedText,
    Urgency,
    WarningSignFound,
)
from facts.case import Case, Observed
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.grading import Tally
from knowledge_base.interview import MEDICINES
from knowledge_base.judgement import Judge, Judgement, contradiction_key, unless_key
from knowledge_base.logic import Truth
from knowledge_base.model import Cause, KnowledgeBase, NextStep, Rule, tally
from reports.citations import citation, is_checked
from reports.wording import Sentence, finding_clause, joined


class ContradictoryCase(ValueError):
    """Answers that no patient can have together; the text says which."""


class Disagreement(AssertionError):
    """The engine and the meaning of the knowledge differ about a case: a defect of the program, never of the case."""


class Assessor:
    """Assesses cases with one knowledge base; compiled once, usable by any number of threads.

    What does not depend on the patient (questions, open warnings, citations, causes nobody argued about) is made once and kept;
    nothing that a patient told is.
    """

    def __init__(self, knowledge: KnowledgeBase, matcher: MatcherName = "ground") -> None:
        self.knowledge = knowledge
        self.chaining = ForwardChaining(knowledge, matcher)
        self.judge = Judge(knowledge)
        self.rank: dict[str | None, int] = {None: -1}
        self.rank.update(knowledge.level_rank)
        rules = knowledge.rules
        position = self.judge.position
        self.rule_names = tuple(rules)
        self.cited = {name: "; ".join(rule.sources) for name, rule in rules.items()}
        self.sentences = {name: Sentence(rule.because, rule.condition, knowledge) for name, rule in rules.items()}
        self.verdicts = Verdicts(knowledge, self.judge)
        self.planner = Planner(knowledge)
        asked = [name for screen in knowledge.interview.screens.values() for name in screen.ask]
        self.interview_place = {
            name: place for place, name in enumerate(dict.fromkeys([*asked, *knowledge.vocabulary.findings]))
        }
        self.cause_rules = {
            cause.id: tuple((rule, position[rule.id]) for rule in cause.rules) for cause in knowledge.causes.values()
        }
        self.warnings = tuple(
            sorted(
                (
                    (rule, position[rule.id], self.rank[rule.level])
                    for sign in knowledge.warning_signs.values()
                    for rule in sign.rules
                ),
                key=lambda entry: (-entry[2], entry[0].target, entry[0].id),
            )
        )
        self.contradictions = [
            (position[contradiction_key(name)], entry.because) for name, entry in knowledge.contradictions.items()
        ]
        self.used = KnowledgeUsed(knowledge.title, knowledge.version, knowledge.hash)
        self.evidence = {
            key: EvidenceCited(key, citation(source), source.kind, is_checked(source))
            for key, source in knowledge.evidence.items()
        }
        self.evidence_order = {key: place for place, key in enumerate(knowledge.evidence)}
        self.bit = {name: 1 << place for place, name in enumerate(knowledge.vocabulary.findings)}
        self.definition_bit = {
            Derived("definition", name, truth): 1 << 2 * place + truth
            for place, name in enumerate(knowledge.definitions)
            for truth in (False, True)
        }
        # By rank, which is the position of a ground rule among all of them.
        self.grounds = [self._grounds(ground) for ground in self.chaining.ground_rules]
        self.standing_order = {standing: place for place, standing in enumerate(knowledge.grading.standings)}
        self.unargued = knowledge.grading.standing(Tally())
        self.missing_finding = lru_cache(maxsize=16_384)(self._missing_finding)
        self.open_warning = lru_cache(maxsize=16_384)(self._open_warning)
        self.unargued_cause = lru_cache(maxsize=16_384)(self._unargued_cause)
        self.definitions_used = lru_cache(maxsize=16_384)(self._definitions_used)

    def assess(self, case: Case) -> Assessment:
        """Assess one case. Raises ContradictoryCase when the knowledge base says that its answers exclude each other."""
        values = case.values
        judgement = self.check(case)
        return _Assessing(self, case, values, judgement, self.chaining.derive(values)).assessment()

    def check(self, case: Case) -> Judgement:
        """Judge a case's conditions. Raises ContradictoryCase when its answers exclude each other."""
        judgement = self.judge(case.values)
        for position, because in self.contradictions:
            if judgement.true[position]:
                raise ContradictoryCase(because)
        return judgement

    def _grounds(self, ground: GroundRule) -> tuple[int, tuple[Derived, ...]]:
        """Return the bits of the findings that a ground rule asks for, and what else it rests on."""
        bits = 0
        for premise in ground.premises:
            if isinstance(premise, Observation):
                bits |= self.bit[premise.leaf.finding]
        return bits, tuple(premise for premise in ground.premises if isinstance(premise, Derived))

    def _missing_finding(
        self, name: str, level: str | None, causes: tuple[str, ...]
    ) -> tuple[tuple[int, int, int], MissingFinding]:
        if name == MEDICINES and name not in self.knowledge.vocabulary.findings:
            screen = next(screen for screen in self.knowledge.interview.screens.values() if screen.medicines)
            question, place = screen.lead_in, -1
        else:
            question, place = self.knowledge.vocabulary.findings[name].question, self.interview_place[name]
        return (-self.rank[level], place, -len(causes)), MissingFinding(name, question, level, causes)

    def _definitions_used(self, bits: int) -> tuple[DefinitionUsed, ...]:
        known = self.knowledge.definitions
        return tuple(
            DefinitionUsed(derived.id, derived.truth, known[derived.id].says[0 if derived.truth else 1])
            for derived, bit in self.definition_bit.items()
            if bits & bit
        )

    def _open_warning(self, name: str, level: str, bits: int) -> OpenWarning:
        return OpenWarning(self.knowledge.rules[name].target, name, level, self.judge.findings_of(bits))

    def _unargued_cause(self, name: str, open_rules: tuple[str, ...], bits: int) -> CauseAssessed:
        cause = self.knowledge.causes[name]
        open_ = tally(self.knowledge.rules[rule] for rule in open_rules)
        could_be = self.knowledge.grading.reachable(Tally(), open_)
        missing = self.judge.findings_of(bits)
        return CauseAssessed(name, cause.label, cause.category, self.unargued, could_be, (), (), missing)


class _Assessing:
    """One case on its way to an assessment."""

    def __init__(
        self, assessor: Assessor, case: Case, values: Mapping[str, Value], judgement: Judgement, derivation: Derivation
    ) -> None:
        self.assessor, self.knowledge, self.case, self.values = assessor, assessor.knowledge, case, values
        self.judgement, self.findings_of = judgement, assessor.judge.findings_of
        self.derivation = derivation
        self.rank = assessor.rank
        self.fired = frozenset(derivation.fired)
        self.justifications: dict[Derived, list[tuple[int, tuple[Derived, ...]]]] = {}
        for ground in derivation.firings:
            self.justifications.setdefault(ground.conclusion, []).append(assessor.grounds[ground.rank])
        self.used: dict[str, FindingUsed] = {}
        self.reached: dict[Derived, tuple[int, int]] = {}
        self.cause_bits: dict[str, int] = {}
        # Every case is concluded twice, by the engine and by the meaning; a difference must never reach a patient.
        if self.fired != frozenset(compress(assessor.rule_names, judgement.true[assessor.judge.rules])):
            raise Disagreement(f"case {case.name}: the engine and the meaning of the knowledge differ; please report this")

    def assessment(self) -> Assessment:
        signs = self.warning_signs()
        causes = self.causes()
        plan = self.plan(self.derivation.level)
        steps = self.next_steps(plan)
        ordered = [step for entry in plan.steps for step in entry.together]
        verdict = self.assessor.verdicts.verdict(self.values, self.judgement, ordered)
        urgency = self.urgency(signs, verdict, steps)
        return Assessment(
            case=self.case.name,
            knowledge_base=self.assessor.used,
            complaint=self.complaint(causes),
            urgency=urgency,
            warning_signs=signs,
            causes=causes,
            next_steps=steps,
            steps_set_aside=tuple(StepSetAside(entry.step.id, entry.step.do, entry.reason) for entry in plan.set_aside),
            missing=self.missing(verdict),
            unrecognized=tuple(UnrecognizedText(item.text, item.reason) for item in self.case.unrecognized),
            findings=tuple(self.finding(name) for name in self.case.findings),
            evidence=self.evidence(),
            record=self.case.record,
        )

    def truth(self, name: str) -> Truth:
        return self.judgement.truth(self.assessor.judge.position[name])

    # Arguments

    def argument(self, rule: Rule) -> Argument:
        name = rule.id
        findings, definitions = self.grounds(Derived("rule", name))
        cited = self.assessor.cited[name]
        return Argument(name, rule.kind, self.because(name), findings, definitions, cited, rule.strength, rule.level)

    def because(self, rule: str) -> str:
        return self.assessor.sentences[rule].fill(self.case.findings, self.values, self.truth)

    def grounds(self, conclusion: Derived) -> tuple[tuple[FindingUsed, ...], tuple[DefinitionUsed, ...]]:
        """Return the findings that a conclusion rests on by every justification, and the definitions on the way."""
        findings, definitions = self.reach(conclusion)
        used = tuple([self.finding(name) for name in self.findings_of(findings)])
        return used, self.assessor.definitions_used(definitions) if definitions else ()

    def reach(self, conclusion: Derived) -> tuple[int, int]:
        """Follow every justification back; gives the bits of the findings and of the definitions that were met."""
        reached = self.reached.get(conclusion)
        if reached is None:
            findings, definitions = 0, self.assessor.definition_bit.get(conclusion, 0)
            for bits, below in self.justifications.get(conclusion, ()):
                findings |= bits
                for premise in below:
                    further = self.reach(premise)
                    findings |= further[0]
                    definitions |= further[1]
            self.reached[conclusion] = reached = findings, definitions
        return reached

    def finding(self, name: str) -> FindingUsed:
        used = self.used.get(name)
        if used is None:
            self.used[name] = used = self.used_finding(name, self.case.findings[name])
        return used

    def used_finding(self, name: str, observed: Observed) -> FindingUsed:
        finding = self.knowledge.vocabulary.findings[name]
        says = finding_clause(finding, observed.value, observed.given)
        unit = finding.unit if isinstance(finding, QuantityFinding) else None
        return FindingUsed(name, observed.value, says, unit, observed.given or None, observed.origin or None)

    # Conclusions

    def warning_signs(self) -> tuple[WarningSignFound, ...]:
        by_sign: dict[str, list[Argument]] = {}
        true = self.judgement.true
        for rule, position, _ in self.assessor.warnings:
            if true[position]:
                level = self.assessor.verdicts.level_of(rule, self.judgement)
                by_sign.setdefault(rule.target, []).append(replace(self.argument(rule), level=level))
                for downgrade in self.knowledge.downgrades.get(rule.id, ()):
                    if downgrade.id in self.fired:
                        by_sign[rule.target].append(self.argument(downgrade))
        found = []
        for name, arguments in by_sign.items():
            # Downgrades may have changed the order; of equal levels the first declared decides.
            arguments.sort(key=lambda argument: -self.rank[argument.level])
            worst, sign = arguments[0], self.knowledge.warning_signs[name]
            level = worst.level or sign.level
            found.append(WarningSignFound(name, sign.label, level, worst.because, worst.source, tuple(arguments)))
        return tuple(sorted(found, key=lambda sign: (-self.rank[sign.level], sign.id)))

    def urgency(self, signs: tuple[WarningSignFound, ...], verdict: Verdict, steps: tuple[StepAdvised, ...]) -> Urgency:
        level, names = verdict.level, self.assessor.verdicts
        because = tuple(sign.because for sign in signs if sign.level == level)
        bits = 0
        for danger in verdict.open:
            bits |= danger.bits
        asked = [self.asked_as(name) for name in self.in_order(self.findings_of(bits)) if self.can_be_put(name)]
        by = {kind: tuple(dict.fromkeys(a for a, name in asked if names.asked_by[name] == kind)) for kind in ASKED_BY}
        tests = frozenset(by["test"])
        return Urgency(
            level=level,
            ceiling=verdict.ceiling,
            decided=not by["history"] and not by["examination"],
            could_rise_to=verdict.could_rise_to,
            open=OpenFindings(**by),
            not_known=tuple(name for name in self.case.not_known if name not in self.values),
            awaiting=tuple(step.id for step in steps if not step.done and not tests.isdisjoint(step.answers)),
            because=because or ("No warning sign is known.",),
            could_rise=tuple(self.assessor.open_warning(danger.rule.id, danger.level, danger.bits) for danger in verdict.open),
        )

    def asked_as(self, name: str) -> tuple[str, str]:
        """Return under which id a finding is asked for (the medicine lists are one question), and the finding."""
        return (MEDICINES if name in self.assessor.verdicts.listed else name), name

    def in_order(self, names: Iterable[str]) -> list[str]:
        """Return findings in the order in which an interview asks for them."""
        return sorted(names, key=self.assessor.interview_place.__getitem__)

    def causes(self) -> tuple[CauseAssessed, ...]:
        assessed = [self.cause(cause) for cause in self.knowledge.causes.values()]
        assessed.sort(key=lambda entry: entry[1])
        return tuple(cause for cause, _ in assessed)

    def cause(self, cause: Cause) -> tuple[CauseAssessed, tuple[int | str, ...]]:
        """Return a cause and what it is sorted by: standing, weight, id."""
        true, missing = self.judgement
        fired: list[Rule] = []
        open_: list[Rule] = []
        bits = 0
        for rule, position in self.assessor.cause_rules[cause.id]:
            if true[position]:
                fired.append(rule)
            elif missing[position]:
                open_.append(rule)
                bits |= missing[position]
        order = self.assessor.standing_order
        if not fired:
            unargued = self.assessor.unargued_cause(cause.id, tuple(rule.id for rule in open_), bits)
            return unargued, (order[unargued.standing], 0, 0, 0, cause.id)
        fired_tally = tally(fired)
        standing = self.derivation.standings[cause.id]
        if self.knowledge.grading.at_least(standing, self.knowledge.grading.considered):
            self.cause_bits[cause.id] = bits
        assessed = CauseAssessed(
            id=cause.id,
            label=cause.label,
            category=cause.category,
            standing=standing,
            could_be=self.knowledge.grading.reachable(fired_tally, tally(open_)),
            arguments_for=tuple(self.argument(rule) for rule in fired if rule.kind in ("confirms", "supports")),
            arguments_against=tuple(self.argument(rule) for rule in fired if rule.kind in ("opposes", "excludes")),
            missing=self.findings_of(bits),
        )
        return assessed, (order[standing], *(-part for part in fired_tally.weight), cause.id)

    def complaint(self, causes: tuple[CauseAssessed, ...]) -> Complaint | None:
        declared = self.knowledge.complaint
        if declared is None:
            return None
        name, grading = declared.definition, self.knowledge.grading
        truth = self.truth(name)
        return Complaint(
            label=declared.label,
            fits="unknown" if truth is None else "yes" if truth else "no",
            findings=() if truth is None else self.grounds(Derived("definition", name, truth))[0],
            missing=self.findings_of(self.judgement.missing[self.assessor.judge.position[name]]),
            resembles=tuple(
                cause.id
                for cause in causes
                if cause.category in self.knowledge.resemblances and grading.at_least(cause.standing, grading.considered)
            ),
        )

    def plan(self, level: str) -> Plan:
        fired = [self.knowledge.next_steps[name] for name in self.knowledge.next_steps if name in self.fired]
        return self.assessor.planner.plan(fired, level, self.values, self.is_set_aside)

    def is_set_aside(self, step: NextStep) -> bool:
        return step.unless is not None and bool(self.judgement.true[self.assessor.judge.position[unless_key(step.id)]])

    def next_steps(self, plan: Plan) -> tuple[StepAdvised, ...]:
        at_top = self.knowledge.plan.at_top
        planned = [self.step(entry, done=False, do_now=place < at_top) for place, entry in enumerate(plan.steps)]
        return (*planned, *(self.step(Planned(step, (step,)), done=True, do_now=False) for step in plan.done))

    def step(self, planned: Planned, *, done: bool, do_now: bool) -> StepAdvised:
        step, together = planned.step, planned.together
        findings, _ = self.grounds(Derived("rule", step.id))
        do = step.do
        if len(together) > 1:
            do = self.knowledge.plan.measuring.replace("{which}", joined(planned.measures(self.values), "and"))
        return StepAdvised(
            step.id,
            step.kind,
            do,
            self.because(step.id),
            findings,
            "; ".join(dict.fromkeys(key for one in together for key in one.rule.sources)),
            step.level,
            tuple(dict.fromkeys(name for one in together for name in one.answers)),
            done,
            do_now,
            tuple(one.id for one in together[1:]),
        )

    def missing(self, verdict: Verdict) -> tuple[MissingFinding, ...]:
        """Return the pertinent unknown findings: first what could raise the urgency most, then what bears on a cause."""
        levels: dict[str, str] = {}
        for danger in verdict.open:
            for name in self.findings_of(danger.bits):
                levels.setdefault(name, danger.level)
        causes: dict[str, list[str]] = {name: [] for name in levels}
        for cause, bits in self.cause_bits.items():
            for name in self.findings_of(bits):
                if name in verdict.answerable:
                    causes.setdefault(name, []).append(cause)
        listed = [name for name in causes if name in self.assessor.verdicts.listed]
        if listed:
            known = [levels[name] for name in listed if name in levels]
            if known:
                levels[MEDICINES] = max(known, key=self.rank.__getitem__)
            causes[MEDICINES] = list(dict.fromkeys(cause for name in listed for cause in causes.pop(name)))
        find = self.assessor.missing_finding
        found = sorted(find(name, levels.get(name), tuple(some)) for name, some in causes.items() if self.can_be_put(name))
        return tuple(entry for _, entry in found)

    def can_be_put(self, name: str) -> bool:
        """Return whether a question makes sense: what hangs on another finding is asked when that is known to be present."""
        finding = self.knowledge.vocabulary.findings.get(name)
        return finding is None or finding.requires is None or self.values.get(finding.requires) is True

    def evidence(self) -> tuple[EvidenceCited, ...]:
        cited = {key for name in self.fired for key in self.knowledge.rules[name].sources}
        return tuple(self.assessor.evidence[key] for key in sorted(cited, key=self.assessor.evidence_order.__getitem__))
