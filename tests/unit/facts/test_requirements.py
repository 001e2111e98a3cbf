"""What a finding requires behaves in one way through every way in: both answers are named, and neither is overturned.

The patient is the same each time: no weakness, and yet a weakness that began suddenly.
"""

from pathlib import Path

import pytest

from expert.consultation.answer_log import AnswerRefused
from expert.consultation.explaining import why
from expert.consultation.moments import Consultation
from expert.consultation.what_if import what_if
from expert.inference.assessing import Assessor
from expert.proofs.counterfactuals import Counterfactuals
from facts.intake.case_files import read_case_files
from facts.intake.tables.columns import read_part
from facts.intake.tables.opening import open_table
from facts.requirements import closed_by, denied_requirements, implied, revise
from facts.vocabulary import Value
from knowledge_base.model import KnowledgeBase
from reports.words.explaining import explain
from tests.fhir_samples import concept, condition, notes, observation, one
from tests.small_knowledge import case, choice, load, yes_no

AT = "2026-01-01T00:00:00+00:00"
FINDINGS = {
    "weakness": yes_no("weakness", codes={"SNOMED CT": "26544005"}),
    "onset": choice("onset", "sudden", "gradual", requires="weakness", answer_codes={"sudden": {"SNOMED CT": "1"}}),
    "weak_arm": yes_no("weak_arm", requires="weakness"),
    "arm_onset": choice("arm_onset", "sudden", "gradual", requires="weak_arm"),
    "fever": yes_no("fever"),
}


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> KnowledgeBase:
    signs = {
        "stroke": {"sudden": ("onset == sudden or arm_onset == sudden", "high")},
        "weak": {"weak": ("weakness and fever", "middle")},
    }
    return load(tmp_path_factory.mktemp("requirements"), FINDINGS, signs=signs)


@pytest.fixture(scope="module")
def consultation(knowledge: KnowledgeBase) -> Consultation:
    return Consultation(Assessor(knowledge))


# The six ways in


def test_a_case_file_refuses_the_case_with_both_places(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "cases.yaml"
    path.write_text("case: p\nfindings:\n  weakness: no\n  onset: sudden\n", encoding="utf-8")
    intake = read_case_files([path], knowledge.vocabulary, knowledge.dictionary)
    assert not intake.cases
    (problem,) = intake.refusals[0].problems
    assert str(problem.place) == f"{path}:4:10"
    assert f"weakness is no ({path}:3:13), but onset is sudden ({path}:4:10)" in problem.message


def test_a_table_refuses_the_row_with_both_columns(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    path = tmp_path / "cohort.csv"
    path.write_text("case,weakness,onset\ngood,yes,sudden\nimplied,,sudden\nbad,no,sudden\n", encoding="utf-8")
    table = open_table(path, knowledge.vocabulary)
    part = read_part(table, 0, 3, knowledge.vocabulary, knowledge.dictionary, frozenset())
    assert part.cases.select("case", "weakness", "onset").rows() == [("good", True, "sudden"), ("implied", True, "sudden")]
    assert part.refused.select("row", "column", "value").rows() == [(3, "onset", "sudden")]
    assert "weakness is no (column weakness), but onset is sudden (column onset)" in part.refused["reason"].item()


def test_a_record_uses_neither_and_names_both_resources(knowledge: KnowledgeBase) -> None:
    denied = observation(concept("SNOMED CT", "26544005"), valueBoolean=False, id="strong")
    read = one([denied, condition("SNOMED CT", "1", id="stroke")], knowledge)
    assert read.findings == {} and read.record is not None and read.record.used == 0
    both = "weakness is no (Observation/strong, 2026-03-01), but onset is sudden (Condition/stroke, since 2026-02-01)"
    assert list(notes(read).values()) == [f"{both}; so neither counts"] * 2


def test_an_answer_is_refused_with_the_one_that_it_contradicts_and_how_to_change_that(consultation: Consultation) -> None:
    log, before = consultation.answered((), "p", "all", {"weakness": False}, AT)
    with pytest.raises(AnswerRefused) as refused:
        consultation.changed(log, "p", {"onset": "sudden"}, AT)
    assert "weakness is no, but onset is sudden; if weakness is yes after all, change that answer too" in str(refused.value)
    assert before.told.case.values == {"weakness": False}
    _, after = consultation.changed(log, "p", {"weakness": "yes", "onset": "sudden"}, AT)
    assert after.told.case.values == {"weakness": True, "onset": "sudden"}


def test_what_if_refuses_an_answer_that_contradicts_another_and_offers_both(consultation: Consultation) -> None:
    _, moment = consultation.answered((), "p", "all", {"weakness": False}, AT)

    def told(answer: object) -> list[str]:
        return [line.plain() for line in explain(answer, consultation.knowledge)]

    assert told(what_if(moment, {"onset": "sudden"}, consultation)) == [
        "This contradicts an answer: weakness is no, but onset is sudden (supposed).",
        "To suppose both changes, ask: what if weakness=yes, onset=sudden",
    ]
    assert "urgency low → high" in "\n".join(told(what_if(moment, {"weakness": True, "onset": "sudden"}, consultation)))
    assert "contradicts an answer: weakness is no, but onset is sudden" in "\n".join(told(why(moment, "onset", consultation)))


@pytest.mark.parametrize(
    ("values", "raised_by"),
    [
        ({"weakness": False, "fever": True}, []),
        ({"weakness": True, "weak_arm": False}, [frozenset({"onset"}), frozenset({"fever"})]),
        ({"weakness": True, "onset": "gradual", "weak_arm": False}, [frozenset({"fever"})]),
        ({"fever": True}, [frozenset({"onset"}), frozenset({"arm_onset"}), frozenset({"weakness"}), frozenset({"weak_arm"})]),
    ],
)
def test_a_counterfactual_never_proposes_an_answer_that_contradicts_another(
    values: dict[str, Value], raised_by: list[frozenset[str]], knowledge: KnowledgeBase
) -> None:
    found = Counterfactuals(Assessor(knowledge))(case(values))
    assert {frozenset(change.finding for change in way.changes) for way in found.raise_urgency} == set(raised_by)


def test_a_counterfactual_closes_what_requires_a_finding_that_it_denies(knowledge: KnowledgeBase) -> None:
    values = {"weakness": True, "onset": "sudden", "weak_arm": True, "arm_onset": "sudden", "fever": False}
    found = Counterfactuals(Assessor(knowledge))(case(values))
    assert [{change.finding for change in way.changes} for way in found.lower_urgency] == [{"weakness"}]


# What they share


@pytest.mark.parametrize(
    ("values", "pairs"),
    [
        ({"weakness": False, "onset": "sudden"}, [("onset", "weakness")]),
        ({"weakness": False, "arm_onset": "sudden"}, [("arm_onset", "weakness")]),
        ({"weakness": False, "weak_arm": False, "arm_onset": "sudden"}, [("arm_onset", "weak_arm")]),
        ({"weakness": False, "weak_arm": False}, []),
        ({"onset": "sudden"}, []),
    ],
)
def test_a_value_contradicts_the_nearest_no_above_it(
    values: dict[str, Value], pairs: list[tuple[str, str]], knowledge: KnowledgeBase
) -> None:
    found = denied_requirements(values, knowledge.vocabulary.findings)
    assert [(one.finding, one.denied) for one in found] == pairs


def test_a_value_implies_everything_above_it_and_a_no_implies_nothing(knowledge: KnowledgeBase) -> None:
    findings = knowledge.vocabulary.findings
    assert implied({"arm_onset": "sudden"}, findings) == {"weak_arm": "arm_onset", "weakness": "weak_arm"}
    assert implied({"weak_arm": False}, findings) == {}


@pytest.mark.parametrize(
    ("said", "unknown", "closed"),
    [
        ({"weakness": False}, (), {"onset", "arm_onset", "weak_arm"}),
        ({}, ("weakness",), {"onset", "arm_onset", "weak_arm"}),
        ({"weak_arm": False}, (), {"arm_onset"}),
        # An answer that comes with "unknown" implies the finding all the same.
        ({"onset": "gradual"}, ("weakness",), set()),
        ({"weakness": True}, (), set()),
    ],
)
def test_a_denied_or_withdrawn_finding_closes_what_requires_it(
    said: dict[str, Value], unknown: tuple[str, ...], closed: set[str], knowledge: KnowledgeBase
) -> None:
    values = {"weakness": True, "onset": "sudden", "weak_arm": True, "arm_onset": "sudden"}
    assert closed_by(said, unknown, values, knowledge.vocabulary.findings) == closed


def test_values_are_revised_only_to_those_of_a_possible_patient(knowledge: KnowledgeBase) -> None:
    findings = knowledge.vocabulary.findings
    assert revise({"weakness": False}, {"onset": "sudden"}, findings) is None
    assert revise({}, {"arm_onset": "sudden"}, findings) == {"arm_onset": "sudden", "weak_arm": True, "weakness": True}
    assert revise({"weakness": True, "onset": "sudden"}, {"weakness": False}, findings) == {"weakness": False}
