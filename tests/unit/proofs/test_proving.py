"""Every kind of fault that a proof finds, in a small knowledge base, with the witness that shows it."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from expert.inference.assessing import Assessor
from expert.proofs.proving import Proof, certificate, prove
from expert.proofs.solver import plain_number
from facts.problems import CharleyError
from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase
from tests.small_knowledge import case, choice, load, quantity, yes_no

FINDINGS = {
    **{name: yes_no(name) for name in ("a", "b", "c")},
    "x": quantity("x"),
    "onset": choice("onset", "gradual", "sudden", requires="a"),
}
CAUSE: Mapping[str, Any] = {"illness": {"supports": {"plain": ("a", "weak")}}}


def based_on(folder: Path, **parts: Any) -> KnowledgeBase:
    invariants = parts.pop("invariants", {})
    complaint = parts.pop("complaint", None)
    more: dict[str, Any] = {"invariants.yaml": invariants} if invariants else {}
    if complaint:
        manifest = {"title": "Test", "version": "1", "categories": ["some"]}
        more["knowledge.yaml"] = {**manifest, "complaint": {"label": "a cramp", "definition": complaint}}
    return load(folder, FINDINGS, **{"causes": CAUSE, **parts}, more=more)


def wrong(proof: Proof) -> dict[tuple[str, str], tuple[Mapping[str, Value], ...]]:
    return {(outcome.statement.property, outcome.statement.subject): outcome.witnesses for outcome in proof.wrong}


def fired(knowledge: KnowledgeBase, values: Mapping[str, Value]) -> set[str]:
    """Return the rules that experta fires; assessing compares them with the meaning."""
    assessor = Assessor(knowledge)
    assessor.assess(case(values))
    return set(assessor.chaining.derive(values).fired)


def test_a_sound_knowledge_base_has_nothing_wrong(tmp_path: Path) -> None:
    knowledge = based_on(tmp_path, signs={"danger": {"danger-b": ("b", "high")}})
    proof = prove(knowledge)
    assert not proof.wrong and not proof.idle
    found = {outcome.statement.property for outcome in proof.outcomes}
    assert found == {"dead", "never_unsaid", "monotone", "conflict", "looked_for", "screened"}


DEAD: Mapping[str, dict[str, Any]] = {
    "impossible-together": {"signs": {"danger": {"impossible-together": ("x < 1 and x > 2", "high")}}},
    "two-onsets": {"signs": {"danger": {"two-onsets": ("onset == sudden and onset == gradual", "high")}}},
    "without-parent": {"signs": {"danger": {"without-parent": ("onset == sudden and not a", "high")}}},
    "outside-the-range": {"signs": {"danger": {"outside-the-range": ("x > 10", "high")}}},
    "contradicted": {
        "signs": {"danger": {"contradicted": ("a and b", "high")}},
        "contradictions": {"not-both": "a and b"},
    },
}


@pytest.mark.parametrize("rule", DEAD)
def test_a_rule_that_no_patient_can_reach_is_dead(rule: str, tmp_path: Path) -> None:
    found = wrong(prove(based_on(tmp_path, **DEAD[rule])))
    assert found[("dead", rule)] == ()
    assert found[("dead", "danger")] == ()


def test_a_definition_that_always_or_never_holds_is_dead(tmp_path: Path) -> None:
    definitions = {"always": "a or not a", "never": "b and not b"}
    steps = {"step": "always or never"}
    found = wrong(prove(based_on(tmp_path, definitions=definitions, steps=steps)))
    assert {subject for kind, subject in found if kind == "dead"} == {"always", "never"}


def test_rules_that_fire_alike_are_duplicates(tmp_path: Path) -> None:
    causes = {"illness": {"supports": {"one": ("not (a or b)", "weak"), "two": ("not a and not b", "weak")}}}
    proof = prove(based_on(tmp_path, causes=causes))
    (outcome,) = proof.wrong
    assert outcome.statement.subject == "two"
    assert "fires exactly when one does" in outcome.problem.message
    assert outcome.problem.place.file.endswith("causes/some.yaml") and outcome.problem.place.line


def test_a_warning_implied_by_one_to_the_same_effect_is_redundant_and_by_a_higher_one_shadowed(tmp_path: Path) -> None:
    signs = {
        "same": {"wide": ("a or b", "high"), "narrow": ("b", "high")},
        "higher": {"any": ("a or b", "high"), "less": ("b", "low")},
        "lower": {"first": ("a or b", "low"), "more": ("b", "high")},
    }
    found = wrong(prove(based_on(tmp_path, signs=signs)))
    assert set(found) == {("redundant", "narrow"), ("shadowed", "less")}


def test_an_argument_that_weighs_only_where_another_decides_is_shadowed(tmp_path: Path) -> None:
    causes = {"illness": {"supports": {"weighs": ("a and b", "strong"), "other": ("c", "weak")}, "confirms": {"decides": "b"}}}
    assert set(wrong(prove(based_on(tmp_path, causes=causes)))) == {("shadowed", "weighs")}


def test_a_cause_both_confirmed_and_excluded_has_a_patient_who_shows_it(tmp_path: Path) -> None:
    causes = {"illness": {"confirms": {"measured": "x < 3"}, "excludes": {"normal": "x > 2 and b"}}}
    knowledge = based_on(tmp_path, causes=causes)
    ((key, (witness,)),) = wrong(prove(knowledge)).items()
    assert key == ("conflict", "illness")
    assert witness == {"b": True, "x": 2.5}
    assert fired(knowledge, witness) == {"measured", "normal"}
    (cause,) = Assessor(knowledge).assess(case(witness)).causes
    assert cause.standing == "both"


def test_conditions_declared_exclusive_that_hold_together_are_shown(tmp_path: Path) -> None:
    knowledge = based_on(
        tmp_path,
        definitions={"low": "x < 3", "high": "x > 2"},
        steps={"step": "low or high"},
        invariants={"exclusive": {"levels": ["low", "high"]}},
    )
    found = wrong(prove(knowledge))
    assert found == {("exclusive", "levels"): ({"x": 2.5},)}


@pytest.mark.parametrize(
    ("bands", "faulty"),
    [
        (["x < 3", "x > 3"], 3.0),
        (["x < 2", "2 < x < 3", "x >= 3"], 2.0),
        (["x <= 3", "x >= 3"], 3.0),
        (["x < 3", "3 <= x"], None),
    ],
)
def test_bands_have_no_gap_and_no_overlap(bands: list[str], faulty: float | None, tmp_path: Path) -> None:
    found = wrong(prove(based_on(tmp_path, invariants={"bands": {"x": bands}})))
    assert found == ({} if faulty is None else {("band", "x"): ({"x": faulty},)})


def test_a_patient_of_whom_nothing_is_said_is_shown(tmp_path: Path) -> None:
    knowledge = based_on(tmp_path, definitions={"cramp": "b"}, complaint="cramp", steps={"step": "c and a"})
    ((key, (witness,)),) = wrong(prove(knowledge)).items()
    assert key == ("gap", "cramp")
    assert witness == {"a": False, "b": True}
    assert fired(knowledge, witness) == set()


@pytest.mark.parametrize(
    ("finding", "order", "signs", "before", "after"),
    [
        ("b", ["no", "yes"], {"danger": {"danger-b": ("not b", "high")}}, False, True),
        ("x", "higher", {"danger": {"danger-x": ("2 < x < 3", "high")}}, 2.5, None),
        ("x", "lower", {"danger": {"danger-x": ("x > 3", "middle")}}, None, None),
        ("onset", ["gradual", "sudden"], {"danger": {"danger-o": ("onset == gradual", "high")}}, "gradual", "sudden"),
    ],
)
def test_a_worsening_that_lowers_the_urgency_is_shown_before_and_after(
    finding: str, order: Any, signs: Any, before: Value | None, after: Value | None, tmp_path: Path
) -> None:
    knowledge = based_on(tmp_path, signs=signs, invariants={"worse": {finding: order}})
    ((key, (first, second)), *_) = wrong(prove(knowledge)).items()
    assert key == ("monotone", finding)
    assert before is None or first[finding] == before
    assert after is None or second[finding] == after
    rank, assessor = knowledge.level_rank, Assessor(knowledge)
    levels = [rank[assessor.assess(case(values)).urgency.level] for values in (first, second)]
    assert levels[0] > levels[1]
    if isinstance(order, str):
        assert (second[finding] > first[finding]) is (order == "higher")  # type: ignore[operator]


INVARIANTS: Mapping[str, tuple[dict[str, Any], str, dict[str, Value] | None]] = {
    "at-least": ({"when": "a", "at_least": "high"}, "can be below high", {"a": True}),
    "always": ({"when": "x < 3", "always": "b"}, "can fail", {"x": 2.0}),
    "never": ({"never": "danger and c"}, "forbids can be", {"b": True, "c": True}),
    "standing": ({"when": "b", "standing": {"illness": ["good"]}}, "another standing than good", {"b": True}),
    "not-standing": ({"not_standing": {"illness": ["poor", "fair"]}}, "can be poor or fair", {"a": True}),
    "advises": ({"when": "c", "advises": ["step"]}, "may not be advised", {"c": True}),
    "empty": ({"when": "a and not a", "always": "b"}, "no patient meets its condition", None),
}


@pytest.mark.parametrize("name", INVARIANTS)
def test_an_invariant_that_does_not_hold_has_a_patient_who_shows_it(name: str, tmp_path: Path) -> None:
    entry, told, witness = INVARIANTS[name]
    knowledge = based_on(
        tmp_path,
        signs={"danger": {"danger-b": ("b", "high")}},
        steps={"step": "c and a"},
        invariants={"invariants": {name: {"says": "It is so.", **entry}}},
    )
    (outcome,) = prove(knowledge).wrong
    assert told in outcome.problem.message and "It is so." in outcome.problem.message
    assert outcome.witnesses == (() if witness is None else (witness,))
    for values in outcome.witnesses:
        fired(knowledge, values)


def test_invariants_that_hold_are_proved(tmp_path: Path) -> None:
    invariants = {
        "danger-is-high": {"says": "S.", "when": "danger", "at_least": "high"},
        "never-both": {"says": "S.", "never": "x < 1 and x > 2"},
        "poor-at-most": {"says": "S.", "not_standing": {"illness": ["proved", "good", "fair"]}},
    }
    signs = {"danger": {"danger-b": ("b", "high")}}
    assert not prove(based_on(tmp_path, signs=signs, invariants={"invariants": invariants})).wrong


def test_what_is_accepted_does_not_fail_and_an_idle_acceptance_is_told(tmp_path: Path) -> None:
    causes = {"illness": {"confirms": {"measured": "x < 3"}, "excludes": {"normal": "x > 2"}}}
    accepted = {"conflict": {"illness": "Two tests differ."}, "redundant": {"measured": "It is not."}}
    knowledge = based_on(tmp_path, causes=causes, invariants={"accepted": accepted})
    proof = prove(knowledge)
    assert not proof.wrong
    assert [entry.subject for entry in proof.idle] == ["measured"]
    assert certificate(knowledge, proof, 1).properties["conflict"].accepted == 1


def test_what_z3_cannot_decide_is_undecided_and_never_proved(tmp_path: Path) -> None:
    proof = prove(based_on(tmp_path, signs={"danger": {"danger-b": ("b and x < 3", "high")}}), steps=1)
    decisions = {outcome.decision for outcome in proof.outcomes}
    assert "undecided" in decisions and "failed" not in decisions
    assert all("undecided" in outcome.problem.message for outcome in proof.wrong)


def test_a_certificate_is_read_for_its_own_knowledge_only(tmp_path: Path) -> None:
    knowledge = based_on(tmp_path)
    (tmp_path / "certificate.json").write_text(
        json.dumps(asdict(certificate(knowledge, prove(knowledge), 1))), encoding="utf-8"
    )
    again = based_on(tmp_path)
    assert again.certificate is not None and again.certificate.properties["dead"].proved == 2
    assert based_on(tmp_path, steps={"step": "a"}).certificate is None
    (tmp_path / "certificate.json").write_text("{", encoding="utf-8")
    assert based_on(tmp_path).certificate is None


WRONG_NAMES: Mapping[str, tuple[dict[str, Any], str]] = {
    "a level": ({"invariants": {"i": {"says": "S.", "at_least": "higg"}}}, "higg is not a level of urgency; did you mean high"),
    "a cause": ({"invariants": {"i": {"says": "S.", "standing": {"ilness": ["good"]}}}}, "did you mean illness"),
    "a standing": ({"invariants": {"i": {"says": "S.", "standing": {"illness": ["god"]}}}}, "god is not a standing"),
    "a step": ({"invariants": {"i": {"says": "S.", "advises": ["nothing"]}}}, "nothing is not a next step"),
    "a finding": ({"bands": {"z": ["a", "b"]}}, "z is not a finding"),
    "a condition": ({"invariants": {"i": {"says": "S.", "always": "aa"}}}, "the name aa is not known"),
    "an order": ({"worse": {"x": ["no", "yes"]}}, "no order of the values of x"),
    "nothing said": ({"invariants": {"i": {"says": "S."}}}, "say what holds"),
}


@pytest.mark.parametrize("name", WRONG_NAMES)
def test_a_wrong_name_in_the_invariants_is_told_with_its_place(name: str, tmp_path: Path) -> None:
    content, told = WRONG_NAMES[name]
    with pytest.raises(CharleyError) as error:
        based_on(tmp_path, invariants=content)
    assert told in str(error.value) and "invariants.yaml:" in str(error.value)


def test_the_plainest_number_lies_to_every_threshold_as_the_given_one() -> None:
    assert plain_number(2.37, [2, 3], (0, 10)) == 2.5
    assert plain_number(2.0, [2, 3], (0, 10)) == 2.0
    assert plain_number(7.123, [2, 3], (0, 10)) == 6.0
    assert plain_number(0.001, [0.002], (0, 10)) == 0.001
