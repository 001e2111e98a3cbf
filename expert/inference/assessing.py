"""From a case to its assessment: what forward chaining derived, with every argument, what is open, and what is missing."""

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from typing import NamedTuple

from expert.inference.arguing import Arguments, ArgumentTables
from expert.inference.causes import CauseFound, CauseTables
from expert.inference.forward_chaining import Derivation, ForwardChaining, MatcherName
from expert.inference.ground_rules import Derived
from expert.inference.urgency import OpenRule, UrgencyTables
from facts.assessment import (
    Assessment,
    CauseAssessed,
    Complaint,
    EvidenceCited,
    KnowledgeUsed,
    MissingFinding,
    StepAdvised,
)
from facts.case import Case
from knowledge_base.judgement import Judge, Judgement, contradiction_key
from knowledge_base.model import KnowledgeBase, NextStep
from reports.citations import citation, is_checked


class ContradictoryCase(ValueError):
    """Answers that no patient can have together; the text says which."""


class Disagreement(AssertionError):
    """The engine and the meaning of the knowledge differ about a case: a defect of the program, never of the case."""


class _Ranked(NamedTuple):
    """A missing finding with what it is sorted by: what matters most first."""

    by_level: int
    by_causes: int
    position: int
    finding: MissingFinding


class Assessor:
    """Assesses cases with one knowledge base; compiled once, usable by any number of threads.

    What does not depend on the patient (questions, open warnings, citations, causes nobody argued about) is made once and kept;
    nothing that a patient told is.
    """

    def __init__(self, knowledge: KnowledgeBase, matcher: MatcherName = "ground") -> None:
        self.knowledge = knowledge
        self.chaining = ForwardChaining(knowledge, matcher)
        self.judge = Judge(knowledge)
        self.arguments = ArgumentTables(knowledge, self.judge, self.chaining.ground_rules)
        self.urgency = UrgencyTables(knowledge, self.judge)
        self.causes = CauseTables(knowledge, self.judge)
        self.used = KnowledgeUsed(knowledge.title, knowledge.version, knowledge.hash)
        self.evidence = {
            key: EvidenceCited(key, citation(source), source.kind, is_checked(source))
            for key, source in knowledge.evidence.items()
        }
        self._rule_names = tuple(knowledge.rules)
        self._contradictions = [
            (self.judge.position[contradiction_key(name)], entry.because) for name, entry in knowledge.contradictions.items()
        ]
        self._missing_finding = lru_cache(maxsize=16_384)(self._make_missing_finding)

    def assess(self, case: Case) -> Assessment:
        """Assess one case. Raises ContradictoryCase when the knowledge base says that its answers exclude each other."""
        return self.conclude(case, self.check(case))

    def conclude(self, case: Case, judgement: Judgement) -> Assessment:
        """Assess one case that was checked, given its judgement."""
        values = case.values
        derivation = self.chaining.derive(values)
        fired = self._agreed(case, judgement, derivation)
        arguments = Arguments(self.arguments, case, values, judgement, derivation)
        signs = self.urgency.find_signs(judgement, arguments)
        rising = self.urgency.find_open(judgement, derivation.level)
        found = self.causes.find(judgement, derivation.standings, arguments)
        causes = tuple([cause.assessed for cause in sorted(found, key=lambda cause: cause.place)])
        return Assessment(
            case=case.name,
            knowledge_base=self.used,
            complaint=self._complaint(judgement, causes, arguments),
            urgency=self.urgency.conclude(derivation.level, signs, rising),
            warning_signs=signs,
            causes=causes,
            next_steps=self._next_steps(fired, arguments),
            missing=self._missing(rising, found),
            unrecognized=case.unrecognized,
            findings=tuple([arguments.finding(name) for name in case.findings]),
            evidence=self._evidence(fired),
            record=case.record,
        )

    def check(self, case: Case) -> Judgement:
        """Judge a case's conditions. Raises ContradictoryCase when its answers exclude each other."""
        judgement = self.judge(case.values)
        for position, because in self._contradictions:
            if judgement.true[position]:
                raise ContradictoryCase(because)
        return judgement

    def _agreed(self, case: Case, judgement: Judgement, derivation: Derivation) -> frozenset[str]:
        """Return the rules that fired. Raises Disagreement."""
        fired = frozenset(derivation.fired)
        # Every case is concluded twice, by the engine and by the meaning; a difference must never reach a patient.
        if fired != frozenset(compress(self._rule_names, judgement.true[self.judge.rules])):
            raise Disagreement(f"case {case.name}: the engine and the meaning of the knowledge differ; please report this")
        return fired

    def _complaint(self, judgement: Judgement, causes: Sequence[CauseAssessed], arguments: Arguments) -> Complaint | None:
        declared = self.knowledge.complaint
        if declared is None:
            return None
        name, grading = declared.definition, self.knowledge.grading
        position = self.judge.position[name]
        truth = judgement.truth(position)
        return Complaint(
            label=declared.label,
            fits="unknown" if truth is None else "yes" if truth else "no",
            findings=() if truth is None else arguments.grounds(Derived("definition", name, truth))[0],
            missing=self.judge.findings_of(judgement.missing[position]),
            resembles=tuple(
                cause.id
                for cause in causes
                if cause.category in self.knowledge.resemblances and grading.at_least(cause.standing, grading.considered)
            ),
        )

    def _next_steps(self, fired: frozenset[str], arguments: Arguments) -> tuple[StepAdvised, ...]:
        steps = [self._step(step, arguments) for name, step in self.knowledge.next_steps.items() if name in fired]
        return tuple(sorted(steps, key=lambda step: (step.done, -self._rank(step.level))))

    def _step(self, step: NextStep, arguments: Arguments) -> StepAdvised:
        name = step.id
        done = bool(step.answers) and all(answered in arguments.values for answered in step.answers)
        findings, _ = arguments.grounds(Derived("rule", name))
        cited = self.arguments.cited[name]
        return StepAdvised(name, step.kind, step.do, arguments.because(name), findings, cited, step.level, step.answers, done)

    def _missing(self, rising: Sequence[OpenRule], found: Sequence[CauseFound]) -> tuple[MissingFinding, ...]:
        """Return the unknown findings that could still change the urgency or a cause, what matters most first."""
        bits_by_level: dict[str, int] = {}
        for warning, bits in rising:
            bits_by_level[warning.level] = bits_by_level.get(warning.level, 0) | bits
        levels: dict[str, str] = {}
        # The highest level comes first, and is the one that counts.
        for level, bits in bits_by_level.items():
            for name in self.judge.findings_of(bits):
                levels.setdefault(name, level)
        causes: defaultdict[str, list[str]] = defaultdict(list)
        for cause, _, _ in found:
            for name in cause.missing:
                causes[name].append(cause.id)
        make = self._missing_finding
        ranked = [make(name, levels.get(name), tuple(some)) for name, some in causes.items()]
        ranked += [make(name, level, ()) for name, level in levels.items() if name not in causes]
        ranked.sort()
        return tuple([entry.finding for entry in ranked])

    def _make_missing_finding(self, name: str, level: str | None, causes: tuple[str, ...]) -> _Ranked:
        question = self.knowledge.vocabulary.findings[name].question
        missing = MissingFinding(name, question, level, causes)
        return _Ranked(-self._rank(level), -len(causes), self.arguments.bit[name].bit_length(), missing)

    def _rank(self, level: str | None) -> int:
        return -1 if level is None else self.knowledge.level_rank[level]

    def _evidence(self, fired: frozenset[str]) -> tuple[EvidenceCited, ...]:
        cited = {key for name in fired for key in self.knowledge.rules[name].sources}
        return tuple(entry for key, entry in self.evidence.items() if key in cited)
