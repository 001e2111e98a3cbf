"""What the benchmark counts as typed is what the terminal reads as the same answers."""

import pytest

from benchmarks.consultations import FOLDERS, PATIENTS, WELL, Figures, complete, is_asked, measure
from benchmarks.keystrokes import lines_for
from expert.consultation import replies
from expert.consultation.answer_log import Log
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Consultation
from expert.inference.assessing import Assessor
from facts.intake.case_files import read_case_files


def test_the_lines_that_are_counted_are_read_as_the_answers_that_they_stand_for(assessor: Assessor) -> None:
    consultation = Consultation(assessor)
    knowledge, pages = consultation.knowledge, 0
    cases = [case for case, _ in read_case_files(FOLDERS, knowledge.vocabulary, knowledge.dictionary).cases]
    well = next(case for case in cases if case.name == WELL)
    patients = [case for case, _ in read_case_files([PATIENTS], knowledge.vocabulary, knowledge.dictionary).cases]
    for case in complete(patients, well, consultation):
        log: Log = ()
        moment = consultation.moment(log, case.name)
        while isinstance(moment.next, ScreenAsked):
            asked = moment.next
            given = {name: one for name, one in consultation.reply(asked, case).items() if is_asked(name, asked, consultation)}
            line = lines_for(asked, given, consultation.questioner)[0]
            read = replies.read_screen(asked, line, knowledge)
            assert {name: read.get(name) for name in asked.questions} == {name: given[name] for name in asked.questions}, line
            log, moment = consultation.answered(log, case.name, asked.screen.id, given, "")
            pages += 1
    assert pages >= 15


@pytest.mark.parametrize(("place", "pages"), [(0, 6), (1, 6), (2, 7)], ids=["night cramps", "furosemide", "twitching"])
def test_a_patient_of_a_general_practice_takes_five_minutes(place: int, pages: int, assessor: Assessor) -> None:
    consultation, figures = Consultation(assessor), Figures()
    knowledge = consultation.knowledge
    cases = [case for case, _ in read_case_files(FOLDERS, knowledge.vocabulary, knowledge.dictionary).cases]
    well = next(case for case in cases if case.name == WELL)
    patients = [case for case, _ in read_case_files([PATIENTS], knowledge.vocabulary, knowledge.dictionary).cases]
    measure(complete(patients, well, consultation)[place], consultation, figures)
    assert figures.screens[0] <= pages and figures.signs[0] <= 45 and figures.keys[0] <= 60
    assert not figures.lower and not figures.unlike
