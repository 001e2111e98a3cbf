"""Results that nobody vouches for: they may warn, and never exclude, reassure or lower anything."""

import html
from typing import Any

import pytest

from expert.inference.assessing import Assessor
from facts.assessment import Assessment
from facts.quantities import bounds
from knowledge_base.model import KnowledgeBase
from reports.formats import FORMATS
from tests.fhir_samples import POTASSIUM, concept, condition, notes, observation, one
from tests.small_knowledge import load, quantity


def assessed(record: list[Any], knowledge: KnowledgeBase, assessor: Assessor, **judging: Any) -> Assessment:
    return assessor.assess(one(record, knowledge, **judging))


@pytest.mark.parametrize("status", ["registered", "preliminary", "unknown", "", 7, None, "draft"])
def test_an_unverified_result_warns_with_its_value_status_and_date(
    status: Any, knowledge: KnowledgeBase, assessor: Assessor
) -> None:
    found = assessed([observation(POTASSIUM, 2.2, status=status, id="raw")], knowledge, assessor)
    assert (found.urgency.level, found.urgency.verified_level) == ("immediate", "routine")
    (because, *_) = found.urgency.because
    for part in ("Unverified, repeat it", "Observation/raw, 2026-03-01", "status", "Serum potassium is 2.2 mmol/L"):
        assert part in because
    (reading,) = found.unverified
    assert (reading.finding.id, reading.finding.value) == ("serum_potassium", 2.2)
    assert "severe-hypokalemia-below-2-5" in reading.warns
    assert found.findings == ()
    assert {cause.standing for cause in found.causes} == {"no_evidence"}


def test_an_unverified_normal_result_excludes_nothing(knowledge: KnowledgeBase, assessor: Assessor) -> None:
    nothing = assessed([condition("SNOMED CT", "73211009")], knowledge, assessor)
    unverified = observation(POTASSIUM, 4.4, status="preliminary")
    found = assessed([condition("SNOMED CT", "73211009"), unverified], knowledge, assessor)
    assert found.causes == nothing.causes
    assert (found.urgency, found.missing) == (nothing.urgency, nothing.missing)
    assert [one.finding.value for one in found.unverified] == [4.4]


@pytest.mark.parametrize(("final", "raw", "level"), [(2.2, 4.4, "immediate"), (4.4, 2.2, "immediate"), (4.4, 4.6, "routine")])
def test_an_older_final_result_never_stands_in_for_a_newer_unverified_one(
    final: float, raw: float, level: str, knowledge: KnowledgeBase, assessor: Assessor
) -> None:
    older = observation(POTASSIUM, final, when="2026-02-20", id="final")
    newer = observation(POTASSIUM, raw, status="preliminary", id="raw")
    case = one([older, newer], knowledge)
    value = case.findings["serum_potassium"].value
    assert not isinstance(value, bool | str)
    assert bounds(value) == (min(final, raw), max(final, raw))
    assert [one.observed.value for one in case.unverified] == [final, raw]
    assert assessor.assess(case).urgency.level == level


def test_a_newer_final_result_supersedes_an_unverified_one(knowledge: KnowledgeBase) -> None:
    raw = observation(POTASSIUM, 2.2, when="2026-02-20", status="preliminary", id="raw")
    case = one([raw, observation(POTASSIUM, 4.4)], knowledge)
    assert (case.values, case.unverified) == ({"serum_potassium": 4.4}, ())


def test_a_status_can_be_accepted_for_an_archive(knowledge: KnowledgeBase) -> None:
    archived = observation(POTASSIUM, 2.2, status="unknown")
    case = one([archived], knowledge, accepted=frozenset({"unknown"}))
    assert (case.values, case.unverified) == ({"serum_potassium": 2.2}, ())


def test_two_unverified_results_warn_together_what_neither_does_alone(knowledge: KnowledgeBase, assessor: Assessor) -> None:
    record = [
        observation("2951-2", 122, status="preliminary", id="sodium"),
        observation(concept("SNOMED CT", "25064002"), id="headache", valueBoolean=True, status="preliminary"),
        observation(POTASSIUM, 2.2, status="preliminary", id="potassium"),
    ]
    found = assessed(record, knowledge, assessor)
    assert {reading.finding.id for reading in found.unverified} == {"serum_sodium", "headache", "serum_potassium"}
    assert found.urgency.level == "immediate"
    assert {cause.standing for cause in found.causes} == {"no_evidence"}


def test_two_values_of_one_time_are_told_and_the_graver_warns_whatever_their_ids(
    knowledge: KnowledgeBase, assessor: Assessor
) -> None:
    for names in (("a", "b"), ("b", "a")):
        both = [observation(POTASSIUM, value, id=name) for value, name in zip((2.2, 5.1), names, strict=True)]
        for record in (both, both[::-1]):
            case = one(record, knowledge)
            assert sorted(one.observed.value for one in case.unverified) == [2.2, 5.1]
            assert assessor.assess(case).urgency.level == "immediate"
            value = case.findings["serum_potassium"].value
            assert not isinstance(value, bool | str)
            assert bounds(value) == (2.2, 5.1)


def test_values_of_one_time_that_agree_about_a_rule_prove_it(knowledge: KnowledgeBase, assessor: Assessor) -> None:
    record = [observation(POTASSIUM, value, id=f"k{value}") for value in (2.1, 2.3)]
    found = assessed(record, knowledge, assessor)
    assert (found.urgency.level, found.urgency.verified_level) == ("immediate", None)
    assert "hypokalemia" in {cause.id for cause in found.causes if cause.standing == "confirmed"}


@pytest.mark.parametrize(
    ("dates", "known"),
    [
        (("2026-03-01", "2026-03-01T09:00:00Z"), False),
        (("2026-03", "2026-03-01"), False),
        (("2026", "2026-03-01"), False),
        ((None, "2026-03-01"), False),
        (("2026-03-01", "2026-03-02"), True),
        (("2026-02", "2026-03-02"), True),
        (("2026-03-02T08:00:00Z", "2026-03-02T08:00:01Z"), True),
    ],
)
def test_only_what_is_certainly_later_is_newer(dates: tuple[Any, str], known: bool, knowledge: KnowledgeBase) -> None:
    first = observation(POTASSIUM, 2.2, when=dates[0], id="first")
    case = one([first, observation(POTASSIUM, 4.4, when=dates[1], id="second")], knowledge)
    assert (case.values == {"serum_potassium": 4.4}) is known
    assert (case.unverified == ()) is known


def test_a_foreign_knowledge_base_warns_of_its_own(tmp_path: Any) -> None:
    foreign = load(tmp_path, {"band": quantity("band", codes={"LOINC": "2"})})
    case = one([observation("2", 5, status="preliminary")], foreign)
    assert case.values == {}
    (reading,) = Assessor(foreign).assess(case).unverified
    assert (reading.finding.value, reading.warns) == (5, ())
    assert notes(case) == {}


@pytest.mark.parametrize("form", ["text", "markdown", "html", "json"])
@pytest.mark.parametrize("value", [2.2, 4.4])
def test_every_format_shows_an_unverified_result_with_its_value_and_status(
    form: str, value: float, knowledge: KnowledgeBase, assessor: Assessor
) -> None:
    found = assessed([observation(POTASSIUM, value, status="preliminary", id="raw")], knowledge, assessor)
    shown = " ".join(html.unescape(FORMATS[form].render(found, knowledge)).split())
    assert f"the serum potassium is {value} mmol/L" in shown
    assert "status 'preliminary': nobody has verified it" in shown
    assert "Observation/raw" in shown
    if value < 3 and form != "json":
        assert "Repeat, because unverified: serum potassium." in shown
