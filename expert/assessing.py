"""From a case to its assessment: what forward chaining derived, with every argument, what is open, and what is missing."""

from collections.abc import Iterable, Iterator, Mapping

from expert.forward_chaining import Derivation, ForwardChaining, MatcherName
from expert.ground_rules import Derived, Observation, Premise
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
from facts.case import Case
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.grading import Tally
from knowledge_base.judgement import Judge, Judgement, contradiction_key
from knowledge_base.logic import Truth
from knowledge_base.model import Cause, KnowledgeBase, NextStep, Rule
from reports.citations import citation, is_checked
from reports.wording import fill, finding_clause


class ContradictoryCase(ValueError):
    """Answers that no patient can have together; the text says which."""


class Disagreement(AssertionError):
    """The engine and the meaning of the knowledge differ about a case: a defect of the program, never of the case."""


class Assessor:
    """Assesses cases with one knowledge base; compiled once, usable by any number of threads."""

    def __init__(self, knowledge: KnowledgeBase, matcher: MatcherName = "ground") -> None:
        self.knowledge = knowledge
        self.chaining = ForwardChaining(knowledge, matcher)
        self.judge = Judge(knowledge)
        self.rank: dict[str | None, int] = {None: -1}
        self.rank.update(knowledge.level_rank)
        self.cited = {rule.id: "; ".join(rule.sources) for rule in knowledge.rules.values()}
        self.unargued = knowledge.grading.standing(Tally())
        self.contradictions = [(contradiction_key(name), entry) for name, entry in knowledge.contradictions.items()]
        self.order = {standing: place for place, standing in enumerate(knowledge.grading.standings)}

    def assess(self, case: Case) -> Assessment:
        """Assess one case. Raises ContradictoryCase when the knowledge base says that its answers exclude each other."""
        values = case.values
        judgement = self.judge(values)
        for key, contradiction in self.contradictions:
            if judgement.truths[key]:
                raise ContradictoryCase(contradiction.because)
        return _Assessing(self, case, values, judgement, self.chaining.derive(values)).assessment()


class _Assessing:
    def __init__(
        self, assessor: Assessor, case: Case, values: Mapping[str, Value], judgement: Judgement, derivation: Derivation
    ) -> None:
        self.assessor, self.knowledge, self.case, self.values = assessor, assessor.knowledge, case, values
        self.truths, self.missing_bits, self.findings_of = (
            judgement.truths,
            judgement.missing,
            assessor.judge.findings_of,
        )
        self.derivation = derivation
        self.fired = frozenset(derivation.fired)
        self.justifications = derivation.justifications()
        self.used: dict[str, FindingUsed] = {}
        self.rank = assessor.rank
        # Every case is concluded twice, by the engine and by the meaning; a difference must never reach a patient.
        if self.fired != {name for name in self.knowledge.rules if self.truths[name]}:
            raise Disagreement(f"case {case.name}: the engine and the meaning of the knowledge differ; please report this")

    def assessment(self) -> Assessment:
        knowledge = self.knowledge
        signs = self.warning_signs()
        causes = self.causes()
        steps = self.next_steps()
        cited = {self.assessor.cited[rule] for rule in self.fired}
        return Assessment(
            case=self.case.name,
            knowledge_base=KnowledgeUsed(knowledge.title, knowledge.version, knowledge.hash),
            complaint=self.complaint(causes),
            urgency=self.urgency(signs),
            warning_signs=signs,
            causes=causes,
            next_steps=steps,
            missing=self.missing(),
            unrecognized=tuple(UnrecognizedText(item.text, item.reason) for item in self.case.unrecognized),
            findings=tuple(self.finding(name) for name in self.case.findings),
            evidence=tuple(self.evidence(cited)),
        )

    # Arguments

    def argument(self, rule: Rule) -> Argument:
        findings, definitions = self.grounds(Derived("rule", rule.id))
        return Argument(
            rule=rule.id,
            kind=rule.kind,
            because=self.because(rule),
            findings=findings,
            definitions=definitions,
            source=self.assessor.cited[rule.id],
            strength=rule.strength,
            level=rule.level,
        )

    def because(self, rule: Rule) -> str:
        return fill(rule.because, rule.condition, self.case.findings, self.values, self.truths, self.knowledge)

    def grounds(self, conclusion: Derived) -> tuple[tuple[FindingUsed, ...], tuple[DefinitionUsed, ...]]:
        """Follow every justification back to the findings, and note the definitions on the way."""
        findings: set[str] = set()
        definitions: dict[str, bool] = {}
        seen: set[Derived] = set()
        waiting: list[Premise] = [conclusion]
        while waiting:
            premise = waiting.pop()
            if isinstance(premise, Observation):
                findings.add(premise.leaf.finding)
            elif premise not in seen:
                seen.add(premise)
                if premise.kind == "definition":
                    definitions[premise.id] = premise.truth
                waiting.extend(below for way in self.justifications.get(premise, ()) for below in way)
        used = tuple(self.finding(name) for name in self.case.findings if name in findings)
        return used, tuple(
            DefinitionUsed(name, definitions[name], entry.says[0 if definitions[name] else 1])
            for name, entry in self.knowledge.definitions.items()
            if name in definitions
        )

    def finding(self, name: str) -> FindingUsed:
        used = self.used.get(name)
        if used is None:
            finding, observed = self.knowledge.vocabulary.findings[name], self.case.findings[name]
            self.used[name] = used = FindingUsed(
                id=name,
                value=observed.value,
                says=finding_clause(finding, observed.value, observed.given),
                unit=finding.unit if isinstance(finding, QuantityFinding) else None,
                given=observed.given or None,
                origin=observed.origin or None,
            )
        return used

    # Conclusions

    def warning_signs(self) -> tuple[WarningSignFound, ...]:
        found = []
        for sign in self.knowledge.warning_signs.values():
            rules = [rule for rule in sign.rules if rule.id in self.fired]
            if rules:
                arguments = tuple(self.argument(rule) for rule in sorted(rules, key=lambda rule: -self.rank[rule.level]))
                worst = arguments[0]
                level = worst.level or sign.level
                found.append(WarningSignFound(sign.id, sign.label, level, worst.because, worst.source, arguments))
        return tuple(sorted(found, key=lambda sign: (-self.rank[sign.level], sign.id)))

    def urgency(self, signs: tuple[WarningSignFound, ...]) -> Urgency:
        level = self.derivation.level
        floor = self.rank[level]
        rising = [
            OpenWarning(sign.id, rule.id, rule.level or level, self.findings_of(self.missing_bits[rule.id]))
            for sign in self.knowledge.warning_signs.values()
            for rule in sign.rules
            if self.rank[rule.level] > floor and self.truths[rule.id] is None
        ]
        rising.sort(key=lambda entry: (-self.rank[entry.level], entry.warning_sign, entry.rule))
        ceiling = rising[0].level if rising else level
        because = tuple(sign.because for sign in signs if sign.level == level)
        return Urgency(level, ceiling, because or ("No warning sign is known.",), tuple(rising))

    def causes(self) -> tuple[CauseAssessed, ...]:
        assessed = [self.cause(cause) for cause in self.knowledge.causes.values()]
        order = self.assessor.order
        assessed.sort(key=lambda entry: (order[entry[0].standing], tuple(-part for part in entry[1].weight), entry[0].id))
        return tuple(cause for cause, _ in assessed)

    def cause(self, cause: Cause) -> tuple[CauseAssessed, Tally]:
        for_it: list[Argument] = []
        against_it: list[Argument] = []
        open_: list[Rule] = []
        bits = 0
        for rule in cause.rules:
            truth = self.truths[rule.id]
            if truth:
                (for_it if rule.kind in ("confirms", "supports") else against_it).append(self.argument(rule))
            elif truth is None:
                open_.append(rule)
                bits |= self.missing_bits[rule.id]
        fired = tally(rule for rule in cause.rules if rule.id in self.fired) if for_it or against_it else Tally()
        assessed = CauseAssessed(
            id=cause.id,
            label=cause.label,
            category=cause.category,
            standing=self.derivation.standings.get(cause.id, self.assessor.unargued),
            could_be=self.knowledge.grading.reachable(fired, tally(open_)),
            arguments_for=tuple(for_it),
            arguments_against=tuple(against_it),
            missing=self.findings_of(bits),
        )
        return assessed, fired

    def complaint(self, causes: tuple[CauseAssessed, ...]) -> Complaint | None:
        declared = self.knowledge.complaint
        if declared is None:
            return None
        name, grading = declared.definition, self.knowledge.grading
        truth: Truth = self.truths[name]
        findings, _ = ((), ()) if truth is None else self.grounds(Derived("definition", name, truth))
        return Complaint(
            label=declared.label,
            fits="unknown" if truth is None else "yes" if truth else "no",
            findings=findings,
            missing=self.findings_of(self.missing_bits[name]),
            resembles=tuple(
                cause.id
                for cause in causes
                if cause.category in self.knowledge.resemblances and grading.at_least(cause.standing, grading.considered)
            ),
        )

    def next_steps(self) -> tuple[StepAdvised, ...]:
        steps = [self.step(step) for step in self.knowledge.next_steps.values() if step.id in self.fired]
        return tuple(sorted(steps, key=lambda step: (step.done, -self.rank[step.level])))

    def step(self, step: NextStep) -> StepAdvised:
        argument = self.argument(step.rule)
        return StepAdvised(
            id=step.id,
            kind=step.kind,
            do=step.do,
            because=argument.because,
            findings=argument.findings,
            source=argument.source,
            level=step.level,
            answers=step.answers,
            done=bool(step.answers) and all(name in self.values for name in step.answers),
        )

    def missing(self) -> tuple[MissingFinding, ...]:
        """Give the unknown findings that could still change the urgency or a cause, what matters most first."""
        floor = self.rank[self.derivation.level]
        by_level: dict[str, int] = {}
        for sign in self.knowledge.warning_signs.values():
            for rule in sign.rules:
                if rule.level is not None and self.rank[rule.level] > floor:
                    by_level[rule.level] = by_level.get(rule.level, 0) | self.missing_bits[rule.id]
        levels: dict[str, str] = {}
        for level in sorted(by_level, key=self.rank.__getitem__):
            levels.update(dict.fromkeys(self.findings_of(by_level[level]), level))
        causes: dict[str, list[str]] = {}
        for cause in self.knowledge.causes.values():
            bits = 0
            for rule in cause.rules:
                bits |= self.missing_bits[rule.id]
            for name in self.findings_of(bits):
                causes.setdefault(name, []).append(cause.id)
        questions = self.knowledge.vocabulary.findings
        missing = [
            MissingFinding(name, finding.question, levels.get(name), tuple(causes.get(name, ())))
            for name, finding in questions.items()
            if name in levels or name in causes
        ]
        missing.sort(key=lambda entry: (-self.rank[entry.urgency], -len(entry.causes)))
        return tuple(missing)

    def evidence(self, cited: Iterable[str]) -> Iterator[EvidenceCited]:
        keys = {key for source in cited for key in source.split("; ") if key}
        for key, source in self.knowledge.evidence.items():
            if key in keys:
                yield EvidenceCited(key, citation(source), source.kind, is_checked(source))


def tally(rules: Iterable[Rule]) -> Tally:
    """Count the arguments of one cause by kind and strength."""
    counts = dict.fromkeys(Tally._fields, 0)
    for rule in rules:
        counts[rule.kind if rule.strength is None else f"{rule.kind}_{rule.strength}"] += 1
    return Tally(**counts)
