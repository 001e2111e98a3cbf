"""Is the shipped knowledge proved clean, and do its invariants speak of everything that the base document asks for?

A statement that nothing can break would be worth nothing: faults are planted in the knowledge, and the proof must find them.
"""

import shutil
from pathlib import Path

import pytest

from expert.proofs.connectives import negation
from expert.proofs.formulas import Formulas
from expert.proofs.proving import Proof, Prover, certificate, prover
from expert.proofs.solver import STEPS, Decider
from expert.proofs.statements import PROPERTIES, invariant
from facts.vocabulary import QuantityFinding
from knowledge_base.conditions.expression import And, Named, Not, Or, Present, names_used
from knowledge_base.conditions.logic import evaluate, evaluate_named
from knowledge_base.invariants import Invariant
from knowledge_base.judging.thresholds import thresholds_of
from knowledge_base.loading import load_knowledge_base
from knowledge_base.loading.knowledge_files import SHIPPED
from knowledge_base.model import KnowledgeBase
from tests.knowledge.test_scope import CAUSES, SCOPE, WARNING_SIGNS

BENIGN = "benign_leg_cramps"
SIGNS, ELECTROLYTES, BENIGN_FILE = "warning_signs.yaml", "causes/electrolyte_hormonal.yaml", "causes/benign.yaml"
FAULTS = [
    # A condition that became narrower, a threshold that was moved, a level that was lowered, a negation that was dropped
    (
        SIGNS,
        "when: muscle_weakness and weakness_onset == sudden",
        "when: severe_pain and weakness_onset == sudden",
        "sudden-weakness-is-immediate",
    ),
    (SIGNS, "when: serum_potassium < 2.5\n", "when: serum_potassium < 2.0\n", "severe-hypokalemia-is-immediate"),
    (
        SIGNS,
        "when: spasm_in_arm or spasm_in_hand\n",
        "when: spasm_in_arm or spasm_in_thigh\n",
        "spasms-in-arms-or-torso-are-same-day",
    ),
    (
        SIGNS,
        "when: saddle_numbness or bladder_or_bowel_change or weakness_of_both_legs",
        "when: saddle_numbness and bladder_or_bowel_change or weakness_of_both_legs",
        "cauda-equina-is-immediate",
    ),
    (
        SIGNS,
        "when: sensory_loss and not sensory_loss_only_during_spasm",
        "when: sensory_loss and sensory_loss_only_during_spasm",
        "sensory-loss-outside-spasms-is-at-least-soon",
    ),
    (
        ELECTROLYTES,
        "when: ionized_calcium >= 1.17 and serum_calcium >= 1.9",
        "when: ionized_calcium >= 1.3 and serum_calcium >= 1.9",
        "hypocalcemia-is-ruled-out-by-the-calcium",
    ),
    # One sign that is missing in the list of those beside which cramps are not benign
    (BENIGN_FILE, " or severe_symptoms or", " or", "no-benign-verdict-beside-a-warning-sign"),
]


@pytest.fixture(scope="session")
def prove_again(knowledge: KnowledgeBase) -> Prover:
    return prover(knowledge)


@pytest.fixture(scope="session")
def proof(knowledge: KnowledgeBase, prove_again: Prover) -> Proof:
    return prove_again(knowledge)


def test_everything_is_proved_or_accepted_with_a_reason(proof: Proof) -> None:
    assert [str(outcome.problem) for outcome in proof.wrong] == []


def test_the_certificate_that_reports_cite_is_of_this_knowledge(proof: Proof, knowledge: KnowledgeBase) -> None:
    assert knowledge.certificate is not None, "the knowledge changed: make prove"
    assert knowledge.certificate.properties == certificate(knowledge, proof, STEPS).properties


def test_every_property_has_something_to_prove(proof: Proof) -> None:
    assert {outcome.statement.property for outcome in proof.outcomes} == set(PROPERTIES)


def test_nothing_is_accepted_that_no_proof_finds(proof: Proof) -> None:
    assert proof.idle == ()


# What the invariants speak of


@pytest.mark.parametrize("name", SCOPE)
def test_some_invariant_is_about_it(name: str, knowledge: KnowledgeBase) -> None:
    assert any(name in named(entry) for entry in knowledge.invariants.statements.values())


@pytest.mark.parametrize("sign", WARNING_SIGNS)
def test_some_invariant_demands_the_level_of_a_warning_sign_in_findings(sign: str, knowledge: KnowledgeBase) -> None:
    rank, least = knowledge.level_rank, WARNING_SIGNS[sign]
    assert any(
        entry.always == Named(sign)
        and entry.at_least is not None
        and rank[entry.at_least] >= rank[least]
        and entry.when is not None
        and not set(names_used(entry.when)) & set(knowledge.warning_signs)
        for entry in knowledge.invariants.statements.values()
    )


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause != BENIGN])
def test_some_invariant_says_when_a_cause_is_thought_of(cause: str, knowledge: KnowledgeBase) -> None:
    entries = knowledge.invariants.statements.values()
    assert any(set(entry.standing.get(cause, ())) & {"confirmed", "likely", "possible"} for entry in entries)


def test_no_patient_with_a_warning_sign_is_called_benign(knowledge: KnowledgeBase) -> None:
    entry = knowledge.invariants.statements["no-benign-verdict-beside-a-warning-sign"]
    # All but an old or small wound by itself, which is a sign to look at the tetanus vaccination.
    assert isinstance(entry.when, And)
    signs, *beside = entry.when.operands
    assert signs == Or(tuple(map(Named, knowledge.warning_signs)))
    # A wound is among what the question for a grave history asks, and so stands with it.
    assert beside == [Not(And((Present("other_grave_history"), Present("recent_dirty_wound"))))]
    assert set(entry.not_standing[BENIGN]) == {"confirmed", "likely", "possible"}


def test_every_quantity_of_the_laboratory_has_bands(knowledge: KnowledgeBase) -> None:
    measured = [
        "serum_potassium",
        "serum_magnesium",
        "serum_calcium",
        "serum_sodium",
        "tsh",
        "creatine_kinase",
        "blood_glucose",
    ]
    assert set(measured) <= set(knowledge.invariants.bands)
    assert all(isinstance(knowledge.vocabulary.findings[name], QuantityFinding) for name in knowledge.invariants.bands)


def test_quinine_is_only_ever_warned_of(knowledge: KnowledgeBase) -> None:
    """Whatever tells of quinine or tonic water warns of it, asks about it, or asks its prescriber."""
    told = {step.id: step.kind for step in knowledge.next_steps.values() if "quinine" in step.do or "tonic water" in step.do}
    assert "avoid-quinine" in told
    assert set(told.values()) <= {"avoid", "examination", "referral"}


def test_nobody_is_sent_to_hospital_now_and_told_that_there_is_time(knowledge: KnowledgeBase, prove_again: Prover) -> None:
    """A referral that says "now" stands beside no lower urgency, whatever else is known or unknown."""
    formulas, decider = reasoning(knowledge, prove_again)
    now = [step for step in knowledge.next_steps.values() if step.kind == "referral" and step.level == "immediate"]
    assert len(now) > 20
    for step in now:
        withheld = [formulas.true(step.unless)] if step.unless is not None else []
        broken = (formulas.fires(step.id), *map(negation, withheld), negation(formulas.urgency_at_least("immediate")))
        # A verdict, not the formulas, is compared: nobody waits for a solver's expression to be printed.
        found = decider(*broken)
        assert found == "impossible", (step.id, decider.witness(*broken) if found == "possible" else found)


# That faults are found


@pytest.mark.parametrize(("file", "right", "wrong", "caught_by"), FAULTS, ids=[fault[3] for fault in FAULTS])
def test_a_planted_fault_is_found(
    file: str, right: str, wrong: str, caught_by: str, tmp_path: Path, prove_again: Prover
) -> None:
    faulty = with_fault(tmp_path, file, right, wrong)
    formulas, decider = reasoning(faulty, prove_again)
    broken = [entry for entry in invariant(formulas) if entry.wanted == "impossible" and decider(*entry.formulas) == "possible"]
    assert caught_by in {entry.subject for entry in broken}
    # The patient who shows it meets the condition by the reference too.
    shown = next(entry for entry in broken if entry.subject == caught_by)
    values = decider.witness(*shown.formulas)
    when = faulty.invariants.statements[caught_by].when
    assert when is not None and evaluate(when, values, evaluate_named(faulty.conditions, values)) is True


# How they are read, and faults planted


def named(entry: Invariant) -> set[str]:
    trees = [tree for tree in (entry.when, entry.always, entry.never) if tree is not None]
    return {*entry.standing, *entry.not_standing, *(name for tree in trees for name in names_used(tree))}


def reasoning(knowledge: KnowledgeBase, prove_again: Prover) -> tuple[Formulas, Decider]:
    formulas = Formulas(knowledge, prove_again.patient)
    possible = [negation(formulas.contradictory)]
    return formulas, Decider(prove_again.patient, possible, thresholds_of(knowledge), remembered=prove_again.remembered)


def with_fault(folder: Path, file: str, right: str, wrong: str) -> KnowledgeBase:
    """Load the shipped knowledge with one passage of it, which must be there once, replaced."""
    copy = shutil.copytree(SHIPPED, folder / "faulty", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    text = (copy / file).read_text(encoding="utf-8")
    assert text.count(right) == 1
    (copy / file).write_text(text.replace(right, wrong), encoding="utf-8")
    return load_knowledge_base(copy)
