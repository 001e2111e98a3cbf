"""How many pages are said to follow at most: true of whoever says nothing new from there on."""

from itertools import pairwise
from pathlib import Path

import pytest

from expert.consultation.answer_log import Log
from expert.consultation.asking.page import ScreenAsked
from expert.consultation.moments import Consultation
from expert.consultation.progress import pages_left
from expert.inference.assessing import Assessor
from facts.case import Case
from facts.intake.case_files import read_case_files

VIGNETTES = Path(__file__).parents[2] / "knowledge" / "cases" / "vignettes"
AT = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize(("thorough", "every"), [(False, 4), (True, 10)])
def test_no_more_pages_follow_than_are_said_if_nothing_new_is_answered(assessor: Assessor, thorough: bool, every: int) -> None:
    knowledge = assessor.knowledge
    consultation = Consultation(assessor, thorough=thorough)
    cases = [case for case, _ in read_case_files([VIGNETTES], knowledge.vocabulary, knowledge.dictionary).cases][::every]
    assert len(cases) >= 3
    bounds = set()
    for number, case in enumerate(cases):
        told = number % 4
        log: Log = ()
        moment = consultation.moment(log, case.name)
        said: list[int] = []
        while isinstance(moment.next, ScreenAsked):
            if moment.screens >= told:
                said.append(pages_left(moment))
            # Some pages are answered with what the case has, then every one is left open.
            answers = consultation.reply(moment.next, case if moment.screens < told else Case(case.name, {}))
            log, moment = consultation.answered(log, case.name, moment.next.screen.id, answers, AT)
        followed = list(range(len(said) - 1, -1, -1))
        assert all(bound >= real for bound, real in zip(said, followed, strict=True)), (case.name, said)
        assert all(later <= earlier for earlier, later in pairwise(said)), (case.name, said)
        bounds.update(said)
    # It is no bound that holds because it is wide: it comes down to the last page.
    assert 0 in bounds


def test_nothing_follows_where_nothing_is_asked(assessor: Assessor) -> None:
    consultation = Consultation(assessor)
    _, moment = consultation.scripted(Case("nobody", {}), lambda: AT)
    assert pages_left(moment) == 0
