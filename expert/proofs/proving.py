"""Proving a knowledge base: every statement decided for all possible patients, with a witness for each that fails."""

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal, TypeAlias

from expert.proofs.connectives import negation
from expert.proofs.formulas import Formulas, Patient
from expert.proofs.solver import STEPS, Decider, Remembered, z3_version
from expert.proofs.statement import Statement
from expert.proofs.statements import PROPERTIES, statements
from facts.answers import write_answer
from facts.case import Observed
from facts.problems import Problem
from facts.vocabulary import Finding, Value
from knowledge_base.declarations import CertificateCount, CertificateFile
from knowledge_base.invariants import Accepted
from knowledge_base.judging.thresholds import thresholds_of
from knowledge_base.model import KnowledgeBase

Decision: TypeAlias = Literal["proved", "failed", "undecided", "accepted"]


@dataclass(frozen=True)
class Outcome:
    """What came of one statement; the witnesses (one patient, or one before and after) show why it fails."""

    statement: Statement
    decision: Decision
    witnesses: tuple[Mapping[str, Value], ...] = ()

    @property
    def problem(self) -> Problem:
        """What is wrong, and where."""
        if self.decision == "undecided":
            told = f"undecided: {self.statement.property} of {self.statement.subject} (it would fail if {self.statement.says})"
            return Problem(self.statement.place, told, "allow more steps")
        return Problem(self.statement.place, self.statement.says, self.statement.fix)


@dataclass(frozen=True)
class Proof:
    """All outcomes, and what was accepted although nothing of the kind was found."""

    outcomes: tuple[Outcome, ...]
    idle: tuple[Accepted, ...]
    seconds: float

    @property
    def wrong(self) -> tuple[Outcome, ...]:
        """The statements that fail or are undecided."""
        return tuple(outcome for outcome in self.outcomes if outcome.decision in ("failed", "undecided"))


# Without its own text: that would write out every formula.
@dataclass(frozen=True, repr=False)
class Prover:
    """Proves knowledge bases that speak one vocabulary; a question that was decided for one is not asked again for another."""

    patient: Patient
    remembered: Remembered
    steps: int = STEPS

    def __call__(
        self,
        knowledge: KnowledgeBase,
        progress: Callable[[str], None] = lambda kind: None,
        *,
        witnesses: bool = True,
        without: Collection[str] = (),
    ) -> Proof:
        """Decide every statement, but for those of the properties `without`; `progress` is told the property at hand."""
        began = time.perf_counter()
        formulas = Formulas(knowledge, self.patient)
        possible = [negation(formulas.contradictory)]
        decider = Decider(self.patient, possible, thresholds_of(knowledge), self.steps, self.remembered)
        reasons = {(accepted.property, accepted.subject): accepted for accepted in knowledge.invariants.accepted}
        met: set[tuple[str, str]] = set()
        outcomes: list[Outcome] = []
        for kind, listed in groupby(statements(formulas, without), attrgetter("property")):
            progress(kind)
            for given, several in groupby(listed, attrgetter("given")):
                among, deciding = list(several), decider.given(given)
                if given:
                    # Much is common to them, and most hold: they are decided together.
                    deciding.ask_together([one.formulas for one in among if one.wanted == "impossible"])
                outcomes += [_decided(statement, deciding, reasons, met, witnesses=witnesses) for statement in among]
        idle = tuple(accepted for key, accepted in reasons.items() if key not in met)
        return Proof(tuple(outcomes), idle, time.perf_counter() - began)


def prover(knowledge: KnowledgeBase, steps: int = STEPS) -> Prover:
    """Make a prover for knowledge bases with the vocabulary of this one."""
    return Prover(Patient(knowledge.vocabulary.findings), {}, steps)


def prove(knowledge: KnowledgeBase, steps: int = STEPS, progress: Callable[[str], None] = lambda kind: None) -> Proof:
    """Prove one knowledge base. `steps` bounds the effort for one statement; beyond, it is undecided."""
    return prover(knowledge, steps)(knowledge, progress)


def _decided(
    statement: Statement,
    decider: Decider,
    reasons: Mapping[tuple[str, str], Accepted],
    met: set[tuple[str, str]],
    *,
    witnesses: bool,
) -> Outcome:
    answer = decider(*statement.formulas)
    if answer in (statement.wanted, "undecided"):
        return Outcome(statement, "proved" if answer == statement.wanted else "undecided")
    key = (statement.property, statement.subject)
    if key in reasons:
        met.add(key)
        return Outcome(statement, "accepted")
    if not witnesses or answer == "impossible":
        return Outcome(statement, "failed")
    if statement.second is not None:
        return Outcome(statement, "failed", decider.two_witnesses(*statement.second, *statement.formulas))
    return Outcome(statement, "failed", (decider.witness(*statement.formulas),))


def certificate(knowledge: KnowledgeBase, proof: Proof, steps: int) -> CertificateFile:
    """Say what was proved of which knowledge, by what."""
    counts: dict[str, CertificateCount] = {}
    for kind in PROPERTIES:
        decisions = [outcome.decision for outcome in proof.outcomes if outcome.statement.property == kind]
        counts[kind] = CertificateCount(
            statements=len(decisions),
            proved=decisions.count("proved"),
            failed=decisions.count("failed"),
            undecided=decisions.count("undecided"),
            accepted=decisions.count("accepted"),
        )
    return CertificateFile(
        knowledge_base=knowledge.title,
        version=knowledge.version,
        hash=knowledge.hash,
        z3=z3_version(),
        steps=steps,
        seconds=round(proof.seconds, 1),
        properties=counts,
        accepted=[
            {"property": accepted.property, "subject": accepted.subject, "reason": accepted.reason}
            for accepted in knowledge.invariants.accepted
        ],
    )


def witness_file(outcome: Outcome, number: int, findings: Mapping[str, Finding]) -> Any:
    """Return the case, or cases, that show why a statement fails, as a case file holds them."""
    statement = outcome.statement
    note = f"{statement.place}: {statement.says}"
    cases = [
        {
            "case": name,
            "note": note,
            "findings": {one: write_answer(findings[one], Observed(value)) for one, value in values.items()},
        }
        for name, values in zip(_names(outcome, number), outcome.witnesses, strict=True)
    ]
    return cases[0] if len(cases) == 1 else cases


def _names(outcome: Outcome, number: int) -> list[str]:
    name = f"{number:03} {outcome.statement.property} {outcome.statement.subject}"
    return [name] if len(outcome.witnesses) == 1 else [f"{name} before", f"{name} after"]
