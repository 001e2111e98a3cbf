"""From a case to its assessment: what forward chaining derived, with every argument, what is open, and what is missing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from expert.forward_chaining import Derivation, ForwardChaining
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
from knowledge_base.logic import Truth, evaluate, evaluate_named, open_findings, supports
from knowledge_base.model import Cause, KnowledgeBase, Rule
from reports.citations import citation, is_checked
from reports.wording import fill, finding_clause


class ContradictoryCase(ValueError):
    """Answers that no patient can have together; the text says which."""


def assess(case: Case, chaining: ForwardChaining) -> Assessment:
    """Assess one case. Raises ContradictoryCase when the knowledge base says that its answers exclude each other."""
    return _Assessing(case, chaining.knowledge, chaining.derive(case.values)).assessment()


@dataclass(frozen=True, slots=True)
class _Open:
    """A rule that has not fired and may still, and the unknown findings that decide it."""

    rule: Rule
    missing: tuple[str, ...]


class _Assessing:
    def __init__(self, case: Case, knowledge: KnowledgeBase, derivation: Derivation) -> None:
        self.case, self.knowledge, self.derivation = case, knowledge, derivation
        self.values: Mapping[str, Value] = case.values
        self.truths = evaluate_named(knowledge.conditions, self.values)
        for contradiction in knowledge.contradictions.values():
            if evaluate(contradiction.condition, self.values, self.truths):
                raise ContradictoryCase(contradiction.because)
        self.fired = frozenset(derivation.fired)
        self.justifications = derivation.justifications()
        self.open = {entry.rule.id: entry for entry in self.open_rules()}

    def open_rules(self) -> Iterator[_Open]:
        for rule in self.knowledge.rules.values():
            if rule.id not in self.fired and evaluate(rule.condition, self.values, self.truths) is None:
                yield _Open(rule, open_findings(rule.condition, self.values, self.truths, self.knowledge.conditions))

    def assessment(self) -> Assessment:
        knowledge = self.knowledge
        signs = self.warning_signs()
        causes = self.causes()
        steps = self.next_steps()
        cited = [argument.source for sign in signs for argument in sign.arguments]
        cited += [argument.source for cause in causes for argument in (*cause.arguments_for, *cause.arguments_against)]
        cited += [step.source for step in steps]
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
            source="; ".join(rule.sources),
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
        finding, observed = self.knowledge.vocabulary.findings[name], self.case.findings[name]
        return FindingUsed(
            id=name,
            value=observed.value,
            says=finding_clause(finding, observed.value, observed.given),
            unit=finding.unit if isinstance(finding, QuantityFinding) else None,
            given=observed.given or None,
            origin=observed.origin or None,
        )

    # Conclusions

    def warning_signs(self) -> tuple[WarningSignFound, ...]:
        found = []
        for sign in self.knowledge.warning_signs.values():
            rules = [rule for rule in sign.rules if rule.id in self.fired]
            if rules:
                arguments = tuple(self.argument(rule) for rule in sorted(rules, key=lambda rule: -self.rank(rule.level)))
                worst = arguments[0]
                level = worst.level or sign.level
                found.append(WarningSignFound(sign.id, sign.label, level, worst.because, worst.source, arguments))
        return tuple(sorted(found, key=lambda sign: (-self.rank(sign.level), sign.id)))

    def urgency(self, signs: tuple[WarningSignFound, ...]) -> Urgency:
        level = self.derivation.level
        rising = [
            OpenWarning(entry.rule.target, entry.rule.id, entry.rule.level or level, entry.missing)
            for entry in self.open.values()
            if entry.rule.kind == "warns" and self.rank(entry.rule.level) > self.rank(level)
        ]
        rising.sort(key=lambda entry: (-self.rank(entry.level), entry.warning_sign, entry.rule))
        ceiling = rising[0].level if rising else level
        because = tuple(sign.because for sign in signs if sign.level == level)
        return Urgency(level, ceiling, because or ("No warning sign is known.",), tuple(rising))

    def causes(self) -> tuple[CauseAssessed, ...]:
        order = {standing: place for place, standing in enumerate(self.knowledge.grading.standings)}
        assessed = [self.cause(cause) for cause in self.knowledge.causes.values()]
        assessed.sort(key=lambda entry: (order[entry[0].standing], tuple(-part for part in entry[1].weight), entry[0].id))
        return tuple(cause for cause, _ in assessed)

    def cause(self, cause: Cause) -> tuple[CauseAssessed, Tally]:
        grading = self.knowledge.grading
        fired = tally(rule for rule in cause.rules if rule.id in self.fired)
        open_ = [self.open[rule.id] for rule in cause.rules if rule.id in self.open]
        arguments = [self.argument(rule) for rule in cause.rules if rule.id in self.fired]
        assessed = CauseAssessed(
            id=cause.id,
            label=cause.label,
            category=cause.category,
            standing=self.derivation.standings.get(cause.id, grading.standing(Tally())),
            could_be=grading.reachable(fired, tally(entry.rule for entry in open_)),
            arguments_for=tuple(argument for argument in arguments if argument.kind in ("confirms", "supports")),
            arguments_against=tuple(argument for argument in arguments if argument.kind in ("opposes", "excludes")),
            missing=self.ordered(name for entry in open_ for name in entry.missing),
        )
        return assessed, fired

    def complaint(self, causes: tuple[CauseAssessed, ...]) -> Complaint | None:
        declared = self.knowledge.complaint
        if declared is None:
            return None
        truth: Truth = self.truths[declared.definition]
        findings, _ = self.grounds(Derived("definition", declared.definition, bool(truth))) if truth is not None else ((), ())
        condition = self.knowledge.conditions[declared.definition]
        grading = self.knowledge.grading
        return Complaint(
            label=declared.label,
            fits="unknown" if truth is None else "yes" if truth else "no",
            findings=findings,
            missing=open_findings(condition, self.values, self.truths, self.knowledge.conditions) if truth is None else (),
            resembles=tuple(
                cause.id
                for cause in causes
                if cause.category in self.knowledge.resemblances and grading.at_least(cause.standing, grading.considered)
            ),
        )

    def next_steps(self) -> tuple[StepAdvised, ...]:
        steps = []
        for step in self.knowledge.next_steps.values():
            if step.id in self.fired:
                argument = self.argument(step.rule)
                done = bool(step.answers) and all(name in self.values for name in step.answers)
                steps.append(
                    StepAdvised(
                        id=step.id,
                        kind=step.kind,
                        do=step.do,
                        because=argument.because,
                        findings=argument.findings,
                        source=argument.source,
                        level=step.level,
                        answers=step.answers,
                        done=done,
                    )
                )
        return tuple(sorted(steps, key=lambda step: (step.done, -self.rank(step.level))))

    def missing(self) -> tuple[MissingFinding, ...]:
        """Give the unknown findings that could still change the urgency or a cause, what matters most first."""
        levels: dict[str, str] = {}
        causes: dict[str, dict[str, None]] = {}
        floor = self.rank(self.derivation.level)
        for entry in self.open.values():
            for name in entry.missing:
                if entry.rule.kind == "warns" and self.rank(entry.rule.level) > floor:
                    levels[name] = max(levels.get(name, ""), entry.rule.level or "", key=self.rank)
                elif entry.rule.kind not in ("warns", "advises"):
                    causes.setdefault(name, {})[entry.rule.target] = None
        missing = [
            MissingFinding(
                name, self.knowledge.vocabulary.findings[name].question, levels.get(name), tuple(causes.get(name, ()))
            )
            for name in self.ordered([*levels, *causes])
        ]
        return tuple(sorted(missing, key=lambda entry: (-self.rank(entry.urgency), -len(entry.causes))))

    def evidence(self, cited: Iterable[str]) -> Iterator[EvidenceCited]:
        keys = {key for source in cited for key in source.split("; ") if key}
        for key, source in self.knowledge.evidence.items():
            if key in keys:
                yield EvidenceCited(key, citation(source), source.kind, is_checked(source))

    def ordered(self, names: Iterable[str]) -> tuple[str, ...]:
        wanted = set(names)
        return tuple(name for name in self.knowledge.vocabulary.findings if name in wanted)

    def rank(self, level: str | None) -> int:
        return self.knowledge.level_rank.get(level or "", -1)


def tally(rules: Iterable[Rule]) -> Tally:
    """Count the arguments of one cause by kind and strength."""
    counts = dict.fromkeys(Tally._fields, 0)
    for rule in rules:
        counts[rule.kind if rule.strength is None else f"{rule.kind}_{rule.strength}"] += 1
    return Tally(**counts)
