"""From a case to its assessment: what forward chaining derived, with every argument, what is open, and what is missing."""

from collections.abc import Sequence
from itertools import compress

from expert.inference.advising import Advising
from expert.inference.arguing import Arguments, ArgumentTables
from expert.inference.asking import Asking
from expert.inference.causes import CauseTables
from expert.inference.forward_chaining import Derivation, ForwardChaining, MatcherName
from expert.inference.ground_rules import Derived
from expert.inference.outline import Outline, Outlining
from expert.inference.unverified import add_unverified
from expert.inference.urgency import UrgencyTables
from facts.assessment import (
    Assessment,
    CauseAssessed,
    Complaint,
    EvidenceCited,
    KnowledgeUsed,
)
from facts.case import Case
from knowledge_base.judging.judgement import Judge, Judgement, contradiction_key
from knowledge_base.model import KnowledgeBase
from reports.words.citations import citation, is_checked


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
        self.arguments = ArgumentTables(knowledge, self.judge, self.chaining.ground_rules)
        self.urgency = UrgencyTables(knowledge, self.judge)
        self.causes = CauseTables(knowledge, self.judge)
        self.advising = Advising(knowledge, self.judge)
        self.asking = Asking(knowledge, self.judge, self.urgency)
        self.outlining = Outlining(knowledge, self.judge, self.urgency)
        self.used = KnowledgeUsed(knowledge.title, knowledge.version, knowledge.hash)
        self.evidence = {
            key: EvidenceCited(key, citation(source), source.kind, is_checked(source))
            for key, source in knowledge.evidence.items()
        }
        self._rule_names = tuple(knowledge.rules)
        self._contradictions = [
            (self.judge.position[contradiction_key(name)], entry.because) for name, entry in knowledge.contradictions.items()
        ]

    def assess(self, case: Case) -> Assessment:
        """Assess one case. Raises ContradictoryCase when the knowledge base says that its answers exclude each other."""
        judgement = self.check(case)
        assessment = self.conclude(case, judgement)
        if not case.unverified:
            return assessment
        return add_unverified(assessment, case, judgement, self.judge, self.knowledge, self.arguments.sentence)

    def conclude(self, case: Case, judgement: Judgement) -> Assessment:
        """Assess one case that was checked, given its judgement."""
        values = case.values
        derivation = self.chaining.derive(values)
        fired = self._agreed(case, judgement, derivation)
        arguments = Arguments(self.arguments, case, values, judgement, derivation)
        signs = self.urgency.find_signs(judgement, arguments)
        plan = self.advising.plan(fired, derivation.level, arguments)
        steps = self.advising.advise(plan, arguments)
        verdict = self.urgency.verdicts.verdict(values, judgement)
        if verdict.level != derivation.level:
            raise _disagreement(case)
        found = self.causes.find(judgement, derivation.standings, arguments)
        causes = tuple([cause.assessed for cause in sorted(found, key=lambda cause: cause.place)])
        return Assessment(
            case=case.name,
            knowledge_base=self.used,
            complaint=self._complaint(judgement, causes, arguments),
            urgency=self.urgency.conclude(verdict, signs, steps, values, case.not_known),
            warning_signs=signs,
            causes=causes,
            next_steps=steps,
            steps_set_aside=self.advising.set_aside(plan),
            missing=self.asking.missing(verdict, found, values),
            unrecognized=case.unrecognized,
            findings=tuple([arguments.finding(name) for name in case.findings]),
            evidence=self._evidence(fired),
            record=case.record,
        )

    def outline(self, case: Case, judgement: Judgement) -> Outline:
        """Return where a case that was checked stands, without the argument; what it says is what `conclude` says."""
        return self.outlining.outline(case.values, judgement)

    def check(self, case: Case) -> Judgement:
        """Judge a case's conditions. Raises ContradictoryCase when its answers exclude each other."""
        judgement = self.judge(case.values)
        for position, because in self._contradictions:
            if judgement.true[position]:
                raise ContradictoryCase(because)
        return judgement

    def fired(self, case: Case) -> frozenset[str]:
        """Return the rules that fire, without saying why. Raises ContradictoryCase."""
        return self._fired(self.check(case))

    def _fired(self, judgement: Judgement) -> frozenset[str]:
        return frozenset(compress(self._rule_names, judgement.true[self.judge.rules]))

    def _agreed(self, case: Case, judgement: Judgement, derivation: Derivation) -> frozenset[str]:
        """Return the rules that fired. Raises Disagreement."""
        fired = frozenset(derivation.fired)
        # Every case is concluded twice, by the engine and by the meaning; a difference must never reach a patient.
        if fired != self._fired(judgement):
            raise _disagreement(case)
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

    def _evidence(self, fired: frozenset[str]) -> tuple[EvidenceCited, ...]:
        cited = {key for name in fired for key in self.knowledge.rules[name].sources}
        return tuple(entry for key, entry in self.evidence.items() if key in cited)


def _disagreement(case: Case) -> Disagreement:
    return Disagreement(f"case {case.name}: the engine and the meaning of the knowledge differ; please report this")
