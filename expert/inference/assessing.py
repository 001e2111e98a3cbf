"""From a case to its assessment: what forward chaining derived, with every argument, what is open, and what is missing.

Longer than other modules: every part of an assessment is read off the same derivation and judgement of one case.
"""

from collections.abc import Mapping
from functools import lru_cache
from itertools import compress

from expert.inference.forward_chaining import Derivation, ForwardChaining, MatcherName
from expert.inference.ground_rules import Derived, GroundRule, Observation
from expert.inference.unverified import add_unverified
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
    OpenWarning,
    StepAdvised,
    UnrecognizedText,
    Urgency,
    WarningSignFound,
)
from facts.case import Case, Observed
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.grading import Tally
from knowledge_base.judgement import Judge, Judgement, contradiction_key
from knowledge_base.logic import Truth
from knowledge_base.model import Cause, KnowledgeBase, NextStep, Rule, tally
from reports.citations import citation, is_checked
from reports.wording import Sentence, finding_clause


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
        assessment = _Assessing(self, case, values, judgement, self.chaining.derive(values)).assessment()
        if not case.unverified:
            return assessment
        return add_unverified(assessment, case, judgement, self.judge, self.knowledge, self.sentences)

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
        finding = self.knowledge.vocabulary.findings[name]
        sorted_by = (-self.rank[level], -len(causes), self.bit[name])
        return sorted_by, MissingFinding(name, finding.question, level, causes)

    def _definitions_used(self, bits: int) -> tuple[DefinitionUsed, ...]:
        known = self.knowledge.definitions
        return tuple(
            DefinitionUsed(derived.id, derived.truth, known[derived.id].says[0 if derived.truth else 1])
            for derived, bit in self.definition_bit.items()
            if bits & bit
        )

    def _open_warning(self, name: str, bits: int) -> OpenWarning:
        rule = self.knowledge.rules[name]
        return OpenWarning(rule.target, name, rule.level or "", self.judge.findings_of(bits))

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
        self.level_bits: dict[str, int] = {}
        # Every case is concluded twice, by the engine and by the meaning; a difference must never reach a patient.
        if self.fired != frozenset(compress(assessor.rule_names, judgement.true[assessor.judge.rules])):
            raise Disagreement(f"case {case.name}: the engine and the meaning of the knowledge differ; please report this")

    def assessment(self) -> Assessment:
        signs = self.warning_signs()
        causes = self.causes()
        urgency = self.urgency(signs)
        return Assessment(
            case=self.case.name,
            knowledge_base=self.assessor.used,
            complaint=self.complaint(causes),
            urgency=urgency,
            warning_signs=signs,
            causes=causes,
            next_steps=self.next_steps(),
            missing=self.missing(),
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
                by_sign.setdefault(rule.target, []).append(self.argument(rule))
        found = []
        for name, arguments in by_sign.items():
            # The rules stand highest level first, so the first argument is the one that decides the level.
            worst, sign = arguments[0], self.knowledge.warning_signs[name]
            level = worst.level or sign.level
            found.append(WarningSignFound(name, sign.label, level, worst.because, worst.source, tuple(arguments)))
        return tuple(sorted(found, key=lambda sign: (-self.rank[sign.level], sign.id)))

    def urgency(self, signs: tuple[WarningSignFound, ...]) -> Urgency:
        level = self.derivation.level
        floor = self.rank[level]
        missing = self.judgement.missing
        rising: list[OpenWarning] = []
        for rule, position, rank in self.assessor.warnings:
            bits = missing[position]
            if bits and rank > floor and rule.level is not None:
                rising.append(self.assessor.open_warning(rule.id, bits))
                self.level_bits[rule.level] = self.level_bits.get(rule.level, 0) | bits
        ceiling = rising[0].level if rising else level
        because = tuple(sign.because for sign in signs if sign.level == level)
        return Urgency(level, ceiling, because or ("No warning sign is known.",), tuple(rising))

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
        self.cause_bits[cause.id] = bits
        order = self.assessor.standing_order
        if not fired:
            unargued = self.assessor.unargued_cause(cause.id, tuple(rule.id for rule in open_), bits)
            return unargued, (order[unargued.standing], 0, 0, 0, cause.id)
        fired_tally = tally(fired)
        standing = self.derivation.standings[cause.id]
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

    def next_steps(self) -> tuple[StepAdvised, ...]:
        steps = [self.step(self.knowledge.next_steps[name]) for name in self.knowledge.next_steps if name in self.fired]
        return tuple(sorted(steps, key=lambda step: (step.done, -self.rank[step.level])))

    def step(self, step: NextStep) -> StepAdvised:
        name = step.id
        done = bool(step.answers) and all(answered in self.values for answered in step.answers)
        findings, _ = self.grounds(Derived("rule", name))
        cited = self.assessor.cited[name]
        return StepAdvised(name, step.kind, step.do, self.because(name), findings, cited, step.level, step.answers, done)

    def missing(self) -> tuple[MissingFinding, ...]:
        """Return the unknown findings that could still change the urgency or a cause, what matters most first."""
        levels: dict[str, str] = {}
        # The highest level comes first, and is the one that counts.
        for level, bits in self.level_bits.items():
            for name in self.findings_of(bits):
                levels.setdefault(name, level)
        causes: dict[str, list[str]] = {name: [] for name in levels}
        for cause, bits in self.cause_bits.items():
            for name in self.findings_of(bits):
                if name in causes:
                    causes[name].append(cause)
                else:
                    causes[name] = [cause]
        find = self.assessor.missing_finding
        return tuple(
            [entry for _, entry in sorted([find(name, levels.get(name), tuple(some)) for name, some in causes.items()])]
        )

    def evidence(self) -> tuple[EvidenceCited, ...]:
        cited = {key for name in self.fired for key in self.knowledge.rules[name].sources}
        return tuple(self.assessor.evidence[key] for key in sorted(cited, key=self.assessor.evidence_order.__getitem__))
