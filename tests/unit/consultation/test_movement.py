"""How a consultation moved: what stood after each step, and the picture of it."""

import pytest

from expert.consultation.answer_log import Log
from expert.consultation.moments import Consultation
from expert.consultation.movement import stages
from expert.inference.assessing import Assessor
from facts.language.speaking import spoken
from knowledge_base.model import KnowledgeBase
from reports.arranged.movement import movement

AT = "2026-11-26T09:00:00+00:00"


@pytest.fixture(scope="module")
def consultation(assessor: Assessor) -> Consultation:
    return Consultation(assessor)


def held(consultation: Consultation, *pages: dict[str, object]) -> Log:
    log: Log = ()
    for number, answers in enumerate(pages):
        log, _ = consultation.answered(log, "moved", f"page {number}", answers, AT)
    return log


def test_a_danger_raises_what_stood_and_closes_what_was_open(consultation: Consultation) -> None:
    log = held(consultation, {"age": 60, "spasm_in_calf": True}, {"vomiting": True}, {"serum_potassium": 2.3})
    first, second, third = stages(consultation, log, "moved")
    assert (first.level, first.could_rise_to, first.given) == ("routine", "immediate", 2)
    assert (second.level, second.could_rise_to) == ("same_day", "immediate")
    assert (third.level, third.could_rise_to) == ("immediate", None)
    assert third.leading[0] == ("hypokalemia", "confirmed")


def test_what_was_taken_back_did_not_move_it(consultation: Consultation) -> None:
    log = held(consultation, {"age": 60}, {"serum_potassium": 2.3})
    log = (*consultation.undone(log, AT),)
    assert [stage.level for stage in stages(consultation, log, "moved")] == ["routine"]


def test_the_picture_says_in_words_what_it_shows(consultation: Consultation, knowledge: KnowledgeBase) -> None:
    assert spoken() is None
    log = held(consultation, {"age": 60}, {"vomiting": True}, {"serum_potassium": 2.3})
    shown = movement(stages(consultation, log, "moved"), knowledge)
    assert shown is not None
    rows = dict(shown.levels)
    assert [y for _, y in shown.marks] == [rows["Routine"], rows["Same day"], rows["Immediate"]]
    assert [(low, high) for _, low, high in shown.open] == [
        (rows[level], rows["Immediate"]) for level in ("Routine", "Same day")
    ]
    label, _, sides = shown.causes[0]
    assert label.startswith("Low potassium") and sides[0][1] == 0 < sides[1][1] < sides[2][1]
    assert shown.steps[0] == "Step 1, with 1 answer: not decided, could be immediate."
    assert shown.steps[2].startswith("Step 3, with 1 answer: immediate, decided. Low potassium (hypokalemia), confirmed")


def test_a_step_that_changed_nothing_is_drawn_and_not_told(consultation: Consultation, knowledge: KnowledgeBase) -> None:
    log = held(consultation, {"serum_potassium": 2.3}, {"age": 60})
    shown = movement(stages(consultation, log, "moved"), knowledge)
    assert shown is not None
    assert (len(shown.marks), len(shown.steps)) == (2, 1)


def test_one_step_is_no_movement(consultation: Consultation, knowledge: KnowledgeBase) -> None:
    assert movement(stages(consultation, held(consultation, {"age": 60}), "moved"), knowledge) is None
