"""The outline that pages show says what the whole assessment says, at every point of a consultation."""

import random
from pathlib import Path

import pytest

from expert.inference.assessing import Assessor
from facts.case import Case
from facts.intake.case_files import read_case_files

VIGNETTES = Path(__file__).parents[2] / "knowledge" / "cases" / "vignettes"


def partial_cases(assessor: Assessor) -> list[Case]:
    """Return vignettes as they are, and each with a part of its findings, as a consultation has it on its way."""
    knowledge = assessor.knowledge
    intake = read_case_files([VIGNETTES], knowledge.vocabulary, knowledge.dictionary)
    made = random.Random(5)
    cases = []
    for case, _ in intake.cases[::4]:
        names = [name for name in case.findings if made.random() < 0.6]
        needed = {name: knowledge.vocabulary.findings[name].requires for name in names}
        kept = {name: case.findings[name] for name in names if needed[name] is None or needed[name] in names}
        cases += [case, Case(case.name, kept)]
    return cases


def test_the_outline_says_what_the_assessment_says(assessor: Assessor) -> None:
    knowledge = assessor.knowledge
    grading = knowledge.grading
    cases = partial_cases(assessor)
    levels = set()
    for case in cases:
        judgement = assessor.check(case)
        outline, whole = assessor.outline(case, judgement), assessor.conclude(case, judgement)
        urgency = whole.urgency
        assert (outline.level, outline.ceiling, outline.decided) == (urgency.level, urgency.ceiling, urgency.decided)
        assert outline.could_rise == urgency.could_rise and outline.could_rise_to == urgency.could_rise_to
        assert outline.signs == tuple((sign.id, sign.level) for sign in whole.warning_signs)
        considered = [cause for cause in whole.causes if grading.at_least(cause.standing, grading.considered)]
        assert outline.causes == tuple((cause.id, cause.standing) for cause in considered)
        levels.add((outline.level, outline.decided))
    # Calm and urgent, decided and open: else the comparison would say little.
    assert {level for level, _ in levels} == set(knowledge.levels)
    assert {decided for _, decided in levels} == {True, False}


@pytest.mark.parametrize("seed", [1, 2])
def test_open_dangers_are_those_of_the_verdict(assessor: Assessor, seed: int) -> None:
    verdicts, judge = assessor.urgency.verdicts, assessor.judge
    made = random.Random(seed)
    for case in partial_cases(assessor):
        judgement = assessor.check(case)
        closed = {name for name in verdicts.asked_by if made.random() < 0.3}
        verdict = verdicts.verdict(case.values, judgement, closed)
        lookout, whole = judge.lookout(case.values, verdict.answerable), judge.outlook(case.values, verdict.answerable)
        assert verdicts.open_dangers(judgement, lookout.at_dangers()) == verdict.open
        for cause in assessor.knowledge.causes.values():
            names = tuple(rule.id for rule in cause.rules)
            places = [judge.position[name] for name in names]
            assert lookout.at(names).wanted == tuple(whole.wanted[place] for place in places)
