"""What is concluded of a number that is known in part, what is still open, and what asks for the exact figure."""

from expert.inference.assessing import Assessor
from facts.answers import read_answer
from facts.assessment import Assessment
from facts.case import Case, complete
from facts.quantities import Interval
from reports.json_report import plain


def assess(assessor: Assessor, **answers: object) -> Assessment:
    knowledge = assessor.knowledge
    read = {name: read_answer(knowledge.vocabulary.findings[name], written) for name, written in answers.items()}
    known = {name: observed for name, observed in read.items() if observed is not None}
    findings, unrecognized = complete(knowledge.vocabulary, knowledge.dictionary, known)
    return assessor.assess(Case("in part", findings, unrecognized))


def test_a_potassium_below_what_was_measured_is_immediate(assessor: Assessor) -> None:
    assessment = assess(assessor, serum_potassium="< 1.5")
    assert assessment.urgency.level == "immediate"
    assert "below 1.5 mmol/L" in assessment.urgency.because[0]
    assert "serum_potassium" not in {missing.id for missing in assessment.missing}


def test_a_bound_that_is_the_rules_own_is_said_once(assessor: Assessor) -> None:
    assert assess(assessor, serum_potassium="< 2.5").urgency.because[0].startswith("Serum potassium is below 2.5 mmol/L. ")
    assert "below 2.4 mmol/L, below 2.5 mmol/L" in assess(assessor, serum_potassium="< 2.4").urgency.because[0]


def test_a_unit_is_printed_as_people_print_it_and_goes_with_its_number(assessor: Assessor) -> None:
    hot = assess(assessor, body_temperature="102.4 degF")
    assert "Body temperature is 102.4 °F (39.11 °C)" in " ".join(hot.urgency.because)
    stopped = assess(assessor, heavy_alcohol_use="yes", alcohol_stopped_days_ago=1)
    assert " 1 day ago" in " ".join(stopped.urgency.because)


def test_what_is_named_is_what_stands_beside_and_not_what_makes_the_first(assessor: Assessor) -> None:
    hot = assess(assessor, body_temperature=38.6, heat_exposure="yes")
    assert hot.urgency.because[0].startswith("The patient has a fever and exposure to heat.")


def test_a_low_potassium_is_confirmed_and_its_figure_is_asked_for(assessor: Assessor) -> None:
    assessment = assess(assessor, serum_potassium="low")
    standings = {cause.id: cause.standing for cause in assessment.causes}
    assert standings["hypokalemia"] == "confirmed"
    assert (assessment.urgency.level, assessment.urgency.ceiling) == ("soon", "immediate")
    (missing,) = [missing for missing in assessment.missing if missing.id == "serum_potassium"]
    assert missing.urgency == "immediate"
    assert missing.question == "What is the serum potassium? (below 3.5 mmol/L so far; the exact figure decides)"
    measured = [step.do for step in assessment.next_steps if not step.done and "potassium" in step.do and "easure" in step.do]
    assert measured


def test_a_figure_that_decides_nothing_more_is_not_asked_for(assessor: Assessor) -> None:
    assessment = assess(assessor, serum_potassium="3.6-3.8")
    assert "serum_potassium" not in {missing.id for missing in assessment.missing}
    assert not [step for step in assessment.next_steps if not step.done and "easure potassium" in step.do]


def test_the_verdict_is_open_while_the_exact_figure_could_raise_it(assessor: Assessor) -> None:
    low, figure = assess(assessor, serum_potassium="2.9-3.4"), assess(assessor, serum_potassium="3.3")
    assert low.urgency.level == figure.urgency.level == "soon"
    rank = list(assessor.knowledge.levels)
    assert rank.index(low.urgency.ceiling) >= rank.index("same_day")
    assert "serum_potassium" in {missing.id for missing in low.missing}


def test_a_report_and_its_json_say_what_was_recorded(assessor: Assessor) -> None:
    data = plain(assess(assessor, serum_potassium="low", creatine_kinase="> 20 000 U/L"))
    potassium, kinase = data["findings"]
    assert potassium["says"] == "the serum potassium is low, no figure given (below 3.5 mmol/L)"
    assert potassium["value"] == {"low": 0.5, "high": 3.5, "low_included": True, "high_included": False}
    assert potassium["given"] == "low"
    assert kinase["says"] == "the creatine kinase is above 20000 U/L"


def test_what_is_computed_is_concluded_from_and_shown_with_what_it_comes_from(assessor: Assessor) -> None:
    assessment = assess(assessor, total_calcium="6.0 mg/dL", serum_albumin="4 g/dL")
    assert assessment.urgency.level == "immediate"
    (argument, *_) = assessment.warning_signs[0].arguments
    assert argument.findings[0].origin == "computed from the total calcium (1.497 mmol/L) and the serum albumin (40 g/L)"
    assert {finding.id for finding in assessment.findings} == {"total_calcium", "serum_albumin", "serum_calcium"}


def test_an_interval_and_a_figure_in_it_are_two_values(assessor: Assessor) -> None:
    finding = assess(assessor, serum_potassium="2.9-3.4").findings[0]
    assert finding.value == Interval(2.9, 3.4)
