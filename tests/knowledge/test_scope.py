"""Is everything that the base document asks for declared, and is each of it shown firing, nearly firing and unknown by a case?

The ids are written out here a second time on purpose: a row that the knowledge lost must be missed by somebody. A case is about
the cause or sign that its name begins with.
"""

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from expert.inference.assessing import Assessor
from facts.case import Case, Observed
from facts.intake.case_files import Intake, read_case_files
from facts.vocabulary import ChoiceFinding, QuantityFinding, Value
from knowledge_base.conditions.expression import Compared, Expression, leaves, names_used
from knowledge_base.conditions.logic import Truth, evaluate, evaluate_named
from knowledge_base.model import KnowledgeBase

FOLDER = Path(__file__).parent / "cases"
FILES = sorted(FOLDER.rglob("*.yaml"))

CATEGORIES = {
    "medication": "antihypertensive_medication bronchodilator_medication oral_contraceptive",
    "withdrawal": "sedative_withdrawal alcohol_withdrawal hypnotic_withdrawal anxiolytic_withdrawal",
    "electrolyte_hormonal": "hypokalemia hypomagnesemia hypocalcemia alcoholism hypothyroidism",
    "musculoskeletal": "calf_muscle_strain tight_calf_muscles myopathy flat_feet genu_recurvatum",
    "nervous_system": "motor_neuron_disease peripheral_neuropathy nerve_root_compression",
    "water_balance": "dehydration salt_loss_through_sweating dialysis",
    "exertion_lifestyle": "exertion prolonged_sitting",
    "benign": "benign_leg_cramps",
}
CAUSES = {cause: category for category, causes in CATEGORIES.items() for cause in causes.split()}
WARNING_SIGNS = {
    "spasms_in_arms_or_torso": "same_day",
    "twitching": "soon",
    "cramps_from_fluid_loss": "same_day",
    "cramps_on_diuretics": "same_day",
    "pain_outside_spasms": "soon",
    "sensory_loss_outside_spasms": "soon",
    "sudden_weakness": "immediate",
    "sudden_sensory_loss": "immediate",
    "severe_symptoms": "immediate",
    "major_fluid_loss": "immediate",
}
YES_NO = """
    pregnant cramp_is_sudden cramp_is_involuntary cramp_is_painful visible_muscle_hardening relieved_by_stretching spasm_in_calf
    spasm_in_foot spasm_in_thigh spasm_in_arm spasm_in_hand spasm_in_torso spasm_in_jaw_or_neck plantar_flexion_during_cramp
    cramps_during_sleep cramps_during_exertion cramps_after_exertion cramps_after_prolonged_sitting cramps_during_dialysis
    cramps_began_after_new_medicine muscle_twitching muscle_weakness sensory_loss sensory_loss_only_during_spasm
    pain_between_spasms severe_pain vomiting diarrhea heavy_sweating thirst low_urine_output low_salt_or_potassium_intake
    on_dialysis calf_injury low_foot_arches knee_hyperextension muscle_wasting back_pain dark_urine heavy_alcohol_use
"""
CHOICES = {
    "sex": {"female", "male", "other"},
    "weakness_onset": {"sudden", "gradual"},
    "sensory_loss_onset": {"sudden", "gradual"},
    "fluid_loss_severity": {"mild", "moderate", "major"},
}
QUANTITIES = {
    "age": "years",
    "cramp_duration": "minutes",
    "alcohol_stopped_days_ago": "days",
    "serum_potassium": "mmol/L",
    "serum_magnesium": "mmol/L",
    "serum_calcium": "mmol/L",
    "serum_sodium": "mmol/L",
    "tsh": "mIU/L",
    "creatine_kinase": "U/L",
}
SCOPE = [*CAUSES, *WARNING_SIGNS]


@pytest.fixture(scope="session")
def cases(knowledge: KnowledgeBase) -> list[Case]:
    return [case for case, _ in read(knowledge, FOLDER).cases]


# What must be declared


def test_the_base_list_has_26_causes_and_10_warning_signs() -> None:
    assert (len(CAUSES), len(WARNING_SIGNS)) == (26, 10)


@pytest.mark.parametrize("name", CAUSES)
def test_cause_of_the_base_list_is_declared_in_its_category(name: str, knowledge: KnowledgeBase) -> None:
    assert knowledge.causes[name].category == CAUSES[name]


@pytest.mark.parametrize("name", WARNING_SIGNS)
def test_warning_sign_demands_at_least_its_level(name: str, knowledge: KnowledgeBase) -> None:
    sign, rank = knowledge.warning_signs[name], knowledge.level_rank
    assert min(rank[rule.level or sign.level] for rule in sign.rules) >= rank[WARNING_SIGNS[name]]


@pytest.mark.parametrize("name", YES_NO.split())
def test_finding_is_a_yes_no_question(name: str, knowledge: KnowledgeBase) -> None:
    assert knowledge.vocabulary.findings[name].kind == "yes_no"


@pytest.mark.parametrize("name", CHOICES)
def test_finding_offers_its_choices(name: str, knowledge: KnowledgeBase) -> None:
    finding = knowledge.vocabulary.findings[name]
    assert isinstance(finding, ChoiceFinding) and CHOICES[name] <= set(finding.choices)


@pytest.mark.parametrize("name", QUANTITIES)
def test_finding_is_measured_in_its_unit(name: str, knowledge: KnowledgeBase) -> None:
    finding = knowledge.vocabulary.findings[name]
    assert isinstance(finding, QuantityFinding) and finding.unit == QUANTITIES[name]


# What the cases say


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(FOLDER)))
def test_cases_come_out_as_expected(file: Path, knowledge: KnowledgeBase, assessor: Assessor) -> None:
    intake = read(knowledge, file)
    assert intake.refusals == ()
    assert [fault for case, place in intake.cases for fault in faults(assessor, case, str(place))] == []


@pytest.mark.parametrize("name", [*YES_NO.split(), *CHOICES, *QUANTITIES])
def test_finding_is_told_in_some_case(name: str, cases: list[Case]) -> None:
    assert any(name in case.findings for case in cases)


@pytest.mark.parametrize("name", SCOPE)
def test_some_case_shows_it_firing(name: str, cases: list[Case], assessor: Assessor) -> None:
    assert any(holds(assessor, case, name) for case in about(name, cases))


@pytest.mark.parametrize("name", SCOPE)
def test_some_case_shows_it_ruled_out_by_a_single_answer(name: str, cases: list[Case], assessor: Assessor) -> None:
    ruled_out = [
        case
        for case in about(name, cases)
        if truth(assessor.knowledge, case, name) is False and not holds(assessor, case, name)
    ]
    assert any(
        holds(assessor, changed, name)
        for case in ruled_out
        for changed in with_one_answer_changed(assessor.knowledge, case, name)
    )


@pytest.mark.parametrize("name", SCOPE)
def test_some_case_leaves_it_unknown(name: str, cases: list[Case], assessor: Assessor) -> None:
    unknown = [case for case in about(name, cases) if truth(assessor.knowledge, case, name) is None]
    assert any(could_hold(assessor, case, name) and not holds(assessor, case, name) for case in unknown)


# How the cases are judged


def read(knowledge: KnowledgeBase, path: Path) -> Intake:
    return read_case_files([path], knowledge.vocabulary, knowledge.dictionary)


def about(name: str, cases: list[Case]) -> list[Case]:
    return [case for case in cases if case.name.startswith(f"{name}:")]


def faults(assessor: Assessor, case: Case, place: str) -> Iterator[str]:
    """Return how a case differs from its labels."""
    knowledge, expected, assessment = assessor.knowledge, case.expected, assessor.assess(case)
    standings = {cause.id: cause.standing for cause in assessment.causes}
    said = f"{place}: {case.name}"
    if expected.urgency not in (None, assessment.urgency.level):
        yield f"{said}: urgency is {assessment.urgency.level}, not {expected.urgency}"
    for name in expected.causes:
        if not knowledge.grading.at_least(standings[name], knowledge.grading.considered):
            yield f"{said}: {name} is only {standings[name]}"
    for name, standing in expected.standings.items():
        if standings[name] != standing:
            yield f"{said}: {name} is {standings[name]}, not {standing}"
    for rules, wanted in ((expected.fires, True), (expected.ruled_out, False), (expected.open, None)):
        for rule in rules:
            if rule not in knowledge.rules:
                yield f"{said}: there is no rule {rule}"
            elif truth(knowledge, case, rule) is not wanted:
                yield f"{said}: {rule} {_NOT_SO[wanted]}"


_NOT_SO = {True: "did not fire", False: "is not ruled out", None: "is not open"}


def holds(assessor: Assessor, case: Case, name: str) -> bool:
    """Return whether a cause is at least possible, or a warning sign is there."""
    assessment, grading = assessor.assess(case), assessor.knowledge.grading
    return name in {sign.id for sign in assessment.warning_signs} or any(
        cause.id == name and grading.at_least(cause.standing, grading.considered) for cause in assessment.causes
    )


def could_hold(assessor: Assessor, case: Case, name: str) -> bool:
    """Return whether an answer that was not given could still make a cause possible, or a warning sign be there."""
    grading = assessor.knowledge.grading
    return name in WARNING_SIGNS or any(
        grading.at_least(standing, grading.considered)
        for cause in assessor.assess(case).causes
        if cause.id == name
        for standing in cause.could_be
    )


def truth(knowledge: KnowledgeBase, case: Case, name: str) -> Truth:
    """Judge a rule, or the bare name of a conclusion, by the reference."""
    condition = knowledge.rules[name].condition if name in knowledge.rules else knowledge.conditions[name]
    return evaluate(condition, case.values, evaluate_named(knowledge.conditions, case.values))


def with_one_answer_changed(knowledge: KnowledgeBase, case: Case, name: str) -> Iterator[Case]:
    """Return the case with each answer that the conclusion rests on changed, added or taken away, one at a time."""
    for finding, values in answers(knowledge, name).items():
        rest = {known: observed for known, observed in case.findings.items() if known != finding}
        yield replace(case, findings=rest)
        for value in values:
            yield replace(case, findings={**rest, finding: Observed(value)})


def answers(knowledge: KnowledgeBase, name: str) -> dict[str, set[Value]]:
    """Return every answer that a rule of the conclusion can tell apart: on both sides of each threshold, and on it."""
    rules = (knowledge.causes.get(name) or knowledge.warning_signs[name]).rules
    found: dict[str, set[Value]] = {}
    waiting: list[Expression] = [rule.condition for rule in rules]
    seen: set[str] = set()
    while waiting:
        tree = waiting.pop()
        for leaf in leaves(tree):
            values = found.setdefault(leaf.finding, set())
            finding = knowledge.vocabulary.findings[leaf.finding]
            if isinstance(leaf, Compared):
                limit = leaf.threshold
                values.update((math.nextafter(limit, -math.inf), limit, math.nextafter(limit, math.inf)))
            else:
                values.update(finding.choices if isinstance(finding, ChoiceFinding) else (True, False))
        waiting.extend(knowledge.conditions[below] for below in {*names_used(tree)} - seen)
        seen.update(names_used(tree))
    return found
