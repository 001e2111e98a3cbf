"""The judge on planes agrees with the meaning on random knowledge bases and cohorts, unknown values and intervals included."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.synthetic import frame
from expert.cohorts.planes.answers import UnfitFrame
from expert.cohorts.planes.cohort_judge import CohortJudge, Judged
from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.case import Case, Observed
from facts.intake.case_files import read_case_files
from facts.quantities import Interval, at_most
from facts.vocabulary import QuantityFinding, Value
from knowledge_base.judging.judgement import contradiction_key
from knowledge_base.model import KnowledgeBase
from tests.cohort_frames import frame_of
from tests.generative.drawing import EVERY_OPERATOR, cases, knowledge_bases, operators, sorts_of
from tests.generative.test_interpreters_agree import meaning
from tests.small_knowledge import case

BEYOND_A_WORD = 70
VIGNETTES = Path(__file__).parents[1] / "knowledge" / "cases" / "vignettes"


def rows_of(knowledge: KnowledgeBase, judged: Judged) -> list[dict[str, Any]]:
    names = (*knowledge.rules, *knowledge.warning_signs)
    columns = {
        **{f"truth {name}": judged.truth(name) for name in names},
        **{f"standing {name}": standing for name, standing in judged.standings().items()},
        **{f"first {rank}": cause for rank, cause in enumerate(judged.first_causes(3))},
        "leading": judged.leading_cause(),
        "urgency": judged.urgency(),
        "ceiling": judged.ceiling(),
        "decided": judged.decided(),
        "fired": judged.fired(tuple(knowledge.rules)),
    }
    return pl.DataFrame(columns).to_dicts()


def check(knowledge: KnowledgeBase, row: Mapping[str, Any], truths: Mapping[str, Any], assessment: Assessment) -> None:
    """Compare a row of a cohort with what was concluded about its patient alone."""
    names = (*knowledge.rules, *knowledge.warning_signs)
    assert {name: row[f"truth {name}"] for name in names} == {name: truths[name] for name in names}
    assert row["fired"] == [name for name in knowledge.rules if truths[name]]
    causes = {each.id: each.standing for each in assessment.causes}
    assert {name: row[f"standing {name}"] for name in causes} == causes
    urgency = assessment.urgency
    assert (row["urgency"], row["ceiling"], row["decided"]) == (urgency.level, urgency.ceiling, urgency.decided)
    grading = knowledge.grading
    considered = [name for name, standing in causes.items() if grading.at_least(standing, grading.considered)]
    likely = [name for name, standing in causes.items() if grading.at_least(standing, grading.likely)]
    assert [row[f"first {rank}"] for rank in range(3)] == [*considered, None, None, None][:3]
    assert row["leading"] == (likely or [None])[0]


def check_counts(knowledge: KnowledgeBase, judged: Judged, rows: Sequence[Mapping[str, Any]]) -> None:
    for name in knowledge.rules:
        truths = [row[f"truth {name}"] for row in rows]
        assert judged.count(name) == (truths.count(True), truths.count(False))
    for name in knowledge.causes:
        standings = [row[f"standing {name}"] for row in rows]
        assert judged.count_standings(name) == {each: standings.count(each) for each in standings}


def test_planes_agree_with_the_meaning_and_every_operator_was_drawn() -> None:
    drawn: set[str] = set()

    @given(knowledge_bases(), st.lists(cases(), min_size=1, max_size=6), st.booleans())
    def agree(knowledge: KnowledgeBase, patients: list[dict[str, Value]], many: bool) -> None:
        for tree in (*knowledge.conditions.values(), *(rule.condition for rule in knowledge.rules.values())):
            drawn.update(operators(tree))
        # Whole words, and a word that is not full.
        cohort = (patients * BEYOND_A_WORD)[:BEYOND_A_WORD] if many else patients
        judged = CohortJudge(knowledge)(frame_of(knowledge, cohort))
        rows, assessor = rows_of(knowledge, judged), Assessor(knowledge)
        check_counts(knowledge, judged, rows)
        for place, values in enumerate(patients):
            drawn.update(sorts_of(values))
            check(knowledge, rows[place], meaning(knowledge, values), assessor.assess(case(values)))
        for place in range(len(patients), len(cohort)):
            assert rows[place] == rows[place - len(patients)]

    agree()
    assert drawn == EVERY_OPERATOR


def in_part(values: Mapping[str, Any], draw: random.Random, knowledge: KnowledgeBase) -> dict[str, Any]:
    """Make some of a patient's numbers known in part."""
    changed = dict(values)
    for name, value in values.items():
        finding = knowledge.vocabulary.findings[name]
        if isinstance(finding, QuantityFinding) and isinstance(value, float) and draw.random() < 0.3:
            low, high = finding.range
            ends = sorted(draw.choice([value, low, high, (low + value) / 2, (value + high) / 2]) for _ in range(2))
            if ends[0] < ends[1]:
                changed[name] = Interval(*ends)
    return changed


def test_planes_say_of_synthetic_patients_and_vignettes_what_is_said_of_each_alone(
    knowledge: KnowledgeBase, assessor: Assessor
) -> None:
    """The whole shipped knowledge: what is looked for and ordered, worth asking, and told by lists of medicines."""
    draw = random.Random(18)
    names = knowledge.vocabulary.findings
    synthetic = [
        {name: value for name, value in row.items() if name in names and value is not None}
        for row in frame(knowledge, 0, 250, seed=18).to_dicts()
    ]
    vignettes = read_case_files([VIGNETTES], knowledge.vocabulary, knowledge.dictionary)
    patients: list[dict[str, Any]] = [*synthetic, *(in_part(values, draw, knowledge) for values in synthetic)]
    patients += [dict(each.values) for each, _ in vignettes.cases]
    # Few answers leave most open, as at the beginning of a consultation.
    patients += [dict(draw.sample(sorted(values.items()), min(len(values), 6))) for values in synthetic]
    judge = CohortJudge(knowledge)
    cohort = frame_of(knowledge, patients)
    contradictions = pl.DataFrame(judge(cohort).contradictions()).to_dicts()
    rows = rows_of(knowledge, judge(cohort))
    decided: set[bool] = set()
    for values, row, contradicted in zip(patients, rows, contradictions, strict=True):
        judgement = assessor.judge(values)
        truths = assessor.judge.truths(judgement)
        assert contradicted == {name: truths[contradiction_key(name)] is True for name in knowledge.contradictions}
        if any(contradicted.values()):
            continue
        one = Case("", {name: Observed(value) for name, value in values.items()})
        check(knowledge, row, truths, assessor.conclude(one, judgement))
        decided.add(row["decided"])
    assert decided == {True, False}


@settings(max_examples=25)
@given(knowledge_bases(), st.lists(cases(), min_size=20, max_size=40), st.integers(1, 19))
def test_rows_of_a_frame_that_begin_within_a_byte_are_judged_as_they_are(
    knowledge: KnowledgeBase, patients: list[dict[str, Value]], first: int
) -> None:
    judge, whole = CohortJudge(knowledge), frame_of(knowledge, patients)
    rows = rows_of(knowledge, judge(whole))
    assert rows_of(knowledge, judge(whole.slice(first))) == rows[first:]


def test_a_figure_needs_no_greatest_beside_it(knowledge: KnowledgeBase) -> None:
    columns = {"serum_potassium": [2.4, 2.0, 6.0], at_most("serum_potassium"): [None, 4.0, None]}
    judged = CohortJudge(knowledge)(pl.DataFrame(columns))
    assert judged.truth("hypokalemia-measured").to_list() == [True, None, False]


@pytest.mark.parametrize(
    ("columns", "told"),
    [
        ({"fever": [1]}, "the column fever"),
        ({"age": ["old"]}, "the column age"),
        ({"sex": [True]}, "the column sex"),
        ({"sex": ["lady"]}, "the column sex holds 'lady'"),
    ],
)
def test_a_column_of_another_type_is_refused(columns: dict[str, list[Any]], told: str, knowledge: KnowledgeBase) -> None:
    with pytest.raises(UnfitFrame, match=told):
        CohortJudge(knowledge)(pl.DataFrame(columns))
