"""Every fault of a plan or an interview that a proof finds, in a small knowledge base, with the patient who shows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from expert.inference.assessing import Assessor
from expert.proofs.proving import Proof, prove
from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import case, load, yes_no

FINDINGS = {name: yes_no(name) for name in ("a", "b", "c")}
DRINK = {"label": "drinking", "directions": ["give", "withhold"]}
DANGER_OF_A = {"danger": {"danger-a": ("a", "high")}}
CALL = {"call": {"kind": "referral", "when": "a", "level": "high"}}


def based_on(
    folder: Path, steps: Mapping[str, Any], *, invariants: Any = None, always: Any = ("a",), dangers: Any = None, **parts: Any
) -> KnowledgeBase:
    entries = {
        name: {"kind": "advice", "do": f"Do {name}.", "because": "So.", "source": "book", **entry}
        for name, entry in steps.items()
    }
    screen = {"label": "All", "lead_in": "Which?", "by": "history", "ask": [*FINDINGS]}
    more = {
        "plan.yaml": {"topics": {"drink": DRINK}},
        "interview.yaml": {"opening": ["all"], "screens": {"all": screen}, "always": [*always]},
        **({"next_steps/more.yaml": {"next_steps": entries}} if entries else {}),
        **({"invariants.yaml": invariants} if invariants else {}),
        **({"warning_signs.yaml": signs_of(**dangers)} if dangers else {}),
    }
    return load(folder, FINDINGS, more=more, **parts)


def wrong(proof: Proof) -> dict[tuple[str, str], tuple[Mapping[str, Value], ...]]:
    return {(outcome.statement.property, outcome.statement.subject): outcome.witnesses for outcome in proof.wrong}


def shown(knowledge: KnowledgeBase, values: Mapping[str, Value]) -> set[str]:
    """Return the steps that a patient's report shows."""
    return {step.id for step in Assessor(knowledge).assess(case(values)).next_steps}


def signs_of(**rules: Any) -> dict[str, Any]:
    """Return a file of one warning sign with rules that are looked for: {rule: (condition, look_for)}."""
    entries = {
        name: {
            "when": when,
            "level": "high",
            "because": "So.",
            "source": "book",
            **({"look_for": look_for} if look_for else {}),
        }
        for name, (when, look_for) in rules.items()
    }
    return {"warning_signs": {"danger": {"label": "danger", "level": "high", "rules": entries}}}


# What is told


GIVE: dict[str, Any] = {"when": "a", "topics": {"drink": "give"}}
WITHHOLD: dict[str, Any] = {"when": "b", "topics": {"drink": "withhold"}}
CHOKING = {"guards": {"choking": {"says": "Nobody who chokes drinks.", "when": "c", "never": {"drink": "give"}}}}


def test_two_directions_of_one_topic_have_a_patient_who_is_told_both(tmp_path: Path) -> None:
    knowledge = based_on(tmp_path, {"give": GIVE, "hold": WITHHOLD})
    ((fault, (witness,)),) = wrong(prove(knowledge)).items()
    assert fault == ("contradiction", "give hold")
    assert shown(knowledge, witness) == {"give", "hold"}


def test_a_step_that_yields_to_its_contrary_contradicts_nothing(tmp_path: Path) -> None:
    assert not wrong(prove(based_on(tmp_path, {"give": {**GIVE, "unless": "b"}, "hold": WITHHOLD})))


def test_what_a_guard_forbids_has_a_patient_who_is_told_it(tmp_path: Path) -> None:
    knowledge = based_on(tmp_path, {"give": GIVE}, invariants=CHOKING)
    ((fault, (witness,)),) = wrong(prove(knowledge)).items()
    assert fault == ("guard", "choking")
    assert witness["c"] is True and shown(knowledge, witness) == {"give"}


def test_a_guard_holds_where_the_step_is_set_aside_and_one_that_no_step_can_break_is_told(tmp_path: Path) -> None:
    assert not wrong(prove(based_on(tmp_path / "held", {"give": {**GIVE, "unless": "c"}}, invariants=CHOKING)))
    assert wrong(prove(based_on(tmp_path / "idle", {"hold": WITHHOLD}, invariants=CHOKING))) == {("guard", "choking"): ()}


def test_a_danger_without_an_action_of_its_own_has_a_patient_who_is_told_nothing(tmp_path: Path) -> None:
    knowledge = based_on(tmp_path, {}, signs=DANGER_OF_A)
    ((fault, (witness,)),) = wrong(prove(knowledge)).items()
    assert fault == ("first_action", "danger-a")
    assert Assessor(knowledge).assess(case(witness)).urgency.level == "high" and not shown(knowledge, witness)


@pytest.mark.parametrize("faulty", [{"level": "middle"}, {"kind": "examination"}, {"when": "b"}, {"unless": "b"}], ids=str)
def test_a_first_action_that_waits_or_is_none_or_is_about_something_else_does_not_count(
    faulty: dict[str, str], tmp_path: Path
) -> None:
    assert not wrong(prove(based_on(tmp_path / "right", CALL, signs=DANGER_OF_A)))
    found = wrong(prove(based_on(tmp_path / "faulty", {"call": {**CALL["call"], **faulty}}, signs=DANGER_OF_A)))
    assert set(found) == {("first_action", "danger-a")}


# What is asked

CALL_FOR_ANY = {"call": {"kind": "referral", "when": "a or b or c", "level": "high"}}


def missed(knowledge: KnowledgeBase, known: Mapping[str, Value], danger: str) -> bool:
    """Return whether an interview that got to know this is over, though a danger may be so."""
    assessor = Assessor(knowledge)
    found = assessor.assess(case(known))
    is_over = found.urgency.decided and danger not in {entry.id for entry in found.missing}
    return is_over and assessor.assess(case({**known, danger: True})).urgency.level == "high"


def test_a_danger_that_is_looked_for_only_with_cause_has_a_patient_who_is_not_asked(tmp_path: Path) -> None:
    knowledge = based_on(tmp_path, CALL_FOR_ANY, dangers={"danger-b": ("b", "a")})
    ((fault, (witness,)),) = wrong(prove(knowledge)).items()
    assert fault == ("screened", "danger")
    assert missed(knowledge, witness, "b")


def test_a_danger_that_everybody_is_asked_for_or_that_is_accepted_with_a_reason_is_no_fault(tmp_path: Path) -> None:
    assert not wrong(prove(based_on(tmp_path / "asked", CALL_FOR_ANY, dangers={"danger-b": ("b", None)})))
    accepted = {"accepted": {"screened": {"danger": "Without a nobody has b."}}}
    knowledge = based_on(tmp_path / "accepted", CALL_FOR_ANY, dangers={"danger-b": ("b", "a")}, invariants=accepted)
    assert not wrong(prove(knowledge))


def test_a_cause_to_look_for_a_danger_that_nobody_is_asked_for_has_a_patient(tmp_path: Path) -> None:
    dangers = {"danger-c": ("c", "b")}
    knowledge = based_on(tmp_path / "faulty", CALL_FOR_ANY, dangers=dangers)
    found = wrong(prove(knowledge))
    assert set(found) == {("looked_for", "danger-c"), ("screened", "danger")}
    (witness,) = found["looked_for", "danger-c"]
    assert missed(knowledge, {**witness, "b": True}, "c") is False and missed(knowledge, witness, "c")
    asked_of_everybody = based_on(tmp_path / "right", CALL_FOR_ANY, dangers=dangers, always=("a", "b"))
    assert ("looked_for", "danger-c") not in wrong(prove(asked_of_everybody))


def test_a_question_that_an_invariant_promises_and_no_danger_asks_has_a_patient(tmp_path: Path) -> None:
    promised = {"invariants": {"b-is-asked": {"says": "Whoever has a is asked for b.", "when": "a", "asks": {"high": ["b"]}}}}
    found = wrong(prove(based_on(tmp_path / "faulty", {}, invariants=promised)))
    assert found == {("asked", "b-is-asked"): ({"a": True},)}
    dangers = {"danger-b": ("b", "a")}
    asked = wrong(prove(based_on(tmp_path / "right", CALL_FOR_ANY, invariants=promised, dangers=dangers)))
    assert ("asked", "b-is-asked") not in asked
